//! What can be said truthfully of a registry that has no replication, no policy and no cache rules, and the settings
//! that it has.

use oci::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Call,
    fault::Fault,
    input::{length, page, required},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replication {
    replication_configuration: Option<Rules>,
}

#[derive(Deserialize)]
struct Rules {
    rules: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Setting {
    name: Option<String>,
    value: Option<String>,
}

const BLOB_MOUNTING: &str = "BLOB_MOUNTING";

/// The constraint of the service model on prefixes of names.
const PREFIX_PATTERN: &str = r"must satisfy regular expression '^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$'";

/// What selects from lists that are empty here: it has to be right all the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    registry_id: Option<String>,
    ecr_repository_prefixes: Option<Vec<String>>,
    prefixes: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl List {
    fn check_page(&self) -> Result<(), Fault> {
        page(self.max_results, self.next_token.as_deref(), 100, 1000).map(|_| ())
    }
}

/// `DescribeRegistry`
pub(super) fn describe(call: &mut Call<'_>) -> Result<Value, Fault> {
    let registry = enter(call)?;
    Ok(json!({"registryId": registry, "replicationConfiguration": {"rules": []}}))
}

/// `PutReplicationConfiguration`: that nothing is replicated can be set, because it is so.
pub(super) fn replicate(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Replication>()?;
    let configuration = required("replicationConfiguration", input.replication_configuration)?;
    let rules = required("replicationConfiguration.rules", configuration.rules)?;
    if !rules.is_empty() {
        return Err(Fault::not_simulated("replication", "replicationConfiguration.rules"));
    }
    enter(call)?;
    Ok(json!({"replicationConfiguration": {"rules": []}}))
}

/// `GetRegistryPolicy` and `DeleteRegistryPolicy`
pub(super) fn no_policy(call: &mut Call<'_>) -> Result<Value, Fault> {
    let registry = enter(call)?;
    Err(Fault::new(
        "RegistryPolicyNotFoundException",
        format!("Registry policy does not exist in the registry with id '{registry}'"),
    ))
}

/// `GetRegistryScanningConfiguration`
pub(super) fn scanning(call: &mut Call<'_>) -> Result<Value, Fault> {
    let registry = enter(call)?;
    Ok(json!({"registryId": registry, "scanningConfiguration": {"scanType": "BASIC", "rules": []}}))
}

/// `DescribePullThroughCacheRules`
pub(super) fn cache_rules(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<List>()?;
    let owner = call.registry(input.registry_id.as_deref())?;
    if let Some(prefixes) = &input.ecr_repository_prefixes {
        length("ecrRepositoryPrefixes", prefixes.len(), 1, 100)?;
        check_prefixes("ecrRepositoryPrefixes", prefixes, 2, 30)?;
    }
    input.check_page()?;
    call.authorize("*", owner)?;
    Ok(json!({"pullThroughCacheRules": []}))
}

/// `DescribeRepositoryCreationTemplates`
pub(super) fn creation_templates(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<List>()?;
    check_prefixes("prefixes", input.prefixes.as_deref().unwrap_or_default(), 1, 256)?;
    input.check_page()?;
    let registry = enter(call)?;
    Ok(json!({"registryId": registry, "repositoryCreationTemplates": []}))
}

/// `ListPullTimeUpdateExclusions`
pub(super) fn pull_time_exclusions(call: &mut Call<'_>) -> Result<Value, Fault> {
    call.input::<List>()?.check_page()?;
    enter(call)?;
    Ok(json!({"pullTimeUpdateExclusions": []}))
}

/// `GetAccountSetting`
pub(super) fn account_setting(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Setting>()?;
    let name = required("name", input.name)?;
    if name == BLOB_MOUNTING {
        enter(call)?;
        let (account, region) = (call.caller.account(), call.region);
        let enabled = call.world.read(|state| {
            let account = state.account(account);
            account.is_some_and(|account| account.blob_mounting.contains(region))
        });
        return Ok(json!({"name": name, "value": if enabled { "ENABLED" } else { "DISABLED" }}));
    }
    let value = only_value(&name)?;
    enter(call)?;
    Ok(json!({"name": name, "value": value}))
}

/// `PutAccountSetting`
pub(super) fn put_account_setting(call: &mut Call<'_>) -> Result<Value, Fault> {
    let input = call.input::<Setting>()?;
    let name = required("name", input.name)?;
    let value = required("value", input.value)?;
    let invalid = || Fault::parameter("value", "Invalid account setting value");
    if name != BLOB_MOUNTING {
        if value != only_value(&name)? {
            return Err(invalid());
        }
        enter(call)?;
        return Ok(json!({"name": name, "value": value}));
    }
    let enable = match value.as_str() {
        "ENABLED" => true,
        "DISABLED" => false,
        _ => return Err(invalid()),
    };
    enter(call)?;
    let (account, region) = (call.caller.account(), call.region);
    call.world.write(|state| {
        let mounting = &mut state.account_mut(account).blob_mounting;
        if enable {
            mounting.insert(region.clone());
        } else {
            mounting.remove(region);
        }
    });
    Ok(json!({"name": name, "value": value}))
}

/// The one value that a setting has in a registry that scans nothing and has no policy.
fn only_value(name: &str) -> Result<&'static str, Fault> {
    match name {
        "BASIC_SCAN_TYPE_VERSION" => Ok("AWS_NATIVE"),
        "REGISTRY_POLICY_SCOPE" => Ok("V2"),
        _ => Err(Fault::parameter("name", "Invalid account setting name")),
    }
}

/// Prefixes of repositories' names: `ROOT` stands for all of them.
fn check_prefixes(name: &str, prefixes: &[String], min: usize, max: usize) -> Result<(), Fault> {
    for prefix in prefixes {
        length(name, prefix.chars().count(), min, max)?;
        let is_name = prefix
            .strip_suffix('/')
            .unwrap_or(prefix)
            .parse::<RepositoryName>()
            .is_ok();
        if !is_name && prefix != "ROOT" {
            return Err(Fault::parameter(name, PREFIX_PATTERN));
        }
    }
    Ok(())
}

/// The caller's own registry, as a whole: these operations have no resource (service authorization reference, "Actions
/// defined by Amazon ECR").
fn enter(call: &mut Call<'_>) -> Result<String, Fault> {
    let account = call.caller.account();
    call.authorize("*", account)?;
    Ok(account.to_string())
}
