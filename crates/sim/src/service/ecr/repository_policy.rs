use ::iam::Kind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, Call, about, fault::Fault, input::required};
use crate::{
    policy::{Wish, request_context},
    principal,
    trail::Decisions,
    world::{Document, RepositoryKey},
};

const MAX_POLICY: usize = 10_240;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    at: At,
    policy_text: Option<String>,
    #[serde(default)]
    force: bool,
}

/// `SetRepositoryPolicy`
pub(super) fn set(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let invalid = |constraint: &str| Fault::parameter("PolicyText", constraint);
    let text = required("PolicyText", input.policy_text)?;
    if text.len() > MAX_POLICY {
        return Err(invalid("Member must have length less than or equal to 10240"));
    }
    let document = Document::read(&text, Kind::Resource).map_err(|error| {
        tracing::debug!(%error, "a repository policy was refused");
        invalid("Invalid repository policy provided")
    })?;
    if principal::impossible(&text).is_some() {
        return Err(invalid("Invalid repository policy provided"));
    }
    let place = call.enter(&input.at)?;
    if !input.force && locks_out(call, &place, &document) {
        return Err(invalid(
            "The policy would prevent you from setting another policy in the future; force it if that is intended",
        ));
    }
    call.change(&place, |repository| {
        repository.policy = Some(document);
        Ok(())
    })?;
    Ok(shown(&place, &text))
}

/// `GetRepositoryPolicy`
pub(super) fn show(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let place = call.enter(&input.at)?;
    let policy = call.read(&place, |repository| repository.policy.clone())?;
    let policy = policy.ok_or_else(|| no_policy(&place))?;
    Ok(shown(&place, &policy.text))
}

/// `DeleteRepositoryPolicy`
pub(super) fn delete(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let place = call.enter(&input.at)?;
    let policy = call.change(&place, |repository| {
        repository.policy.take().ok_or_else(|| no_policy(&place))
    })?;
    Ok(shown(&place, &policy.text))
}

/// Whether the caller could not set another policy once this one is set.
fn locks_out(call: &Call<'_>, place: &RepositoryKey, policy: &Document) -> bool {
    let resource = place.arn();
    let wish = Wish {
        identity: call.caller,
        action: &call.entry.call.action,
        resource: &resource,
        owner: place.account,
        // What another policy would mean is no decision on this call.
        record: &Decisions::default(),
    };
    let context = request_context(call.inbound, call.region, call.now);
    call.world
        .read(|state| wish.judge(state, Some(policy), context))
        .decide()
        .is_err()
}

fn no_policy(place: &RepositoryKey) -> Fault {
    let RepositoryKey { account, name, .. } = place;
    Fault::new(
        "RepositoryPolicyNotFoundException",
        format!(
            "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
        ),
    )
}

fn shown(place: &RepositoryKey, policy: &str) -> Value {
    let mut shown = about(place);
    shown["policyText"] = json!(policy);
    shown
}
