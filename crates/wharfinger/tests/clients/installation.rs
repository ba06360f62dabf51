//! What an operator has set up: the link to AWS is made, the upstream is registered, and the server runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use secrecy::ExposeSecret;
use sim::Call;
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;
use wharfinger::demo::{Image, Stage};

use crate::address::own_address;
use crate::child::Running;
use crate::leak;
use crate::pull::Pull;

/// A simulated AWS in this process with an image in its registry, and `wharfinger serve` as a process of its own.
pub(crate) struct Installation {
    server: Running,
    configuration: PathBuf,
    image: Image,
    stage: Stage,
    /// Away from the folders that the server watches.
    log: NamedTempFile,
    /// What the simulated AWS runs on; last, so that it ends last.
    runtime: Runtime,
}

impl Installation {
    /// With an image of small layers.
    pub(crate) fn new() -> Self {
        Self::with_layers(&[100_000, 200_000])
    }

    /// With an image with layers of these sizes in bytes.
    pub(crate) fn with_layers(sizes: &[usize]) -> Self {
        Self::with_configuration(sizes, |_, _, configuration| configuration)
    }

    /// With a change to the server's configuration, which may depend on where AWS is.
    pub(crate) fn with_configuration(sizes: &[usize], change: impl FnOnce(&Runtime, &Stage, String) -> String) -> Self {
        let runtime = Runtime::new().unwrap();
        let image = Image::generate(sizes, 1).unwrap();
        let (stage, configuration) = runtime.block_on(async {
            let mut stage = Stage::set_at(own_address()).await.unwrap();
            stage.start_aws().await.unwrap();
            stage.push(TAG, &image, |_| ()).await.unwrap();
            let configuration = stage.write_config().unwrap();
            stage.write_upstream().unwrap();
            stage.leave_address();
            (stage, configuration)
        });
        let text = change(&runtime, &stage, fs::read_to_string(&configuration).unwrap());
        fs::write(&configuration, text).unwrap();
        let log = NamedTempFile::new().unwrap();
        let server = serve(&stage, &configuration, &log);
        // Only now: AWS looks whether the issuer is there before it trusts it.
        runtime.block_on(stage.link()).unwrap();
        Self {
            server,
            configuration,
            image,
            stage,
            log,
            runtime,
        }
    }

    /// The image that can be pulled.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }

    /// The digest of its manifest, as clients print it.
    pub(crate) fn digest(&self) -> String {
        self.image.digest().to_string()
    }

    /// The pull of the image, with the robot's login.
    pub(crate) fn pull(&self) -> Pull {
        self.pull_of(TAG)
    }

    /// The pull of another tag.
    pub(crate) fn pull_of(&self, tag: &str) -> Pull {
        Pull {
            proxy: self.stage.address(),
            ca: self.stage.edge().ca.clone(),
            user: "robot".to_owned(),
            password: self.stage.token().secret().expose_secret().to_owned(),
            upstream: "prod".to_owned(),
            image: Stage::image(tag).unwrap().to_string(),
        }
    }

    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// All calls that AWS has seen with this action.
    pub(crate) fn calls(&self, action: &str) -> Vec<Call> {
        let mut calls = self.stage.aws().unwrap().trail();
        calls.retain(|call| call.action == action);
        calls
    }

    /// How many calls AWS has seen.
    pub(crate) fn count(&self) -> u64 {
        self.stage.aws().unwrap().trail_len()
    }

    /// All that the server has written to standard error, in all its lives. The folder's name, which is made up of random
    /// letters, is left out.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap();
        log.replace(&*self.stage.folder().to_string_lossy(), "FOLDER")
    }

    /// Files that the server has begun and not finished.
    pub(crate) fn unfinished(&self) -> usize {
        let folder = self.stage.folder().join("data/content/tmp");
        fs::read_dir(folder).unwrap().count()
    }

    pub(crate) fn server(&mut self) -> &mut Running {
        &mut self.server
    }

    /// Ends the server like a power failure, and starts it again.
    pub(crate) fn crash(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.server.signal(Signal::KILL);
        self.server.end();
        meanwhile(self);
        self.server = serve(&self.stage, &self.configuration, &self.log);
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

impl Drop for Installation {
    /// Whatever a test did, no secret is in the log.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let known = [self.pull().password, self.pull().with_wrong_password().password];
        assert_eq!(leak::find(&self.log(), &known), None);
    }
}

/// Starts the server and waits for the line that says that it listens.
fn serve(stage: &Stage, configuration: &Path, log: &NamedTempFile) -> Running {
    let log = File::options().append(true).open(log).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharfinger"));
    command.env_clear().env("RUST_LOG", "trace").current_dir(stage.folder());
    command.arg("serve").arg("--config").arg(configuration);
    let server = Running::start(command.stdin(Stdio::null()).stderr(log));
    assert_eq!(server.line("listening on "), stage.address().to_string());
    server
}

const TAG: &str = "1";
