//! Processes on machines inside AWS: the real `aws` finds its credentials by the environment alone.

use sim::{Instance, Machine, MachineKind, Pod, Task};

use crate::shell::Shell;
use crate::stage::Stage;

const ACCOUNT: &str = "111122223333";

/// A role that a service of AWS may give to its machines.
fn create_role(administrator: &Shell, service: &str) {
    let trust = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {{"Service": "{service}"}},
            "Action": ["sts:AssumeRole", "sts:TagSession"]}}]}}"#
    );
    administrator.write("trust.json", &trust);
    administrator.ok(
        "aws iam create-role --role-name puller --assume-role-policy-document file://trust.json
         aws iam attach-role-policy --role-name puller \
             --policy-arn arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly",
    );
}

/// A shell on a machine: nothing but the machine's environment tells `aws` who it is.
fn on(stage: &Stage, kind: impl Into<MachineKind>) -> (Shell, String) {
    let machine = Machine::new("builder", ACCOUNT.parse().unwrap(), kind);
    let status = stage.add_machine(machine);
    let exports = status
        .environment
        .iter()
        .map(|(name, value)| format!("export {name}='{value}'\n"));
    let shell = Shell::new(&stage.ca(), &stage.endpoint());
    (shell, exports.collect::<String>() + "unset AWS_EC2_METADATA_DISABLED\n")
}

#[track_caller]
fn is_the_role(service: &str, kind: impl Into<MachineKind>) {
    let stage = Stage::new(&[ACCOUNT]);
    create_role(&stage.shell(ACCOUNT), service);
    let (shell, environment) = on(&stage, kind);
    let who = shell.ok(&format!(
        "{environment}aws sts get-caller-identity --query Arn --output text"
    ));
    assert!(
        who.starts_with("arn:aws:sts::111122223333:assumed-role/puller/"),
        "{who}"
    );
    let registry = stage.registry(ACCOUNT);
    let welcome = shell.ok(&format!(
        "{environment}aws ecr get-login-password | skopeo login --tls-verify=false --username AWS --password-stdin {registry}"
    ));
    assert_eq!(welcome.trim(), "Login Succeeded!");
}

#[test]
fn an_instance_has_the_credentials_of_its_role() {
    is_the_role("ec2.amazonaws.com", Instance::new().role("puller"));
}

#[test]
fn a_task_has_the_credentials_of_its_role() {
    is_the_role("ecs-tasks.amazonaws.com", Task::new("puller"));
}

#[test]
fn a_pod_has_the_credentials_of_its_role() {
    is_the_role("pods.eks.amazonaws.com", Pod::new("puller"));
}

#[test]
fn a_role_that_trusts_another_service_gives_an_instance_nothing() {
    let stage = Stage::new(&[ACCOUNT]);
    create_role(&stage.shell(ACCOUNT), "lambda.amazonaws.com");
    let (shell, environment) = on(&stage, Instance::new().role("puller"));
    let complaint = shell.fails(&format!("{environment}aws sts get-caller-identity"));
    assert!(complaint.contains("Unable to locate credentials"), "{complaint}");
}
