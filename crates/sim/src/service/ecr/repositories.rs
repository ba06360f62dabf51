use ::iam::AccountId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    At, Call,
    fault::Fault,
    input::{length, page},
    public,
    resource_tags::{self, Label},
    settings::{self, Filter},
};
use crate::{
    host::Host,
    world::{MutabilityKind, Repository, RepositoryKey, epoch_seconds},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    #[serde(flatten)]
    at: At,
    tags: Option<Vec<Label>>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<Filter>>,
    image_scanning_configuration: Option<settings::Scanning>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encryption {
    encryption_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Describe {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    #[serde(flatten)]
    at: At,
    #[serde(default)]
    force: bool,
}

/// `CreateRepository`
pub(super) fn create(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Create>()?;
    let place = call.place(&input.at)?;
    let mut repository = Repository::new(call.now);
    repository.labels = resource_tags::read(input.tags.unwrap_or_default())?;
    repository.mutability = settings::read(
        input.image_tag_mutability.as_deref(),
        input.image_tag_mutability_exclusion_filters,
    )?;
    repository.scan_on_push = input
        .image_scanning_configuration
        .is_some_and(|scanning| scanning.scan_on_push == Some(true));
    check_encryption(input.encryption_configuration)?;
    let labels = &repository.labels;
    call.permit("ecr:CreateRepository", &place, |context| {
        resource_tags::requested(context, labels.iter())
    })?;
    if !labels.is_empty() {
        call.permit("ecr:TagResource", &place, |context| {
            resource_tags::requested(context, labels.iter())
        })?;
    }
    let shown = shown(&place, &repository);
    let (account, name) = (place.account, place.name.clone());
    if call.world.write(|state| state.add_repository(place, repository)) {
        return Ok(json!({ "repository": shown }));
    }
    Err(Fault::new(
        "RepositoryAlreadyExistsException",
        format!("The repository with name '{name}' already exists in the registry with id '{account}'"),
    ))
}

/// `DescribeRepositories`: those that are named, or all by pages.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Describe>()?;
    match input.repository_names {
        None => describe_page(call, &input),
        Some(names) => {
            length("repositoryNames", names.len(), 1, 100)?;
            if input.next_token.is_some() || input.max_results.is_some() {
                return Err(Fault::parameter(
                    "repositoryNames",
                    "must not be given together with nextToken or maxResults",
                ));
            }
            describe_named(call, input.registry_id, names)
        }
    }
}

/// `DeleteRepository`
pub(super) async fn delete(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Delete>()?;
    let place = call.enter(&input.at)?;
    let RepositoryKey { account, region, name } = &place;
    let (removed, unused) = call.world.write(|state| {
        let found = state.repository(*account, region, name);
        if found.is_some_and(|repository| !repository.images.is_empty() && !input.force) {
            return Err(Fault::new(
                "RepositoryNotEmptyException",
                format!(
                    "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still \
                     contains images"
                ),
            ));
        }
        let removed = state.remove_repository(&place);
        removed.ok_or_else(|| Fault::no_repository(*account, name))
    })?;
    call.world.uploads.remove_all(&place);
    call.world.sweep(&unused).await;
    Ok(json!({ "repository": shown(&place, &removed) }))
}

fn describe_named(call: &mut Call<'_>, registry_id: Option<String>, names: Vec<String>) -> Result<Value, Fault> {
    let mut at = At {
        registry_id,
        repository_name: None,
    };
    let mut found = Vec::new();
    for name in names {
        at.repository_name = Some(name);
        let place = call.enter(&at)?;
        found.push(call.read(&place, |repository| shown(&place, repository))?);
    }
    Ok(json!({ "repositories": found }))
}

fn describe_page(call: &mut Call<'_>, input: &Describe) -> Result<Value, Fault> {
    let account = call.registry(input.registry_id.as_deref())?;
    let page = page(input.max_results, input.next_token.as_deref(), 100, 1000)?;
    call.authorize(&all(account, call), account)?;
    let region = call.registry_region;
    let part = call.world.read(|state| {
        // A cursor that names no repository any more leads on all the same.
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let repositories = state.repositories(account, region, after.as_ref());
        page.of(repositories.map(|(name, repository)| {
            let place = RepositoryKey::new(account, region, name);
            (name.to_string(), shown(&place, repository))
        }))
    });
    let mut answer = json!({ "repositories": part.items });
    if let Some(next) = part.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

/// All repositories of a registry, as a resource.
fn all(account: AccountId, call: &Call<'_>) -> String {
    if call.registry_region.is_public() {
        return format!("arn:aws:ecr-public::{account}:repository/*");
    }
    format!("arn:aws:ecr:{}:{account}:repository/*", call.region)
}

fn check_encryption(encryption: Option<Encryption>) -> Result<(), Fault> {
    match encryption.map(|encryption| encryption.encryption_type) {
        None => Ok(()),
        Some(Some(kind)) if kind == "AES256" => Ok(()),
        Some(Some(kind)) if kind == "KMS" || kind == "KMS_DSSE" => Err(Fault::not_simulated(
            "encryption with KMS keys",
            "encryptionConfiguration",
        )),
        Some(_) => Err(Fault::parameter(
            "encryptionConfiguration.encryptionType",
            "Member must satisfy enum value set: [KMS_DSSE, AES256, KMS]",
        )),
    }
}

pub(super) fn shown(place: &RepositoryKey, repository: &Repository) -> Value {
    let RepositoryKey { account, region, name } = place;
    if region.is_public() {
        return public::shown(place, repository);
    }
    let registry = Host::registry(*account, region.clone());
    let mut shown = json!({
        "repositoryArn": place.arn(),
        "registryId": account.to_string(),
        "repositoryName": name.to_string(),
        "repositoryUri": format!("{registry}/{name}"),
        "createdAt": epoch_seconds(repository.created),
        "imageTagMutability": repository.mutability.kind,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    });
    if MutabilityKind::has_exclusions(repository.mutability.kind) {
        shown["imageTagMutabilityExclusionFilters"] = settings::shown(&repository.mutability);
    }
    shown
}
