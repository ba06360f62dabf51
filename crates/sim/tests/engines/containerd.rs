//! A containerd of its own for each pull: what one has pulled, it does not download again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::home::{Home, Outcome, namespaces, require, run};

/// containerd while it runs, in a home of its own.
pub(crate) struct Daemon {
    home: Home,
    process: Child,
}

impl Daemon {
    /// Returns when containerd answers.
    pub(crate) fn start(ca: &Path) -> Self {
        require("containerd");
        let home = Home::new(ca);
        let folder = |name| home.path(name).display().to_string();
        let (root, state, socket, ttrpc) = (folder("root"), folder("state"), folder("socket"), folder("ttrpc"));
        // Of its plugins only what a pull takes. The others want kernel modules, networks or more rights.
        let disabled = DISABLED.map(|plugin| format!("\"io.containerd.{plugin}\"")).join(", ");
        let configuration = format!(
            "version = 2\nroot = \"{root}\"\nstate = \"{state}\"\ndisabled_plugins = [{disabled}]\n\
             [grpc]\naddress = \"{socket}\"\n[ttrpc]\naddress = \"{ttrpc}\"\n"
        );
        home.write("containerd.toml", &configuration);

        let mut command = home.command("env");
        command
            .args(namespaces())
            .arg("containerd")
            .arg("--config")
            .arg(home.path("containerd.toml"));
        let process = started(&mut command);
        Self { home, process }
    }

    /// Pulls an image, whose registry's host is to be found at a URL.
    pub(crate) fn pull(&self, image: &str, url: &str, login: &str) -> Outcome {
        let host = image.split('/').next().unwrap_or_default();
        let folder = self.home.path("hosts").join(host);
        fs::create_dir_all(&folder).unwrap();
        // The server is the same place once more. With the registry's own name there, containerd would turn to the real
        // AWS after a refusal; without a server, an address of this machine would be tried without TLS.
        let ca = self.home.path("certs/ca.crt");
        let settings = format!("capabilities = [\"pull\", \"resolve\"]\nca = \"{}\"\n", ca.display());
        let hosts = format!("server = \"{url}\"\n{settings}[host.\"{url}\"]\n{settings}");
        fs::write(folder.join("hosts.toml"), hosts).unwrap();

        self.pull_with(image, &self.home.path("hosts"), &["--user", login])
    }

    /// Pulls an image by what a folder says of its registry, with the login that is found there.
    #[allow(dead_code, reason = "not everybody who pulls with it has such a folder")]
    pub(crate) fn pull_by(&self, image: &str, hosts: &Path) -> Outcome {
        self.pull_with(image, hosts, &[])
    }

    fn pull_with(&self, image: &str, hosts: &Path, options: &[&str]) -> Outcome {
        let mut command = self.ctr();
        command
            .args(["images", "pull", "--snapshotter", "native"])
            .args(options);
        command.arg("--hosts-dir").arg(hosts).arg(image);
        run(&mut command)?;

        let listing = run(self.ctr().args(["images", "list", &format!("name=={image}")]))?;
        let digest = listing.split_whitespace().find(|word| word.starts_with("sha256:"));
        Ok(digest
            .unwrap_or_else(|| panic!("ctr does not list {image}: {listing}"))
            .to_owned())
    }

    /// Pushes an image that was pulled, under another name, to a registry without TLS.
    #[allow(dead_code, reason = "not everybody who pulls with it pushes")]
    pub(crate) fn push(&self, image: &str, name: &str, login: &str) -> Outcome {
        let mut command = self.ctr();
        command.args(["images", "push", "--plain-http", "--user", login, name, image]);
        run(&mut command)
    }

    fn ctr(&self) -> Command {
        let mut command = self.home.bounded("ctr");
        command
            .arg("--address")
            .arg(self.home.path("socket"))
            .args(["--namespace", "test"]);
        command
    }
}

impl Drop for Daemon {
    /// Its mounts vanish with it: they lie in a namespace of its own.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const DISABLED: [&str; 9] = [
    "grpc.v1.cri",
    "internal.v1.opt",
    "internal.v1.tracing",
    "snapshotter.v1.aufs",
    "snapshotter.v1.btrfs",
    "snapshotter.v1.devmapper",
    "snapshotter.v1.overlayfs",
    "snapshotter.v1.zfs",
    "tracing.processor.v1.otlp",
];

const PATIENCE: Duration = Duration::from_secs(60);

/// Starts containerd and waits for the line that it writes when it listens.
fn started(command: &mut Command) -> Child {
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(process.stderr.take().expect("standard error is piped"));
    let (sender, booted) = mpsc::channel();
    // Reads to the end: containerd would stop at a full pipe.
    let reader = thread::spawn(move || {
        let mut lines = Vec::new();
        for line in log.lines().map_while(Result::ok) {
            if line.contains("containerd successfully booted") {
                // Nobody listens any more when the patience was over.
                let _ = sender.send(());
            }
            lines.push(line);
        }
        lines
    });
    if booted.recv_timeout(PATIENCE).is_err() {
        let _ = process.kill();
        let _ = process.wait();
        panic!("containerd did not start:\n{}", reader.join().unwrap().join("\n"));
    }
    process
}
