use std::collections::BTreeMap;

use ::iam::{Arn, Context};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, fault::Fault, input::required};
use crate::world::RepositoryKey;

/// A tag of a repository.
#[derive(Deserialize)]
pub(super) struct Label {
    #[serde(rename = "Key")]
    key: Option<String>,
    #[serde(rename = "Value")]
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    resource_arn: Option<String>,
    tags: Option<Vec<Label>>,
    tag_keys: Option<Vec<String>>,
}

/// "Each resource can have a maximum of 50 tags" (ECR user guide, "Tag restrictions").
const MAX_LABELS: usize = 50;

/// `TagResource`
pub(super) fn tag(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let labels = read(required("tags", input.tags)?)?;
    let place = enter(call, input.resource_arn.as_deref(), |context| {
        requested(context, labels.iter())
    })?;
    call.change(&place, |repository| {
        let fresh = labels.keys().filter(|key| !repository.labels.contains_key(*key));
        if repository.labels.len() + fresh.count() > MAX_LABELS {
            return Err(too_many());
        }
        repository.labels.extend(labels);
        Ok(())
    })?;
    Ok(json!({}))
}

/// `UntagResource`
pub(super) fn untag(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let keys = required("tagKeys", input.tag_keys)?;
    let place = enter(call, input.resource_arn.as_deref(), |context| {
        context.with_all("aws:TagKeys", keys.iter().cloned())
    })?;
    call.change(&place, |repository| {
        repository.labels.retain(|key, _| !keys.contains(key));
        Ok(())
    })?;
    Ok(json!({}))
}

/// `ListTagsForResource`
pub(super) fn list(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Input>()?;
    let place = enter(call, input.resource_arn.as_deref(), |context| context)?;
    let labels = call.read(&place, |repository| repository.labels.clone())?;
    let labels = labels.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    Ok(json!({ "tags": labels.collect::<Value>() }))
}

/// The tags of a request: no key twice, none of AWS's own, none too long.
pub(super) fn read(labels: Vec<Label>) -> Result<BTreeMap<String, String>, Fault> {
    let invalid = |reason: &str| {
        Fault::new(
            "InvalidTagParameterException",
            format!("Invalid parameter at 'tags': {reason}"),
        )
    };
    if labels.len() > MAX_LABELS {
        return Err(too_many());
    }
    let mut read = BTreeMap::new();
    for label in labels {
        let key = required("tags.Key", label.key)?;
        let value = required("tags.Value", label.value)?;
        if !(1..=128).contains(&key.chars().count()) {
            return Err(invalid("Tag keys must have between 1 and 128 characters."));
        }
        if value.chars().count() > 256 {
            return Err(invalid("Tag values must have at most 256 characters."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys must not begin with aws:."));
        }
        if read.insert(key, value).is_some() {
            return Err(invalid("Duplicate tag keys found."));
        }
    }
    Ok(read)
}

/// What a request says of tags, for conditions on it.
pub(super) fn requested<'l>(
    context: Context,
    labels: impl ExactSizeIterator<Item = (&'l String, &'l String)> + Clone,
) -> Context {
    if labels.len() == 0 {
        return context;
    }
    let keys = labels.clone().map(|(key, _)| key.clone());
    let context = context.with_all("aws:TagKeys", keys);
    labels.fold(context, |context, (key, value)| {
        context.with(&format!("aws:RequestTag/{key}"), value)
    })
}

fn enter(call: &mut Call<'_>, arn: Option<&str>, add: impl FnOnce(Context) -> Context) -> Result<RepositoryKey, Fault> {
    let place = place(call, required("resourceArn", arn)?)?;
    let action = call.entry.call.action.clone();
    call.permit(&action, &place, add)?;
    call.read(&place, |_| ())?;
    Ok(place)
}

/// The repository that an ARN names; it is in the region that was called.
fn place(call: &mut Call<'_>, arn: &str) -> Result<RepositoryKey, Fault> {
    let invalid = || Fault::parameter("resourceArn", "Invalid ARN");
    let arn = arn.parse::<Arn>().map_err(|_| invalid())?;
    let name = arn.resource().strip_prefix("repository/").ok_or_else(invalid)?;
    if arn.partition() != "aws" || arn.service() != "ecr" || arn.region() != call.region.as_str() {
        return Err(invalid());
    }
    let account = arn.account().ok_or_else(invalid)?;
    let name = name.parse().map_err(|_| invalid())?;
    call.entry.call.account = Some(account.to_string());
    Ok(RepositoryKey::new(account, call.region, &name))
}

fn too_many() -> Fault {
    Fault::new(
        "TooManyTagsException",
        format!("The number of tags exceeds the limit of {MAX_LABELS}."),
    )
}
