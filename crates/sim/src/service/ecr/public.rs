//! What ECR Public has of its own: a login, registries with aliases, repositories that anybody may pull from.

use std::time::Duration;

use ::iam::AccountId;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{At, Call, RegistryToken, fault::Fault, input::page, repositories};
use crate::{
    clock::later,
    host::Region,
    policy::{Wish, request_context},
    world::{Repository, RepositoryKey, epoch_seconds},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    repository_name: Option<String>,
    catalog_data: Option<Value>,
    #[serde(default)]
    tags: Vec<Value>,
}

/// What selects of a list that always has one element: it has to be right all the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registries {
    next_token: Option<String>,
    max_results: Option<i64>,
}

const LIFETIME: Duration = Duration::from_hours(12);

/// How many characters of an alias are the account's number.
const DIGITS: usize = 8;

/// `GetAuthorizationToken`, which takes `sts:GetServiceBearerToken` too.
pub(super) fn token(call: &mut Call<'_>) -> Result<Value, Fault> {
    let account = call.caller.account();
    call.authorize("*", account)?;
    let bearer = Wish {
        identity: call.caller,
        action: "sts:GetServiceBearerToken",
        resource: "*",
        owner: account,
        record: &call.inbound.decisions,
    };
    let context = request_context(call.inbound, call.region, call.now);
    let context = context.with("sts:AWSServiceName", "ecr-public.amazonaws.com");
    call.world.read(|state| bearer.judge(state, None, context)).decide()?;
    let expires = later(call.now, LIFETIME);
    let token = RegistryToken::new(call.caller.clone(), &Region::public(), expires);
    let password = token.password(&call.world.seal);
    Ok(json!({"authorizationData": {
        "authorizationToken": STANDARD.encode(format!("AWS:{password}")),
        "expiresAt": epoch_seconds(expires),
    }}))
}

/// `CreateRepository`
pub(super) fn create(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Create>()?;
    if input.catalog_data.is_some() {
        return Err(Fault::not_simulated("gallery", "catalogData"));
    }
    if !input.tags.is_empty() {
        return Err(Fault::not_simulated("tags of public repositories", "tags"));
    }
    let place = call.place(&At {
        registry_id: None,
        repository_name: input.repository_name,
    })?;
    let action = call.entry.call.action.clone();
    call.permit(&action, &place, |context| context)?;
    let repository = Repository::new(call.now);
    let shown = repositories::shown(&place, &repository);
    let (account, name) = (place.account, place.name.clone());
    if call.world.write(|state| state.add_repository(place, repository)) {
        return Ok(json!({"repository": shown, "catalogData": {}}));
    }
    Err(Fault::new(
        "RepositoryAlreadyExistsException",
        format!("The repository with name '{name}' already exists in the registry with id '{account}'"),
    ))
}

/// `DescribeRegistries`: the caller's one, with the alias that it was given.
pub(super) fn registries(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Registries>()?;
    page(input.max_results, input.next_token.as_deref(), 100, 1000)?;
    let account = call.caller.account();
    call.authorize("*", account)?;
    let alias = alias(account);
    Ok(json!({"registries": [{
        "registryId": account.to_string(),
        "registryArn": format!("arn:aws:ecr-public::{account}:registry/{account}"),
        "registryUri": format!("public.ecr.aws/{alias}"),
        "verified": false,
        "aliases": [{"name": alias, "status": "ACTIVE", "primaryRegistryAlias": true, "defaultRegistryAlias": true}],
    }]}))
}

pub(super) fn shown(place: &RepositoryKey, repository: &Repository) -> Value {
    let RepositoryKey { account, name, .. } = place;
    json!({
        "repositoryArn": place.arn(),
        "registryId": account.to_string(),
        "repositoryName": name.to_string(),
        "repositoryUri": format!("public.ecr.aws/{}/{name}", alias(*account)),
        "createdAt": epoch_seconds(repository.created),
    })
}

/// The alias under which an account's public registry is found. AWS draws one by chance; here it is the account's number
/// in the letters and digits that an alias may have, so that it need not be remembered.
pub(super) fn alias(account: AccountId) -> String {
    let mut number = account.as_str().parse::<u64>().unwrap_or_default();
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        // The remainder is less than 36.
        *digit = char::from_digit((number % 36) as u32, 36).unwrap_or('0') as u8;
        number /= 36;
    }
    format!("r{}", String::from_utf8_lossy(&digits))
}

/// Whose an alias is.
pub(crate) fn account_of(alias: &str) -> Option<AccountId> {
    let digits = alias.strip_prefix('r').filter(|digits| digits.len() == DIGITS)?;
    let is_alias = digits
        .bytes()
        .all(|digit| digit.is_ascii_digit() || digit.is_ascii_lowercase());
    let number = u64::from_str_radix(digits, 36).ok().filter(|_| is_alias)?;
    format!("{number:012}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_alias_leads_back_to_its_account(number in 0_u64..1_000_000_000_000) {
            let account = format!("{number:012}").parse::<AccountId>().unwrap();
            let alias = alias(account);
            prop_assert_eq!(alias.len(), 9);
            prop_assert_eq!(account_of(&alias), Some(account));
        }

        #[test]
        fn no_alias_panics(alias in "r?\\PC{0,10}") {
            if let Some(account) = account_of(&alias) {
                prop_assert_eq!(super::alias(account), alias);
            }
        }
    }
}
