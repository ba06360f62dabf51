//! podman with docker's credential helper: at the simulated registry by its own name, and at the proxy.

use std::fs;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use wharfinger::demo::Stage;

use crate::credential::home_with_helper;
use crate::engine::{home, inside};
use crate::home::{Home, Outcome, run};
use crate::installation::Installation;
use crate::tunnel::Tunnel;

/// A user of podman, who has installed the helper.
struct User<'a> {
    installation: &'a Installation,
    home: Home,
    tunnel: Tunnel,
    path: (&'static str, String),
}

impl<'a> User<'a> {
    /// Whose machine is the registry's owner and a robot of the proxy, unless `role` is to be assumed at the registry.
    fn new(installation: &'a Installation, role: Option<&str>) -> Self {
        let (pull, aws) = (installation.pull(), installation.stage().aws().unwrap());
        let key = aws.root_credentials(&Stage::REGISTRY_ACCOUNT.parse().unwrap());
        let hops = role.map_or_else(String::new, |role| format!("hops = [{{ roleArn = \"{role}\" }}]\n"));
        let configuration = format!(
            "[[credential]]\nhost = \"{host}\"\n{hops}\
             [credential.source.accessKey]\naccessKeyId = \"{id}\"\nsecretAccessKey = {{ file = \"key\" }}\n\
             [[registry]]\nhost = \"{proxy}\"\ntoken_file = \"robot.token\"\n\
             [connect]\nresolve = [\"*.amazonaws.com={aws}\"]\nca_bundle = \"aws.pem\"\n",
            host = Stage::registry(),
            id = key.id,
            proxy = pull.proxy,
            aws = aws.addr(),
        );
        let (home, path) = home_with_helper(home(&pull.ca), &configuration, &pull.password);
        home.write(".config/wharfinger/key", key.secret.expose_secret());
        home.write(".config/wharfinger/aws.pem", aws.ca_pem());
        home.write("certs/aws.crt", aws.ca_pem());
        Self {
            installation,
            home,
            tunnel: Tunnel::new(aws.addr()),
            path,
        }
    }

    /// Names the helper for these registries.
    fn name_for(&self, registries: &[&str]) {
        let helpers: Value = registries.iter().map(|host| (*host, "wharfinger")).collect();
        self.home
            .write("auth.json", &json!({ "credHelpers": helpers }).to_string());
    }

    /// Pulls with nothing but what the helper says: the digest.
    fn pull(&self, image: &str) -> Outcome {
        let podman = |args: &[&str]| {
            let mut command = inside(&self.home, "podman");
            command.args(args).arg(image);
            run(command.envs([self.tunnel.variable(), self.path.clone()]))
        };
        let [policy, certificates] = ["policy.json", "certs"].map(|name| self.home.path(name).display().to_string());
        podman(&[
            "pull",
            "--quiet",
            "--signature-policy",
            &policy,
            "--cert-dir",
            &certificates,
        ])?;
        podman(&["image", "inspect", "--format", "{{.Digest}}"]).map(|digest| digest.trim().to_owned())
    }

    /// Pulls the image from the registry itself, then through the proxy.
    fn assert_pulls_from_both(&self) {
        let (pull, digest) = (self.installation.pull(), self.installation.digest());
        for image in [&pull.image, &pull.by_path()] {
            assert_eq!(self.pull(image), Ok(digest.clone()), "{image}");
        }
    }
}

#[test]
fn podman_pulls_from_ecr_and_from_the_proxy_with_the_helper() {
    let installation = Installation::new();
    let user = User::new(&installation, None);
    let registry = Stage::registry();
    user.name_for(&[registry.as_str(), &installation.pull().proxy.to_string()]);
    assert_eq!(user.pull(&installation.pull().image), Ok(installation.digest()));
    // Nobody has asked the proxy yet: these are the helper's.
    let logins = installation.calls("ecr:GetAuthorizationToken");
    assert!(
        !logins.is_empty() && logins.iter().all(|call| call.status == Some(200)),
        "{logins:?}"
    );
    user.assert_pulls_from_both();
}

#[test]
fn podman_asks_the_helper_for_every_registry_where_that_is_configured() {
    let installation = Installation::new();
    let user = User::new(&installation, None);
    user.home.write(
        "registries.conf",
        "credential-helpers = [\"containers-auth.json\", \"wharfinger\"]\n",
    );
    user.assert_pulls_from_both();
}

#[test]
fn podman_gets_no_login_without_the_helper() {
    let installation = Installation::new();
    let user = User::new(&installation, None);
    let pull = installation.pull();
    for image in [&pull.image, &pull.by_path()] {
        let complaint = user.pull(image).unwrap_err();
        assert!(
            ["unauthorized", "authentication required", "no basic auth credentials"]
                .iter()
                .any(|words| complaint.contains(words)),
            "{complaint}"
        );
    }
}

#[test]
fn podman_shows_why_the_helper_got_no_login() {
    let installation = Installation::new();
    let role = format!("arn:aws:iam::{}:role/nobody", Stage::REGISTRY_ACCOUNT);
    let user = User::new(&installation, Some(&role));
    let pull = installation.pull();
    user.name_for(&[Stage::registry().as_str(), &pull.proxy.to_string()]);
    let complaint = user.pull(&pull.image).unwrap_err();
    for part in ["sts:AssumeRole", &role, "AWS said: ", "Likely cause: ", "Fix: "] {
        assert!(complaint.contains(part), "{part:?} is not in: {complaint}");
    }
    // The login at the proxy is another one.
    assert_eq!(user.pull(&pull.by_path()), Ok(installation.digest()));

    fs::remove_file(user.home.path(".config/wharfinger/robot.token")).unwrap();
    let complaint = user.pull(&pull.by_path()).unwrap_err();
    for part in [&pull.proxy.to_string(), "robot.token", "No such file"] {
        assert!(complaint.contains(part), "{part:?} is not in: {complaint}");
    }
}
