//! What can be said truthfully of a registry that has no replication, no policy and no cache rules, and the settings
//! that it has.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, fault::Fault, input::required};

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
    enter(call)?;
    Ok(json!({"pullThroughCacheRules": []}))
}

/// `DescribeRepositoryCreationTemplates`
pub(super) fn creation_templates(call: &mut Call<'_>) -> Result<Value, Fault> {
    let registry = enter(call)?;
    Ok(json!({"registryId": registry, "repositoryCreationTemplates": []}))
}

/// `ListPullTimeUpdateExclusions`
pub(super) fn pull_time_exclusions(call: &mut Call<'_>) -> Result<Value, Fault> {
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

/// The caller's own registry, as a whole: these operations have no resource (service authorization reference, "Actions
/// defined by Amazon ECR").
fn enter(call: &mut Call<'_>) -> Result<String, Fault> {
    let account = call.caller.account();
    call.authorize("*", account)?;
    Ok(account.to_string())
}
