//! Machines as JSON.

use std::{collections::BTreeMap, net::SocketAddrV4, str::FromStr};

use iam::AccountId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use super::{Instance, Machine, MachineKind, MachineStatus, Pod, Task};
use crate::{identity::account_text, trouble::read_object};

/// Why a text is no machine: on one line, with the place in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMachine(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MachineDescription {
    name: String,
    #[serde(with = "account_text")]
    account: AccountId,
    region: Option<String>,
    listen: Option<SocketAddrV4>,
    instance: Option<InstanceDescription>,
    task: Option<TaskDescription>,
    pod: Option<PodDescription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InstanceDescription {
    profile: Option<String>,
    role: Option<String>,
    imds_v1: Option<bool>,
    hop_limit: Option<u8>,
    enabled: Option<bool>,
    instance_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TaskDescription {
    role: String,
    cluster: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodDescription {
    role: String,
    cluster: Option<String>,
    namespace: Option<String>,
    service_account: Option<String>,
}

impl TryFrom<MachineDescription> for Machine {
    type Error = &'static str;

    fn try_from(description: MachineDescription) -> Result<Self, Self::Error> {
        let kind = match (description.instance, description.task, description.pod) {
            (Some(instance), None, None) => instance.try_into()?,
            (None, Some(task), None) => MachineKind::from(Task::from(task)),
            (None, None, Some(pod)) => Pod::from(pod).into(),
            _ => return Err("a machine is one of `instance`, `task` and `pod`"),
        };
        let machine = Machine::new(description.name, description.account, kind);
        let machine = set(machine, description.region, Machine::region);
        Ok(set(machine, description.listen, Machine::listen))
    }
}

impl TryFrom<InstanceDescription> for MachineKind {
    type Error = &'static str;

    fn try_from(description: InstanceDescription) -> Result<Self, Self::Error> {
        if description.profile.is_some() && description.role.is_some() {
            return Err("an instance has its role by `profile` or by `role`, not by both");
        }
        let instance = set(Instance::new(), description.profile, Instance::profile);
        let instance = set(instance, description.role, Instance::role);
        let instance = set(instance, description.imds_v1, Instance::imds_v1);
        let instance = set(instance, description.hop_limit, Instance::hop_limit);
        let instance = set(instance, description.enabled, Instance::enabled);
        Ok(set(instance, description.instance_type, Instance::instance_type).into())
    }
}

impl From<TaskDescription> for Task {
    fn from(description: TaskDescription) -> Self {
        set(Task::new(description.role), description.cluster, Task::cluster)
    }
}

impl From<PodDescription> for Pod {
    fn from(description: PodDescription) -> Self {
        let pod = set(Pod::new(description.role), description.cluster, Pod::cluster);
        let pod = set(pod, description.namespace, Pod::namespace);
        set(pod, description.service_account, Pod::service_account)
    }
}

/// As JSON: `{"name": "builder", "account": "111122223333", "instance": {"role": "puller"}}`, see the crate's page.
impl<'de> Deserialize<'de> for Machine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MachineDescription::deserialize(deserializer)?
            .try_into()
            .map_err(de::Error::custom)
    }
}

impl FromStr for Machine {
    type Err = InvalidMachine;

    fn from_str(json: &str) -> Result<Self, InvalidMachine> {
        read_object(json, "machine").map_err(|error| InvalidMachine(error.to_string()))
    }
}

impl Serialize for MachineStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("account", self.account.as_str())?;
        map.serialize_entry("region", &self.region)?;
        map.serialize_entry("kind", self.kind.as_str())?;
        map.serialize_entry("address", &self.address)?;
        let environment = self.environment.iter().map(|(name, value)| (*name, value));
        map.serialize_entry("environment", &environment.collect::<BTreeMap<_, _>>())?;
        map.end()
    }
}

/// Says something of a thing, where there is something to say.
fn set<T, V>(thing: T, value: Option<V>, setter: impl FnOnce(T, V) -> T) -> T {
    match value {
        Some(value) => setter(thing, value),
        None => thing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn same(json: &str, machine: &Machine) {
        let read = json.parse::<Machine>().unwrap();
        assert_eq!(format!("{read:?}"), format!("{machine:?}"));
    }

    fn machine(kind: impl Into<MachineKind>) -> Machine {
        Machine::new("m", "111122223333".parse().unwrap(), kind)
    }

    #[test]
    fn machines_are_described_in_json() {
        same(
            r#"{"name": "m", "account": "111122223333", "instance": {}}"#,
            &machine(Instance::new()),
        );
        let instance = Instance::new()
            .role("puller")
            .imds_v1(true)
            .hop_limit(2)
            .enabled(false)
            .instance_type("m7g.large");
        same(
            r#"{"name": "m", "account": "111122223333", "region": "eu-west-1", "listen": "127.0.0.1:9000",
                "instance": {"role": "puller", "imdsV1": true, "hopLimit": 2, "enabled": false,
                "instanceType": "m7g.large"}}"#,
            &machine(instance)
                .region("eu-west-1")
                .listen("127.0.0.1:9000".parse().unwrap()),
        );
        same(
            r#"{"name": "m", "account": "111122223333", "instance": {"profile": "web"}}"#,
            &machine(Instance::new().profile("web")),
        );
        same(
            r#"{"name": "m", "account": "111122223333", "task": {"role": "puller", "cluster": "c"}}"#,
            &machine(Task::new("puller").cluster("c")),
        );
        same(
            r#"{"name": "m", "account": "111122223333",
                "pod": {"role": "puller", "cluster": "c", "namespace": "n", "serviceAccount": "s"}}"#,
            &machine(Pod::new("puller").cluster("c").namespace("n").service_account("s")),
        );
    }

    #[test]
    fn a_mistake_is_named() {
        for (json, expected) in [
            ("[]", "machine: invalid type: sequence, expected an object"),
            ("{}", "machine: missing field `name`"),
            (r#"{"name": "m", "account": "1", "instance": {}}"#, "machine.account: "),
            (
                r#"{"name": "m", "account": "111122223333"}"#,
                "machine: a machine is one of `instance`, `task` and `pod`",
            ),
            (
                r#"{"name": "m", "account": "111122223333", "instance": {}, "task": {"role": "a"}}"#,
                "machine: a machine is one of `instance`, `task` and `pod`",
            ),
            (
                r#"{"name": "m", "account": "111122223333", "instance": {"profile": "a", "role": "b"}}"#,
                "machine: an instance has its role by `profile` or by `role`, not by both",
            ),
            (
                r#"{"name": "m", "account": "111122223333", "instance": {"hops": 1}}"#,
                "machine.instance.hops: unknown field `hops`",
            ),
            (
                r#"{"name": "m", "account": "111122223333", "instance": {"hopLimit": 300}}"#,
                "machine.instance.hopLimit: invalid value: integer `300`",
            ),
            (
                r#"{"name": "m", "account": "111122223333", "pod": {}}"#,
                "machine.pod: missing field `role`",
            ),
        ] {
            let error = json.parse::<Machine>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}|\\{\"(name|pod|task)\": [\\{\\[\"0-9a-z\\]\\}]{0,12}\\}") {
            let _ = text.parse::<Machine>();
        }
    }
}
