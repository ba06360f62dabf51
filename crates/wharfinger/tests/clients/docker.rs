//! docker: its command line, and an engine of its own for each test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::home::{Home, Outcome, namespaces, require, run};
use crate::pull::Pull;
use crate::tunnel::Tunnel;

/// docker's engine while it runs, and a home in which its user logs in.
pub(crate) struct Docker {
    home: Home,
    /// More of its user's environment.
    variables: Vec<(&'static str, String)>,
    engine: Child,
    /// Reads the engine's log to its end.
    log: Option<JoinHandle<Vec<String>>>,
    _tunnel: Tunnel,
}

/// Pulls in the path form, after a login.
pub(crate) fn pull(pull: &Pull) -> Outcome {
    let docker = Docker::start(pull);
    docker.log_in(&pull.proxy.to_string(), pull)?;
    docker.pull(&pull.by_path())
}

impl Docker {
    /// Returns when the engine answers. For it, the proxy has the name [`NAME`] as well.
    pub(crate) fn start(pull: &Pull) -> Self {
        Self::start_in(Home::new(&pull.ca), pull)
    }

    /// The same in a home that has more.
    pub(crate) fn start_in(home: Home, pull: &Pull) -> Self {
        require("dockerd");
        require("docker");
        fs::create_dir(home.path(FOLDER)).unwrap();
        home.write("daemon.json", "{}");
        // An address for documentation (RFC 5737). Nobody goes there: the tunnel takes names.
        home.write("hosts", &format!("127.0.0.1 localhost\n192.0.2.1 {NAME}\n"));
        let tunnel = Tunnel::to(NAME, pull.proxy);
        let (engine, log) = started(command(&home).envs([tunnel.variable()]));
        Self {
            home,
            variables: Vec::new(),
            engine,
            log: Some(log),
            _tunnel: tunnel,
        }
    }

    /// With one more variable of its user.
    pub(crate) fn with(mut self, variable: (&'static str, String)) -> Self {
        self.variables.push(variable);
        self
    }

    /// Logs in with the pull's password, which is kept in a file of the home.
    pub(crate) fn log_in(&self, registry: &str, pull: &Pull) -> Outcome {
        self.home.write("password", &pull.password);
        let password = fs::File::open(self.home.path("password")).unwrap();
        let mut command = self.command();
        command.args(["login", "--username", &pull.user, "--password-stdin", registry]);
        run(command.stdin(Stdio::from(password)))
    }

    /// Pulls an image: the digest of its manifest.
    pub(crate) fn pull(&self, image: &str) -> Outcome {
        let told = run(self.command().args(["pull", image]))?;
        let digest = told.lines().find_map(|line| line.strip_prefix("Digest: "));
        Ok(digest
            .unwrap_or_else(|| panic!("docker tells no digest: {told}"))
            .to_owned())
    }

    /// What the engine knows of an image: the template is Go's.
    pub(crate) fn inspect(&self, image: &str, template: &str) -> Outcome {
        let text = run(self.command().args(["image", "inspect", "--format", template, image]))?;
        Ok(text.trim().to_owned())
    }

    /// Gives the engine an image that `docker save` or somebody like it has written, relative to the home.
    pub(crate) fn load(&self, archive: &str) -> Outcome {
        run(self
            .command()
            .args(["load", "--quiet", "--input"])
            .arg(self.home.path(archive)))
    }

    /// The folder of the user's `config.json`, and what the engine takes for `/etc/docker`.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path(FOLDER)
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    fn command(&self) -> Command {
        let mut command = self.home.bounded("docker");
        command.arg("--config").arg(self.folder());
        command.args(["--host", &socket(&self.home)]);
        command.envs(self.variables.iter().cloned());
        command
    }
}

impl Drop for Docker {
    /// Its containerd ends with it, as all processes of their namespace; its mounts lie in a namespace of their own.
    fn drop(&mut self) {
        let _ = self.engine.kill();
        let _ = self.engine.wait();
        // All that hold the log are gone then, and nobody writes into the home that is removed.
        let _ = self.log.take().map(JoinHandle::join);
    }
}

/// The engine with nothing of the machine's: no network, no rules of its firewall, no containerd that runs already.
fn command(home: &Home) -> Command {
    // Otherwise it keeps a key in /etc/docker and sockets below /run, and finds there what belongs to another engine.
    let setup = format!(
        "mount -t tmpfs none /run && mount --bind {FOLDER} /etc/docker && mount --bind hosts /etc/hosts && exec \"$@\""
    );
    let mut command = home.command("setpriv");
    // It ends with the thread that starts it, even where nothing is dropped any more.
    command.args(["--pdeathsig", "KILL"]).args(namespaces());
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.args(["sh", "-c", &setup, "sh", "dockerd"]);
    for (option, name) in [
        ("--config-file", "daemon.json"),
        ("--data-root", "data"),
        ("--exec-root", "exec"),
        ("--pidfile", "docker.pid"),
    ] {
        command.arg(option).arg(home.path(name));
    }
    // Another group would not be there without root.
    command.args(["--host", &socket(home), "--group=root"]);
    command.args(["--storage-driver=vfs", "--bridge=none"]);
    command.args(["--iptables=false", "--ip6tables=false", "--ip-forward=false"]);
    command.current_dir(home.path(""));
    command
}

fn socket(home: &Home) -> String {
    format!("unix://{}", home.path("docker.sock").display())
}

/// Starts the engine and waits for the line that it writes when it listens.
fn started(command: &mut Command) -> (Child, JoinHandle<Vec<String>>) {
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(process.stderr.take().expect("standard error is piped"));
    let (sender, listens) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut lines = Vec::new();
        for line in log.lines().map_while(Result::ok) {
            if line.contains("API listen on") {
                // Nobody listens any more when the patience was over.
                let _ = sender.send(());
            }
            lines.push(line);
        }
        lines
    });
    if listens.recv_timeout(PATIENCE).is_err() {
        let _ = process.kill();
        let _ = process.wait();
        panic!("dockerd did not start:\n{}", reader.join().unwrap().join("\n"));
    }
    (process, reader)
}

/// A name of the proxy. Under its address no engine would look at the certificate: all addresses of the loopback network
/// are what docker calls insecure registries.
pub(crate) const NAME: &str = "images.wharfinger.example";

const FOLDER: &str = "docker";

const PATIENCE: Duration = Duration::from_secs(60);
