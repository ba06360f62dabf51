//! A `wharfinger serve` that runs.

use std::{
    fmt,
    io::{BufRead, BufReader, Read, Take, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use net::{Outgoing, Resolve, Roots};

use crate::program;

/// The process, ended with its test.
pub(crate) struct Served {
    process: Child,
    output: BufReader<Take<ChildStdout>>,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Served {
    /// Returns when it answers.
    pub(crate) fn start(command: Command) -> Self {
        let served = Self::listening(command);
        // Under TLS the answer is an alert.
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        served
    }

    /// Returns when it says that it listens.
    pub(crate) fn listening(mut command: Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let reader = thread::spawn({
            let (log, stderr) = (log.clone(), process.stderr.take().expect("standard error is piped"));
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    *log.lock().unwrap() += &(line + "\n");
                }
            }
        });
        let mut line = String::new();
        let stdout = process.stdout.take().expect("standard output is piped");
        let mut output = BufReader::new(stdout.take(1024));
        output.read_line(&mut line).unwrap();
        let mut served = Self {
            process,
            output,
            address: ([0, 0, 0, 0], 0).into(),
            log,
            reader: Some(reader),
        };
        match line.strip_prefix("listening on ").map(|address| address.trim().parse()) {
            Some(Ok(address)) => served.address = address,
            _ => panic!("it does not listen: {line:?}, {served:?}"),
        }
        served
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it says that its admin listener is.
    pub(crate) fn admin(&mut self) -> SocketAddr {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let address = line.strip_prefix("admin on ").map(|address| address.trim().parse());
        address
            .unwrap_or_else(|| panic!("no admin listener: {line:?}"))
            .unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        program::signal(self.id(), name);
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has this text.
    pub(crate) async fn logs(&self, text: &str) {
        until(&format!("the log says {text:?}: {self:?}"), async || {
            self.log().contains(text)
        })
        .await;
    }

    /// The status of `GET /v2/` with a robot's token.
    pub(crate) async fn login(&self, token: &str) -> u16 {
        let url = format!("http://{}/v2/", self.address);
        let request = client(None).get(url).basic_auth("robot", Some(token));
        request.send().await.unwrap().status().as_u16()
    }

    /// Waits until `GET /v2/` with this token gets this status.
    pub(crate) async fn answers(&self, token: &str, status: u16) {
        until(&format!("the status of the login is {status}: {self:?}"), async || {
            self.login(token).await == status
        })
        .await;
    }

    /// Waits for the end of the process: its status, and all that it logged.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status, self.log())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} logged:\n{}", self.id(), self.log())
    }
}

/// A client with connections of its own, which trusts an authority beside the system's.
pub(crate) fn client(ca: Option<&Path>) -> reqwest::Client {
    let roots = Roots::system();
    let roots = match ca {
        Some(ca) => roots.with_bundle(ca).unwrap(),
        None => roots,
    };
    let resolve = Resolve::default();
    Outgoing { resolve, roots }.client().unwrap()
}

/// Asks again and again until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    while !is_so().await {
        assert!(Instant::now() < end, "waited in vain until {what}");
        pace.tick().await;
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
