//! A job in a cluster that makes its logins itself, without the proxy: `wharfinger credential get` with the cluster's token.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::home::Home;
use crate::issuer::{Cluster, SUBJECT};
use crate::site::{CLUSTER, IMAGES, REPOSITORY, Site, pull_only, trust_in_token};
use crate::skopeo;
use crate::tunnel::Tunnel;

const AUDIENCE: &str = "sts.amazonaws.com";
const REGISTRY: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
const ROLE: &str = "arn:aws:iam::111122223333:role/pull";
/// A role that trusts the same token.
const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
const NO_ROLE: &str = "arn:aws:iam::111122223333:role/none";

struct Job {
    home: Home,
    site: Site,
    cluster: Cluster,
}

impl Job {
    /// A job whose configuration names this role, and the file with its token.
    fn new(role: &str) -> Self {
        let cluster = Cluster::start();
        let site = cluster.site();
        site.trust_issuer(IMAGES, &format!("https://{CLUSTER}"), AUDIENCE);
        let trust = trust_in_token(IMAGES, CLUSTER, AUDIENCE, SUBJECT);
        for name in ["pull", "deploy"] {
            site.role(IMAGES, name, &trust, &pull_only(IMAGES, REPOSITORY));
        }
        let home = Home::new(&site.path("aws-ca.pem"));
        let job = Self { home, site, cluster };
        job.configure(&format!(
            "[[credential]]\nhost = \"*.dkr.ecr.us-east-1.amazonaws.com\"\n[credential.source.webIdentity]\n\
             roleArn = \"{role}\"\ntoken = {{ file = \"token\" }}\n"
        ));
        job.home.write("token", &job.cluster.token(AUDIENCE));
        job
    }

    /// Writes the configuration, with the way to the simulated AWS.
    fn configure(&self, credentials: &str) {
        let connect = format!(
            "[connect]\nresolve = [\"*.amazonaws.com={}\"]\nca_bundle = \"certs/ca.crt\"\n",
            self.site.aws()
        );
        self.home.write("credentials.toml", &(connect + credentials));
    }

    /// `wharfinger credential get`, with further options and variables.
    fn get(&self, options: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = self.home.bounded(env!("CARGO_BIN_EXE_wharfinger"));
        command.args(["credential", "get", REGISTRY, "--format", "json"]);
        command.arg("--config").arg(self.home.path("credentials.toml"));
        command.args(options).envs(variables.iter().copied()).output().unwrap()
    }

    /// The login that was printed, and who it is of.
    fn login(&self, options: &[&str], variables: &[(&str, &str)]) -> (String, String) {
        let output = self.get(options, variables);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |name: &str| printed[name].as_str().unwrap().to_owned();
        (format!("{}:{}", text("username"), text("password")), text("principal"))
    }

    /// What is said where nothing is printed, in one line.
    fn refusal(&self, options: &[&str]) -> String {
        let output = self.get(options, &[]);
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(1), &b""[..]));
        let text = String::from_utf8(output.stderr).unwrap();
        let line = text.lines().next().unwrap();
        for part in ["wharfinger: ", "Likely cause: ", "Fix: "] {
            assert!(line.contains(part), "{part:?} is not in: {text}");
        }
        let token = fs::read_to_string(self.home.path("token")).unwrap_or_default();
        assert!(token.is_empty() || !text.contains(&token), "the token is shown");
        text
    }

    /// skopeo pulls from the registry itself, by its own name.
    fn assert_opens_the_registry(&self, login: &str) {
        let (tunnel, image) = (Tunnel::new(self.site.aws()), format!("{REGISTRY}/{REPOSITORY}:1"));
        let pulled = skopeo::pull_into(&self.home, &image, &["--src-creds", login], &[tunnel.variable()]);
        assert!(self.site.is_pulled(&pulled), "{pulled:?}");
    }
}

#[test]
fn a_job_logs_in_with_the_token_in_its_file_and_pulls_from_ecr() {
    let job = Job::new(ROLE);
    let (login, principal) = job.login(&[], &[]);
    assert!(
        principal.starts_with("arn:aws:sts::111122223333:assumed-role/pull/"),
        "{principal}"
    );
    job.assert_opens_the_registry(&login);
}

#[test]
fn a_job_logs_in_with_the_role_that_an_option_names() {
    let job = Job::new(NO_ROLE);
    let refusal = job.refusal(&[]);
    assert!(refusal.contains(NO_ROLE), "{refusal}");
    let (login, principal) = job.login(&["--role-arn", OTHER_ROLE], &[]);
    assert!(
        principal.starts_with("arn:aws:sts::111122223333:assumed-role/deploy/"),
        "{principal}"
    );
    job.assert_opens_the_registry(&login);
}

#[test]
fn a_job_is_who_the_variables_of_its_cluster_say() {
    let job = Job::new(NO_ROLE);
    job.configure("");
    let token = job.home.path("token").display().to_string();
    let variables = [("AWS_ROLE_ARN", ROLE), ("AWS_WEB_IDENTITY_TOKEN_FILE", &token)];
    let (login, _) = job.login(&[], &variables);
    job.assert_opens_the_registry(&login);
}

#[test]
fn a_job_is_told_that_its_token_is_for_another_audience() {
    let job = Job::new(ROLE);
    job.home.write("token", &job.cluster.token("vault.example.com"));
    let refusal = job.refusal(&[]);
    for part in ["Incorrect token audience", "vault.example.com", CLUSTER] {
        assert!(refusal.contains(part), "{part:?} is not in: {refusal}");
    }
}

#[test]
fn a_job_is_told_that_its_token_is_not_there() {
    let job = Job::new(ROLE);
    fs::remove_file(job.home.path("token")).unwrap();
    let before = job.site.count();
    let refusal = job.refusal(&[]);
    let tried = format!("reading the web identity token in {}", job.home.path("token").display());
    for part in [&tried, "No such file", "projected serviceAccountToken"] {
        assert!(refusal.contains(part), "{part:?} is not in: {refusal}");
    }
    assert_eq!(job.site.count(), before, "AWS was not asked");
}
