//! A simulated AWS with a registry, and a machine that is configured for it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wharfinger::demo::Stage;

use crate::program::{Outcome, bounded, finish};

pub(crate) const HOST: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";

pub(crate) struct Cloud {
    stage: Stage,
    folder: TempDir,
    runtime: Runtime,
}

impl Cloud {
    /// With a configuration whose source is the key of the registry's owner.
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let stage = runtime.block_on(async {
            let mut stage = Stage::set().await.unwrap();
            stage.start_aws().await.unwrap();
            stage
        });
        let cloud = Self {
            stage,
            folder: tempfile::tempdir().unwrap(),
            runtime,
        };
        let owner = Stage::REGISTRY_ACCOUNT.parse().unwrap();
        let key = cloud.stage.aws().unwrap().root_credentials(&owner);
        cloud.write("key", key.secret.expose_secret());
        cloud.configure(&format!(
            "[[credential]]\nsource = {{ accessKey = {{ accessKeyId = \"{}\", secretAccessKey = {{ file = \"key\" }} }} }}\n",
            key.id
        ));
        cloud
    }

    /// Writes the configuration, with the way to the simulated AWS.
    pub(crate) fn configure(&self, credentials: &str) {
        let aws = self.stage.aws().unwrap();
        self.write("aws.pem", aws.ca_pem());
        let connect = format!(
            "[connect]\nresolve = [\"*.amazonaws.com={0}\", \"public.ecr.aws={0}\"]\nca_bundle = \"aws.pem\"\n",
            aws.addr()
        );
        self.write("credentials.toml", &(connect + credentials));
    }

    /// Runs `wharfinger credential get` with the configuration.
    pub(crate) fn get(&self, args: &[&str]) -> Outcome {
        self.get_on(&[], args)
    }

    /// The same, in an environment with some variables more.
    pub(crate) fn get_on(&self, environment: &[(&str, String)], args: &[&str]) -> Outcome {
        let mut command = bounded(self.folder());
        command
            .args(["credential", "get", "--config", "credentials.toml"])
            .args(args)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(environment.iter().map(|(name, value)| (name, value)));
        finish(&mut command)
    }

    /// The status with which a registry answers to the user `AWS` with a password.
    pub(crate) fn enter(&self, host: &str, password: &str) -> u16 {
        self.ask(&format!("https://{host}/v2/"), password)
    }

    /// The status with which the token service of ECR Public does.
    pub(crate) fn buy_token(&self, host: &str, password: &str) -> u16 {
        self.ask(&format!("https://{host}/token/?service={host}&scope=aws"), password)
    }

    fn ask(&self, url: &str, password: &str) -> u16 {
        let aws = self.stage.aws().unwrap();
        let roots = net::Roots::system().with_bundle(&self.path("aws.pem")).unwrap();
        let resolve = [
            format!("*.amazonaws.com={}", aws.addr()),
            format!("public.ecr.aws={}", aws.addr()),
        ];
        let resolve = net::Resolve::parse(resolve).unwrap();
        let client = net::Outgoing { resolve, roots }.client().unwrap();
        let request = client.get(url).basic_auth("AWS", Some(password));
        let answer = self.runtime.block_on(async { request.send().await });
        answer.unwrap().status().as_u16()
    }

    /// Does in an account what its administrator does.
    pub(crate) fn iam(&self, account: &str, action: &str, parameters: &[(&str, &str)]) {
        let administrator = self.stage.administrator(account).unwrap();
        self.runtime
            .block_on(administrator.iam(action, parameters, jiff::Timestamp::now()))
            .unwrap();
    }

    /// A machine inside AWS: the environment of its processes.
    pub(crate) fn machine(&self, account: &str, kind: impl Into<sim::MachineKind>) -> Vec<(&'static str, String)> {
        let machine = sim::Machine::new("builder", account.parse().unwrap(), kind);
        let added = self.stage.aws().unwrap().add_machine(machine);
        self.runtime.block_on(added).unwrap().environment
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
