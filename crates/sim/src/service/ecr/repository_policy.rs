use ::iam::{AccountId, Kind};
use oci::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Fault, input::repository_name, repositories::not_found};
use crate::world::{Document, Repository, repository_arn};

const MAX_POLICY: usize = 10_240;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    policy_text: Option<String>,
}

/// `SetRepositoryPolicy`
pub(super) fn set(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let invalid = |constraint: &str| Fault::parameter("PolicyText", constraint);
    let text = input
        .policy_text
        .as_deref()
        .ok_or_else(|| invalid("Member must not be null"))?;
    if text.len() > MAX_POLICY {
        return Err(invalid("Member must have length less than or equal to 10240"));
    }
    let document = Document::read(text, Kind::Resource).map_err(|error| {
        tracing::debug!(%error, "a repository policy was refused");
        invalid("Invalid repository policy provided")
    })?;
    let (account, name) = entered(call, &input)?;
    change(call, account, &name, |repository| {
        repository.policy = Some(document);
        Ok(())
    })?;
    Ok(shown(account, &name, text))
}

/// `GetRepositoryPolicy`
pub(super) fn show(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let (account, name) = entered(call, &input)?;
    let region = call.region;
    let policy = call.world.read(|state| {
        let repository = state.repository(account, region, &name);
        let repository = repository.ok_or_else(|| not_found(account, &name))?;
        let policy = repository.policy.as_ref().ok_or_else(|| no_policy(account, &name))?;
        Ok::<_, Fault>(policy.text.clone())
    })?;
    Ok(shown(account, &name, &policy))
}

/// `DeleteRepositoryPolicy`
pub(super) fn delete(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let (account, name) = entered(call, &input)?;
    let policy = change(call, account, &name, |repository| {
        repository.policy.take().ok_or_else(|| no_policy(account, &name))
    })?;
    Ok(shown(account, &name, &policy.text))
}

/// The repository that the call names, if the caller may do this to it.
fn entered(call: &mut Call<'_>, input: &Input) -> Result<(AccountId, RepositoryName), Fault> {
    let name = repository_name(input.repository_name.as_deref())?;
    let account = call.registry(input.registry_id.as_deref())?;
    let region = call.region;
    call.authorize(&repository_arn(account, region, &name), account, |state| {
        state.repository(account, region, &name)?.policy.as_ref()
    })?;
    Ok((account, name))
}

fn change<T>(
    call: &Call<'_>,
    account: AccountId,
    name: &RepositoryName,
    change: impl FnOnce(&mut Repository) -> Result<T, Fault>,
) -> Result<T, Fault> {
    call.world.write(|state| {
        let repository = state.repository_mut(account, call.region, name);
        change(repository.ok_or_else(|| not_found(account, name))?)
    })
}

fn no_policy(account: AccountId, name: &RepositoryName) -> Fault {
    Fault::new(
        "RepositoryPolicyNotFoundException",
        format!(
            "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
        ),
    )
}

fn shown(account: AccountId, name: &RepositoryName, policy: &str) -> Value {
    json!({
        "registryId": account.to_string(),
        "repositoryName": name.to_string(),
        "policyText": policy,
    })
}
