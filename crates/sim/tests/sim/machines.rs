//! Machines inside AWS: what they have in common.

use std::net::{Ipv4Addr, SocketAddrV4};

use serde_json::{Value, json};
use sim::{Instance, Machine, MachineStatus, Pod, Task};

use crate::{
    signing::Keys,
    stage::{ACCOUNT, Answer, OTHER, Stage},
};

/// A machine of [`ACCOUNT`].
pub(crate) fn machine(name: &str, kind: impl Into<sim::MachineKind>) -> Machine {
    Machine::new(name, ACCOUNT.parse().unwrap(), kind)
}

/// A trust policy for a service.
pub(crate) fn service_trust(service: &str, actions: &Value, condition: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": actions,
        "Condition": condition,
    }]})
    .to_string()
}

/// The keys in a document of credentials.
pub(crate) fn keys(document: &Value) -> Keys {
    let text = |name: &str| document[name].as_str().unwrap().to_owned();
    Keys {
        id: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        token: Some(text("Token")),
    }
}

/// The value of an environment variable.
pub(crate) fn variable(machine: &MachineStatus, name: &str) -> Option<String> {
    let mut variables = machine.environment.iter();
    let found = variables.find(|(variable, _)| *variable == name);
    found.map(|(_, value)| value.clone())
}

impl Stage {
    /// The ARN that STS knows a holder of keys by.
    pub(crate) async fn who(&self, keys: &Keys) -> String {
        let answer = self.query("sts", &[("Action", "GetCallerIdentity")], keys).await;
        answer.ok().element("Arn")
    }

    pub(crate) async fn trust(&self, role: &str, policy: &str) {
        self.iam(&[
            ("Action", "UpdateAssumeRolePolicy"),
            ("RoleName", role),
            ("PolicyDocument", policy),
        ])
        .await
        .ok();
    }

    /// `AssumeRole` for two hours from `role` into a role of the other account, which trusts it. Whoever is in a role
    /// already gets no more than one, unless AWS itself put it there.
    pub(crate) async fn hop_from(&self, role: &str, keys: &Keys) -> Answer {
        let source = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let target = format!("arn:aws:iam::{OTHER}:role/deploy");
        let trust = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": source}, "Action": ["sts:AssumeRole", "sts:TagSession"],
        }});
        let create = [
            ("Action", "CreateRole"),
            ("RoleName", "deploy"),
            ("AssumeRolePolicyDocument", &trust.to_string()),
            ("MaxSessionDuration", "7200"),
        ];
        self.query("iam", &create, &self.root(OTHER)).await.ok();
        let permission = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": target,
        }});
        self.allow(role, &permission.to_string()).await;
        let assume = [
            ("Action", "AssumeRole"),
            ("RoleArn", &target),
            ("RoleSessionName", "hop"),
            ("DurationSeconds", "7200"),
        ];
        self.query("sts", &assume, keys).await
    }
}

#[tokio::test]
async fn machines_are_listed_with_where_they_are_asked() {
    let stage = Stage::with(|builder| builder.machine(machine("web", Instance::new()))).await;
    let worker = Machine::new("worker", OTHER.parse().unwrap(), Task::new("puller")).region("eu-west-1");
    let added = stage.sim.add_machine(worker).await.unwrap();
    let machines = stage.sim.machines();
    let names = machines.iter().map(|machine| machine.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["web", "worker"]);
    assert_eq!((machines[0].kind.as_str(), added.kind.as_str()), ("instance", "task"));
    assert_eq!(added.address, machines[1].address);
    assert_eq!((added.region.as_str(), added.account.as_str()), ("eu-west-1", OTHER));
    assert_eq!(
        machines[0].environment,
        [(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            format!("http://{}", machines[0].address)
        )]
    );
    assert_eq!(
        serde_json::to_value(&machines[0]).unwrap(),
        json!({
            "name": "web",
            "account": ACCOUNT,
            "region": "us-east-1",
            "kind": "instance",
            "address": machines[0].address.to_string(),
            "environment": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": format!("http://{}", machines[0].address)},
        })
    );
    assert_eq!(variable(&added, "AWS_REGION").as_deref(), Some("eu-west-1"));
}

#[tokio::test]
async fn a_machine_that_cannot_be_is_refused() {
    let stage = Stage::with(|builder| builder.machine(machine("web", Instance::new()))).await;
    let refused = async |machine: Machine| stage.sim.add_machine(machine).await.unwrap_err().to_string();
    let machine_name = "up to 63 letters, digits, `-`, `_` and `.` are expected, the first a letter or a digit";
    for name in ["", "..", "a/b", &"a".repeat(64)] {
        assert_eq!(
            refused(machine(name, Instance::new())).await,
            format!("`{name}` cannot be the name of a machine: {machine_name}")
        );
    }
    assert_eq!(
        refused(machine("web", Task::new("puller"))).await,
        "there is a machine of the name `web` already"
    );
    assert_eq!(
        refused(machine("other", Instance::new()).region("moon")).await,
        "`moon` cannot be the region of a machine: a region of the partition aws such as us-east-1 is expected"
    );
    for hops in [0, 65] {
        assert_eq!(
            refused(machine("other", Instance::new().hop_limit(hops))).await,
            format!("`{hops}` cannot be the hop limit of a machine: 1 to 64 are expected")
        );
    }
    for kind in [
        Pod::new("puller").cluster("-"),
        Pod::new("puller").namespace("Team"),
        Pod::new("puller").service_account(""),
    ] {
        assert!(refused(machine("other", kind)).await.contains("cannot be the"));
    }
    assert!(
        refused(machine("other", Task::new("puller").cluster("a/b")))
            .await
            .contains("cannot be the cluster")
    );
    let taken = stage.sim.machines()[0].address;
    let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, taken.port());
    assert!(
        refused(machine("other", Instance::new()).listen(listen))
            .await
            .starts_with(&format!("the machine `other` cannot be asked at {taken}: "))
    );
    assert_eq!(stage.sim.machines().len(), 1);
}

#[tokio::test]
async fn the_services_of_machines_fail_on_demand() {
    let stage = Stage::with(|builder| {
        builder
            .machine(machine("web", Instance::new()))
            .machine(machine("job", Task::new("puller")))
            .machine(machine("pod", Pod::new("puller")))
    })
    .await;
    for (service, action) in [
        ("instanceMetadata", "imds:GetToken"),
        ("taskCredentials", "ecs:GetCredentials"),
        ("podIdentity", "eks-auth:*"),
    ] {
        let when = json!({"service": service, "action": action});
        let rule = json!({"id": service, "when": when, "what": {"error": {"status": 503}}});
        stage.sim.add_fault(rule.to_string().parse().unwrap()).unwrap();
    }
    let mut answers = Vec::new();
    for (machine, path) in stage
        .sim
        .machines()
        .iter()
        .zip(["latest/api/token", "v2/credentials/x", "v1/credentials"])
    {
        let url = format!("http://{}/{path}", machine.address);
        let request = stage.http.put(url).header("x-aws-ec2-metadata-token-ttl-seconds", "60");
        answers.push(stage.send(request.build().unwrap()).await);
    }
    assert!(answers.iter().all(|answer| answer.status == 503));
    assert!(answers[0].text().contains("<title>503 - Service Unavailable</title>"));
    assert_eq!(answers[1].json()["code"], "ServiceUnavailable");
    let id = stage.sim.trail().pop().unwrap().request_id;
    assert_eq!(
        answers[2].text(),
        format!(
            "[{id}]: (ServiceUnavailableException): The service is unavailable. Back off and retry the operation., fault: \
             server\n"
        )
    );
    let faults = stage.sim.trail().into_iter().filter_map(|call| call.fault);
    assert_eq!(
        faults.collect::<Vec<_>>(),
        ["instanceMetadata", "taskCredentials", "podIdentity"]
    );
}
