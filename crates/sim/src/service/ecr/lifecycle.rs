use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call, about,
    fault::Fault,
    input::{length, required},
};
use crate::world::{InvalidLifecyclePolicy, LifecyclePolicy, RepositoryKey};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    #[serde(flatten)]
    at: At,
    lifecycle_policy_text: Option<String>,
}

/// `PutLifecyclePolicy`
pub(super) fn put(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let text = required("lifecyclePolicyText", input.lifecycle_policy_text)?;
    length("lifecyclePolicyText", text.len(), 100, 30_720)?;
    let policy = LifecyclePolicy::parse(&text)
        .map_err(|error: InvalidLifecyclePolicy| Fault::parameter("LifecyclePolicyText", &error.to_string()))?;
    let place = call.enter(&input.at)?;
    let answer = shown(&place, &policy);
    call.change(&place, |repository| {
        repository.lifecycle = Some(policy);
        Ok(())
    })?;
    Ok(answer)
}

/// `GetLifecyclePolicy`
pub(super) fn show(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let place = call.enter(&input.at)?;
    let policy = call.read(&place, |repository| repository.lifecycle.clone())?;
    Ok(shown(&place, &policy.ok_or_else(|| no_policy(&place))?))
}

/// `DeleteLifecyclePolicy`
pub(super) fn delete(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let place = call.enter(&input.at)?;
    let policy = call.change(&place, |repository| {
        repository.lifecycle.take().ok_or_else(|| no_policy(&place))
    })?;
    Ok(shown(&place, &policy))
}

fn no_policy(place: &RepositoryKey) -> Fault {
    let RepositoryKey { account, name, .. } = place;
    Fault::new(
        "LifecyclePolicyNotFoundException",
        format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
        ),
    )
}

/// The policy; the time of its last evaluation is left out, because it is never evaluated.
fn shown(place: &RepositoryKey, policy: &LifecyclePolicy) -> Value {
    let mut shown = about(place);
    shown["lifecyclePolicyText"] = json!(policy.as_str());
    shown
}
