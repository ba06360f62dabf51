use ::iam::AccountId;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oci::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Fault, input::repository_name};
use crate::{
    host::{Host, Region},
    world::{Repository, RepositoryKey, epoch_seconds, repository_arn},
};

const MAX_PAGE: usize = 1000;
const PAGE: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    registry_id: Option<String>,
    repository_name: Option<String>,
    tags: Option<Vec<Value>>,
    image_tag_mutability: Option<String>,
    image_scanning_configuration: Option<Scanning>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scanning {
    scan_on_push: Option<bool>,
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

/// `CreateRepository`
pub(super) fn create(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Create>()?;
    let name = repository_name(input.repository_name.as_deref())?;
    let account = call.registry(input.registry_id.as_deref())?;
    if input.tags.is_some_and(|tags| !tags.is_empty()) {
        return Err(Fault::not_simulated("tags of repositories", "tags"));
    }
    if input
        .image_tag_mutability
        .is_some_and(|mutability| mutability != "MUTABLE")
    {
        return Err(Fault::not_simulated("immutable tags", "imageTagMutability"));
    }
    if input
        .image_scanning_configuration
        .is_some_and(|scanning| scanning.scan_on_push == Some(true))
    {
        return Err(Fault::not_simulated("scanning of images", "imageScanningConfiguration"));
    }
    let encryption = input
        .encryption_configuration
        .and_then(|encryption| encryption.encryption_type);
    if encryption.is_some_and(|kind| kind != "AES256") {
        return Err(Fault::not_simulated(
            "encryption with KMS keys",
            "encryptionConfiguration",
        ));
    }
    call.authorize(&repository_arn(account, call.region, &name), account, |_| None)?;
    let repository = Repository::new(call.now);
    let shown = shown(account, call.region, &name, &repository);
    call.world.write(|state| {
        if state.add_repository(RepositoryKey::new(account, call.region, &name), repository) {
            return Ok(());
        }
        Err(Fault::new(
            "RepositoryAlreadyExistsException",
            format!("The repository with name '{name}' already exists in the registry with id '{account}'"),
        ))
    })?;
    Ok(json!({ "repository": shown }))
}

/// `DescribeRepositories`: those that are named, or all by pages.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Describe>()?;
    let account = call.registry(input.registry_id.as_deref())?;
    match input.repository_names.filter(|names| !names.is_empty()) {
        Some(names) => {
            if input.next_token.is_some() || input.max_results.is_some() {
                return Err(Fault::parameter(
                    "repositoryNames",
                    "must not be given together with nextToken or maxResults",
                ));
            }
            describe_named(call, account, &names)
        }
        None => describe_page(call, account, input.next_token.as_deref(), input.max_results),
    }
}

fn describe_named(call: &mut Call<'_>, account: AccountId, names: &[String]) -> Result<Value, Fault> {
    if names.len() > 100 {
        return Err(Fault::parameter(
            "repositoryNames",
            "Member must have length less than or equal to 100",
        ));
    }
    let mut found = Vec::new();
    for name in names {
        let name = repository_name(Some(name))?;
        let region = call.region;
        call.authorize(&repository_arn(account, region, &name), account, |state| {
            state.repository(account, region, &name)?.policy.as_ref()
        })?;
        let repository = call.world.read(|state| {
            let repository = state.repository(account, region, &name)?;
            Some(shown(account, region, &name, repository))
        });
        found.push(repository.ok_or_else(|| not_found(account, &name))?);
    }
    Ok(json!({ "repositories": found }))
}

fn describe_page(
    call: &mut Call<'_>,
    account: AccountId,
    token: Option<&str>,
    max_results: Option<i64>,
) -> Result<Value, Fault> {
    let limit = match max_results {
        None => PAGE,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| Fault::parameter("maxResults", "Member must have value between 1 and 1000"))?,
    };
    let after = token.map(read_token).transpose()?;
    let resource = format!("arn:aws:ecr:{}:{account}:repository/*", call.region);
    call.authorize(&resource, account, |_| None)?;
    let region = call.region;
    let (page, more) = call.world.read(|state| {
        let mut page = state
            .repositories(account, region, after.as_ref())
            .take(limit + 1)
            .map(|(name, repository)| (name.clone(), shown(account, region, name, repository)))
            .collect::<Vec<_>>();
        let more = page.len() > limit;
        page.truncate(limit);
        (page, more)
    });
    let next = page
        .last()
        .filter(|_| more)
        .map(|(name, _)| URL_SAFE_NO_PAD.encode(name.as_str()));
    let repositories = page.into_iter().map(|(_, shown)| shown).collect::<Vec<_>>();
    let mut answer = json!({ "repositories": repositories });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

pub(super) fn not_found(account: AccountId, name: &RepositoryName) -> Fault {
    Fault::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'"),
    )
}

fn read_token(token: &str) -> Result<RepositoryName, Fault> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|name| String::from_utf8(name).ok()?.parse().ok())
        .ok_or_else(|| Fault::parameter("nextToken", "must be a token of this operation"))
}

fn shown(account: AccountId, region: &Region, name: &RepositoryName, repository: &Repository) -> Value {
    let registry = Host::Registry {
        account,
        region: region.clone(),
    };
    json!({
        "repositoryArn": repository_arn(account, region, name),
        "registryId": account.to_string(),
        "repositoryName": name.to_string(),
        "repositoryUri": format!("{registry}/{name}"),
        "createdAt": epoch_seconds(repository.created),
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": false},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    })
}
