//! Ctrl-C during a pull, and while a cache is warmed.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Stdio,
    sync::mpsc,
    thread,
};

use oci::Digest;
use serde_json::json;

use crate::program::{Outcome, contents, signal, wharfinger};

/// A registry with one image, whose layer never arrives whole.
struct Registry {
    address: SocketAddr,
    /// Told when the pull waits for what never comes.
    waiting: mpsc::Receiver<()>,
}

impl Registry {
    /// Answers with `answer` to a path: whole, or, where it is `None`, with the beginning of the layer and no more.
    fn start(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, waiting) = mpsc::channel();
        // The thread ends with the tests' process; it holds connections open as long as somebody may read.
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let mut stream = stream;
                let Some(path) = asked(&mut stream) else { continue };
                if let Some(content) = answer(&path) {
                    let kind = if path.contains("manifests") {
                        MANIFEST
                    } else {
                        "application/octet-stream"
                    };
                    let length = content.len();
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
                    );
                    let _ = stream.write_all(&[head.as_bytes(), &content].concat());
                } else {
                    let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {LAYER}\r\n\r\nbeginning");
                    let _ = sender.send(());
                    open.push(stream);
                }
            }
        });
        Self { address, waiting }
    }

    fn interrupted_pull(&self, folder: &Path, output: &str) -> Outcome {
        self.interrupted(folder, &["pull", "--output", output, "--platform", "linux/amd64"])
    }

    /// Asks for the image, presses Ctrl-C when nothing comes any more, and waits for the end.
    fn interrupted(&self, folder: &Path, args: &[&str]) -> Outcome {
        let mut command = wharfinger(folder);
        command.args(args).arg("r.test/team/app:1");
        command.args(["--proxy", &format!("http://{}", self.address)]);
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.waiting.recv_timeout(PATIENCE).expect("the pull asks the registry");
        signal(process.id(), "INT");
        let output = process.wait_with_output().unwrap();
        Outcome {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

#[test]
fn before_anything_has_arrived_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    for output in ["oci:app", "docker-archive:app.tar"] {
        let outcome = Registry::start(|_| None).interrupted_pull(folder.path(), output);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(130), ""), "{outcome:#?}");
        outcome.assert_says(&["error: interrupted\n"]);
        assert!(contents(folder.path()).is_empty());
    }
}

#[test]
fn in_the_middle_of_a_layer_nothing_that_is_left_looks_whole() {
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } })
        .to_string()
        .into_bytes();
    let layer = Digest::of(b"a layer that never comes");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::of(&config).to_string(),
            "size": config.len(),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": layer.to_string(),
            "size": LAYER,
        }],
    })
    .to_string()
    .into_bytes();
    for (output, layout) in [("oci:app", "app"), ("docker-archive:app.tar", "app.tar.part")] {
        let (config, manifest, wanted) = (config.clone(), manifest.clone(), Digest::of(&config).to_string());
        let registry = Registry::start(move |path| match path {
            path if path.contains("/manifests/") => Some(manifest.clone()),
            path if path.ends_with(&wanted) => Some(config.clone()),
            _ => None,
        });
        let folder = tempfile::tempdir().unwrap();
        let outcome = registry.interrupted_pull(folder.path(), output);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(130), ""), "{outcome:#?}");
        outcome.assert_says(&[
            &format!("error: interrupted; what has arrived is in {layout}"),
            "resumes",
        ]);

        let layout = folder.path().join(layout);
        assert!(!layout.join("index.json").exists() && !folder.path().join("app.tar").exists());
        for entry in fs::read_dir(layout.join("blobs/sha256")).unwrap() {
            let path = entry.unwrap().path();
            let digest = Digest::of(&fs::read(&path).unwrap());
            assert_eq!(digest.hex(), path.file_name().unwrap().to_str().unwrap());
        }
    }
}

#[test]
fn a_warming_ends_with_what_has_come_and_asks_for_no_other_image() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::start(|_| None);
    let outcome = registry.interrupted(folder.path(), &["cache", "warm", "r.test/team/web:1"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(130), ""), "{outcome:#?}");
    assert_eq!(
        outcome.err,
        "wharfinger: interrupted; what has come before is in the cache\n"
    );
    assert!(contents(folder.path()).is_empty());
    assert!(registry.waiting.try_recv().is_err(), "another image was asked for");
}

/// The path of a request; nothing where the connection ends before.
fn asked(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?;
    head.split_whitespace().nth(1).map(str::to_owned)
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The size of the layer in bytes.
const LAYER: u64 = 1_000_000;
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
