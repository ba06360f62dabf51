//! Somebody logs in with `aws ecr get-login-password`, pushes an image with skopeo, and pulls it with every client.

use oci::Digest;

use crate::daemon::Daemon;
use crate::home::{Outcome, run};
use crate::shell::Shell;
use crate::stage::Stage;
use crate::{engine, memory};

const ACCOUNT: &str = "111122223333";
const MIB: u64 = 1 << 20;
const LAYER: u64 = 100 * MIB;

#[test]
fn skopeo_logs_in_pushes_and_pulls() {
    let pushed = Pushed::new(&[MIB, 3]);
    assert_eq!(pushed.by_skopeo(), Ok(pushed.digest.to_string()));
}

#[test]
fn podman_pulls_what_was_pushed_and_pushes_it_elsewhere() {
    Pushed::new(&[MIB, 3]).through_podman();
}

#[test]
fn containerd_pulls_what_was_pushed_and_pushes_it_elsewhere() {
    Pushed::new(&[MIB, 3]).through_containerd();
}

#[test]
fn without_a_login_nobody_pulls() {
    let pushed = Pushed::new(&[3]);
    let registry = pushed.stage.registry(ACCOUNT);
    let complaint = pushed.shell.pull(registry, "team/app:1").unwrap_err();
    assert!(complaint.contains("unauthorized"), "{complaint}");
    let complaint = pushed
        .shell
        .fails(&format!("skopeo login --username AWS --password wrong {registry}"));
    assert!(complaint.contains("invalid username/password"), "{complaint}");
}

/// Layers of hundreds of megabytes pass through the simulator, and it never holds one.
#[test]
fn layers_are_streamed() {
    let memory = memory::Watch::begin();
    let pushed = Pushed::new(&[LAYER; 3]);
    assert_eq!(pushed.by_skopeo(), Ok(pushed.digest.to_string()));
    pushed.through_podman();
    pushed.through_containerd();
    let growth = memory.growth();
    assert!(growth < LAYER, "the simulator took {} MiB", growth / MIB);
}

/// An image in the registry, and the shell of somebody who has not logged in yet.
struct Pushed {
    stage: Stage,
    shell: Shell,
    digest: Digest,
}

impl Pushed {
    fn new(layers: &[u64]) -> Self {
        let stage = Stage::new(&[ACCOUNT]);
        let digest = stage.publish(ACCOUNT, "team/app", layers);
        let shell = stage.shell(ACCOUNT);
        Self { stage, shell, digest }
    }

    fn by_skopeo(&self) -> Outcome {
        self.shell.log_in("default", self.stage.registry(ACCOUNT));
        self.shell.pull(self.stage.registry(ACCOUNT), "team/app:1")
    }

    /// podman pulls the image, and pushes it to another repository. It compresses layers that are not, so the digest
    /// there is one that it tells.
    #[track_caller]
    fn through_podman(&self) {
        let home = engine::home(&self.stage.ca());
        let (image, copy, login) = (self.image("team/app"), self.image("team/podman"), self.login());
        let podman = |arguments: &[&str]| run(engine::inside(&home, "podman").args(arguments)).unwrap();
        let policy = home.path("policy.json").display().to_string();
        let options = [
            "--quiet",
            "--tls-verify=false",
            "--signature-policy",
            &policy,
            "--creds",
            &login,
        ];
        podman(&[&["pull"], &options[..], &[&image]].concat());
        let digest = podman(&["image", "inspect", "--format", "{{.Digest}}", &image]);
        assert_eq!(digest.trim(), self.digest.to_string());

        self.create_repository("team/podman");
        let told = home.path("digest").display().to_string();
        podman(&[&["push", "--digestfile", &told], &options[..], &[&image, &copy]].concat());
        let digest = std::fs::read_to_string(told).unwrap();
        assert_eq!(self.digest_in("team/podman"), digest.trim());
    }

    /// containerd pulls the image, and pushes it to another repository as it is.
    #[track_caller]
    fn through_containerd(&self) {
        let (registry, login) = (self.registry(), self.login());
        let daemon = Daemon::start(&self.stage.ca());
        let image = self.image("team/app");
        let digest = daemon.pull(&image, &format!("http://{registry}"), &login);
        assert_eq!(digest, Ok(self.digest.to_string()));

        self.create_repository("team/containerd");
        daemon.push(&image, &self.image("team/containerd"), &login).unwrap();
        assert_eq!(self.digest_in("team/containerd"), self.digest.to_string());
    }

    fn create_repository(&self, name: &str) {
        self.shell
            .ok(&format!("aws ecr create-repository --repository-name {name}"));
    }

    /// What the tag `1` of a repository means, by ECR's own word.
    fn digest_in(&self, repository: &str) -> String {
        let digest = self.shell.ok(&format!(
            "aws ecr describe-images --repository-name {repository} --image-ids imageTag=1 \
                 --query imageDetails[0].imageDigest --output text"
        ));
        digest.trim().to_owned()
    }

    fn image(&self, repository: &str) -> String {
        format!("{}/{repository}:1", self.registry())
    }

    fn registry(&self) -> String {
        self.stage.registry(ACCOUNT).to_string()
    }

    fn login(&self) -> String {
        format!("AWS:{}", self.shell.ok("aws ecr get-login-password").trim())
    }
}
