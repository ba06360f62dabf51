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
fn podman_pulls_what_was_pushed() {
    let pushed = Pushed::new(&[MIB, 3]);
    assert_eq!(pushed.by_podman(), Ok(pushed.digest.to_string()));
}

#[test]
fn containerd_pulls_what_was_pushed() {
    let pushed = Pushed::new(&[MIB, 3]);
    assert_eq!(pushed.by_containerd(), Ok(pushed.digest.to_string()));
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
    let digest = Ok(pushed.digest.to_string());
    assert_eq!(pushed.by_skopeo(), digest);
    assert_eq!(pushed.by_podman(), digest);
    assert_eq!(pushed.by_containerd(), digest);
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

    fn by_podman(&self) -> Outcome {
        let home = engine::home(&self.stage.ca());
        let image = format!("{}/team/app:1", self.registry());
        let mut command = engine::inside(&home, "podman");
        command.args(["pull", "--quiet", "--tls-verify=false", "--signature-policy"]);
        command
            .arg(home.path("policy.json"))
            .args(["--creds", &self.login(), &image]);
        run(&mut command)?;
        let mut command = engine::inside(&home, "podman");
        command.args(["image", "inspect", "--format", "{{.Digest}}", &image]);
        run(&mut command).map(|digest| digest.trim().to_owned())
    }

    fn by_containerd(&self) -> Outcome {
        let (registry, login) = (self.registry(), self.login());
        let daemon = Daemon::start(&self.stage.ca());
        daemon.pull(&format!("{registry}/team/app:1"), &format!("http://{registry}"), &login)
    }

    fn registry(&self) -> String {
        self.stage.registry(ACCOUNT).to_string()
    }

    fn login(&self) -> String {
        format!("AWS:{}", self.shell.ok("aws ecr get-login-password").trim())
    }
}
