//! One request, and all that came of it: by a client of our own, which can be slow and break off, or by curl.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::installation::Door;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) head: bool,
    pub(super) path: String,
    pub(super) login: Option<String>,
    /// First and last byte.
    pub(super) range: Option<(u64, u64)>,
    pub(super) manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Fast,
    Slow,
    /// Leaves after so many bytes.
    Leaves(u64),
}

/// What came.
#[derive(Debug)]
pub(super) struct Answer {
    /// 0 where none came.
    pub(super) status: u16,
    pub(super) length: Option<u64>,
    pub(super) digest: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) location: Option<String>,
    /// AWS itself sent it, after a redirect.
    pub(super) is_from_aws: bool,
    pub(super) body: Vec<u8>,
    pub(super) end: End,
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    /// It was this client that left.
    Left,
    /// Nobody listens.
    Down,
    Broken(String),
    /// Nothing came for as long as `PATIENCE`.
    Stuck,
}

/// How long nothing at all may come.
pub(super) const PATIENCE: Duration = Duration::from_secs(100);

/// A client of our own, which keeps its connection.
#[derive(Debug, Default)]
pub(super) struct Client {
    kept: Option<(Door, TcpStream)>,
}

impl Client {
    /// Asks in the clear.
    pub(super) fn ask(&mut self, door: Door, request: &Request) -> Answer {
        if let Some((to, mut stream)) = self.kept.take().filter(|(to, _)| to.address == door.address) {
            let answer = self.exchange(to, &mut stream, request);
            // The server may have closed it a moment ago: clients ask again then.
            if answer.status != 0 || answer.end == End::Stuck {
                return self.keep(door, stream, answer);
            }
        }
        let opened = TcpStream::connect_timeout(&door.address, Duration::from_secs(10)).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        match opened {
            Ok(mut stream) => {
                let answer = self.exchange(door, &mut stream, request);
                self.keep(door, stream, answer)
            }
            Err(_) => Answer {
                end: End::Down,
                ..Answer::none()
            },
        }
    }

    pub(super) fn close(&mut self) {
        self.kept = None;
    }

    fn keep(&mut self, door: Door, stream: TcpStream, answer: Answer) -> Answer {
        if answer.end == End::Complete {
            self.kept = Some((door, stream));
        }
        answer
    }

    fn exchange(&self, door: Door, stream: &mut TcpStream, request: &Request) -> Answer {
        let mut answer = Answer::none();
        answer.end = match talk(door, stream, request, &mut answer) {
            Ok(end) => end,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => End::Stuck,
            Err(error) => End::Broken(error.to_string()),
        };
        answer.ended = Instant::now();
        answer
    }
}

impl Answer {
    fn none() -> Self {
        let now = Instant::now();
        Self {
            status: 0,
            length: None,
            digest: None,
            kind: None,
            location: None,
            is_from_aws: false,
            body: Vec::new(),
            end: End::Complete,
            began: now,
            ended: now,
        }
    }
}

fn talk(door: Door, stream: &mut TcpStream, request: &Request, answer: &mut Answer) -> std::io::Result<End> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\nAccept: {ACCEPT}\r\n",
        if request.head { "HEAD" } else { "GET" },
        request.path,
        door.address
    );
    if let Some(login) = &request.login {
        text.push_str(&format!("Authorization: {login}\r\n"));
    }
    if let Some((first, last)) = request.range {
        text.push_str(&format!("Range: bytes={first}-{last}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;

    let mut came = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let body = loop {
        if let Some(end) = came.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(End::Broken("closed in the head".to_owned())),
            count => came.extend_from_slice(&buffer[..count]),
        }
    };
    let head = String::from_utf8_lossy(&came[..body]).into_owned();
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok());
    answer.status = status.unwrap_or(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => answer.length = value.parse().ok(),
            "docker-content-digest" => answer.digest = Some(value.to_owned()),
            "content-type" => answer.kind = Some(value.to_owned()),
            "location" => answer.location = Some(value.to_owned()),
            _ => {}
        }
    }
    answer.body = came.split_off(body);
    if request.head {
        return Ok(End::Complete);
    }
    let Some(length) = answer.length else {
        return Ok(End::Broken(format!("an answer {} has no length", answer.status)));
    };
    let piece = if request.manner == Manner::Slow {
        16 * 1024
    } else {
        buffer.len()
    };
    while (answer.body.len() as u64) < length {
        match request.manner {
            Manner::Leaves(at) if answer.body.len() as u64 >= at => return Ok(End::Left),
            Manner::Slow => dawdle(),
            _ => {}
        }
        match stream.read(&mut buffer[..piece])? {
            0 => return Ok(End::Broken(format!("closed after {} of {length}", answer.body.len()))),
            count => answer.body.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(End::Complete)
}

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, */*";

#[expect(clippy::disallowed_methods, reason = "being slow is what it is for")]
fn dawdle() {
    thread::sleep(Duration::from_millis(8));
}

/// How curl finds everything.
#[derive(Debug)]
pub(super) struct Curl<'a> {
    pub(super) trusted: &'a Path,
    /// Where the names of AWS are.
    pub(super) names: std::net::SocketAddr,
    pub(super) http_2: bool,
}

impl Curl<'_> {
    /// Asks with curl, which follows redirects.
    pub(super) fn ask(&self, door: Door, request: &Request) -> Answer {
        let mut answer = Answer::none();
        let scheme = if door.tls { "https" } else { "http" };
        let mut command = Command::new("curl");
        command.args(["--silent", "--noproxy", "*", "--location", "--speed-limit", "1"]);
        command.args(["--speed-time", &PATIENCE.as_secs().to_string()]);
        command
            .args(["--header", &format!("Accept: {ACCEPT}"), "--cacert"])
            .arg(self.trusted);
        command.args([
            "--write-out",
            "%{stderr}%{http_code}|%{content_type}|%header{content-length}|%{num_redirects}",
        ]);
        for region in ["us-east-1", "us-west-2"] {
            let bucket = format!("prod-{region}-starport-layer-bucket.s3.{region}.amazonaws.com");
            command.args(["--connect-to", &format!("{bucket}:443:{}", self.names)]);
        }
        command.arg(if self.http_2 && door.tls {
            "--http2"
        } else {
            "--http1.1"
        });
        if let Some(login) = &request.login {
            command.args(["--header", &format!("Authorization: {login}")]);
        }
        if let Some((first, last)) = request.range {
            command.args(["--range", &format!("{first}-{last}")]);
        }
        if request.head {
            command.args(["--head", "--output", "/dev/null"]);
        }
        if request.manner == Manner::Slow {
            command.args(["--limit-rate", "2M"]);
        }
        command.arg(format!("{scheme}://{}{}", door.address, request.path));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        answer.end = match command.spawn() {
            Ok(child) => finish(child, request, &mut answer),
            Err(error) => End::Broken(format!("curl did not start: {error}")),
        };
        answer.ended = Instant::now();
        answer
    }
}

fn finish(mut child: std::process::Child, request: &Request, answer: &mut Answer) -> End {
    if let Manner::Leaves(at) = request.manner
        && let Some(mut out) = child.stdout.take()
    {
        let mut first = Vec::new();
        let _ = out.by_ref().take(at).read_to_end(&mut first);
        let enough = first.len() as u64 == at;
        answer.body = first;
        if enough {
            let _ = child.kill();
            let _ = child.wait();
            return End::Left;
        }
    }
    let output = match child.wait_with_output() {
        Ok(output) => output,
        Err(error) => return End::Broken(format!("curl cannot be waited for: {error}")),
    };
    answer.body.extend_from_slice(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    let mut told = told.split('|');
    answer.status = told.next().and_then(|status| status.parse().ok()).unwrap_or(0);
    answer.kind = told.next().map(str::to_owned);
    answer.length = told.next().and_then(|length| length.parse().ok());
    answer.is_from_aws = told.next().is_some_and(|redirects| redirects != "0");
    match output.status.code() {
        Some(0) => End::Complete,
        Some(7) => End::Down,
        Some(28) => End::Stuck,
        // The write-out is empty where curl was ended; this is its own number otherwise.
        Some(number) => End::Broken(format!("curl ended with {number}")),
        None => End::Broken("curl was ended".to_owned()),
    }
}
