//! What can be said truthfully of a registry that has none of these: no replication, no policy, no cache rules.

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
    let value = match name.as_str() {
        "BASIC_SCAN_TYPE_VERSION" => "AWS_NATIVE",
        "REGISTRY_POLICY_SCOPE" => "V2",
        "BLOB_MOUNTING" => "DISABLED",
        _ => return Err(Fault::parameter("name", "Invalid account setting name")),
    };
    enter(call)?;
    Ok(json!({"name": name, "value": value}))
}

/// The caller's own registry, as a whole: these operations have no resource (service authorization reference, "Actions
/// defined by Amazon ECR").
fn enter(call: &mut Call<'_>) -> Result<String, Fault> {
    let account = call.caller.account();
    call.authorize("*", account)?;
    Ok(account.to_string())
}
