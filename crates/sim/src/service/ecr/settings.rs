use serde::{Deserialize, de::IntoDeserializer};
use serde_json::{Value, json};

use super::{
    At, Call, about,
    fault::Fault,
    input::{length, repository_name, required},
};
use crate::world::{Mutability, MutabilityKind, RepositoryKey, TagFilter};

/// `imageScanningConfiguration`. It is kept and shown; nothing is scanned.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scanning {
    pub(super) scan_on_push: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    filter_type: Option<String>,
    filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutMutability {
    #[serde(flatten)]
    at: At,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<Filter>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutScanning {
    #[serde(flatten)]
    at: At,
    image_scanning_configuration: Option<Scanning>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScanningOf {
    repository_names: Option<Vec<String>>,
}

const FILTERS: &str = "imageTagMutabilityExclusionFilters";

/// `PutImageTagMutability`
pub(super) fn mutability(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<PutMutability>()?;
    let kind = required("imageTagMutability", input.image_tag_mutability)?;
    let mutability = read(Some(&kind), input.image_tag_mutability_exclusion_filters)?;
    let place = call.enter(&input.at)?;
    let mut answer = about(&place);
    answer["imageTagMutability"] = json!(mutability.kind);
    if mutability.kind.has_exclusions() {
        answer[FILTERS] = shown(&mutability);
    }
    call.change(&place, |repository| {
        repository.mutability = mutability;
        Ok(())
    })?;
    Ok(answer)
}

/// `PutImageScanningConfiguration`
pub(super) fn scanning(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<PutScanning>()?;
    let scanning = required("imageScanningConfiguration", input.image_scanning_configuration)?;
    let on_push = scanning.scan_on_push == Some(true);
    let place = call.enter(&input.at)?;
    call.change(&place, |repository| {
        repository.scan_on_push = on_push;
        Ok(())
    })?;
    let mut answer = about(&place);
    answer["imageScanningConfiguration"] = json!({ "scanOnPush": on_push });
    Ok(answer)
}

/// `BatchGetRepositoryScanningConfiguration`
pub(super) fn scanning_of(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<ScanningOf>()?;
    let names = required("repositoryNames", input.repository_names)?;
    length("repositoryNames", names.len(), 1, 25)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        let name = repository_name(Some(&name))?;
        let place = RepositoryKey::new(call.caller.account(), call.region, &name);
        let action = call.entry.call.action.clone();
        call.permit(&action, &place, |context| context)?;
        match call.read(&place, |repository| repository.scan_on_push) {
            Ok(on_push) => found.push(json!({
                "repositoryArn": place.arn(),
                "repositoryName": name.to_string(),
                "scanOnPush": on_push,
                "scanFrequency": if on_push { "SCAN_ON_PUSH" } else { "MANUAL" },
                "appliedScanFilters": [],
            })),
            Err(missing) => failures.push(json!({
                "repositoryName": name.to_string(),
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": missing.message,
            })),
        }
    }
    Ok(json!({"scanningConfigurations": found, "failures": failures}))
}

/// Reads `imageTagMutability` and its exclusions.
pub(super) fn read(kind: Option<&str>, filters: Option<Vec<Filter>>) -> Result<Mutability, Fault> {
    let kind = match kind {
        None => MutabilityKind::default(),
        Some(kind) => MutabilityKind::deserialize(kind.into_deserializer()).map_err(|_: serde::de::value::Error| {
            Fault::parameter(
                "imageTagMutability",
                "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, IMMUTABLE_WITH_EXCLUSION, \
                 MUTABLE_WITH_EXCLUSION]",
            )
        })?,
    };
    match (kind.has_exclusions(), &filters) {
        (true, None) => return Err(Fault::parameter(FILTERS, "Member must not be null")),
        (false, Some(_)) => {
            return Err(Fault::parameter(
                FILTERS,
                "must only be given with IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION",
            ));
        }
        _ => {}
    }
    let filters = filters.unwrap_or_default();
    if kind.has_exclusions() {
        length(FILTERS, filters.len(), 1, 5)?;
    }
    let exclusions = filters.iter().map(read_filter).collect::<Result<_, _>>()?;
    Ok(Mutability { kind, exclusions })
}

/// The exclusions, as answers show them.
pub(super) fn shown(mutability: &Mutability) -> Value {
    let filters = mutability.exclusions.iter();
    filters
        .map(|filter| json!({"filterType": "WILDCARD", "filter": filter.as_str()}))
        .collect()
}

fn read_filter(filter: &Filter) -> Result<TagFilter, Fault> {
    if filter.filter_type.as_deref() != Some("WILDCARD") {
        return Err(Fault::parameter(
            "imageTagMutabilityExclusionFilters.filterType",
            "Member must satisfy enum value set: [WILDCARD]",
        ));
    }
    let text = filter.filter.as_deref().unwrap_or_default();
    TagFilter::parse(text).ok_or_else(|| {
        Fault::parameter(
            "imageTagMutabilityExclusionFilters.filter",
            "must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'",
        )
    })
}
