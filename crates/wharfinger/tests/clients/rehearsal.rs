//! `docs/rehearsal.md` as it stands: AWS and the proxy as processes of their own, the real `aws` and skopeo, and the
//! client. Only 127.0.0.1 becomes another address of the loopback network, because other tests run at the same time.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::NamedTempFile;

use crate::address::own_address;
use crate::child::Running;
use crate::home::{Home, require, run};
use crate::image;
use crate::python;
use crate::skopeo;

/// The page's commands, in a folder of their own.
struct Rehearsal {
    home: Home,
    address: String,
    page: String,
}

impl Rehearsal {
    fn new() -> Self {
        require("skopeo");
        require("openssl");
        // The page makes its own certificate.
        let home = Home::new(NamedTempFile::new().unwrap().path());
        image::generate(&home.path("layout"), &[100_000, 200_000]);
        skopeo::copy(&home, &["--preserve-digests"], "oci:layout", "oci:image:1").unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self {
            page: fs::read_to_string(root.join("docs/rehearsal.md")).unwrap(),
            home,
            address: own_address().to_string(),
        }
    }

    /// The blocks of one kind, in their order.
    fn blocks(&self, kind: &str) -> Vec<String> {
        let beginning = format!("```sh {kind}\n");
        let blocks = self.page.split(beginning.as_str()).skip(1);
        let blocks = blocks.map(|rest| rest.split("```").next().unwrap().replace("127.0.0.1", &self.address));
        blocks.collect()
    }

    /// A shell of the user, ended after a while.
    fn shell(&self, script: &str) -> Command {
        self.script(self.home.bounded("bash"), script)
    }

    fn script(&self, mut shell: Command, script: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_wharfinger")).parent().unwrap().display();
        let aws = python::program("aws");
        let path = std::env::var("PATH").unwrap();
        shell
            .args(["-eu", "-o", "pipefail", "-c", script])
            .env("PATH", format!("{program}:{}:{path}", aws.parent().unwrap().display()))
            .env("WHARFINGER_SIM_CONTROL", format!("{}:4568", self.address))
            .env("AWS_PAGER", "")
            .current_dir(self.home.path(""));
        shell
    }

    /// A program that runs until the test ends, in its own shell.
    fn running(&self, kind: &str, options: &str, ready: &str) -> Running {
        let [block] = &self.blocks(kind)[..] else {
            panic!("one block of {kind}")
        };
        // The shell becomes the program, so that its end is the program's.
        let program = format!("exec {} {options}", block.trim_end());
        let mut command = self.script(self.home.command("bash"), &program);
        let running = Running::start(command.stderr(Stdio::null()));
        running.line(ready);
        running
    }
}

#[test]
fn the_page_is_gone_through_command_by_command() {
    let rehearsal = Rehearsal::new();
    for block in rehearsal.blocks("prepare") {
        run(&mut rehearsal.shell(&block)).unwrap();
    }
    let ip = &rehearsal.address;
    let options = format!("--listen {ip}:4566 --endpoint {ip}:4567");
    let _aws = rehearsal.running("aws", &options, "control");
    let _proxy = rehearsal.running("proxy", "", "listening on");

    // What the user's shell has learned in one block it knows in the next.
    let user = rehearsal.blocks("user");
    let [linked, pushed, pulled, broken, looked, fault] = &user[..] else {
        panic!("six blocks of the user: {user:#?}")
    };
    let credentials = linked.lines().next().unwrap().to_owned();
    let session = |blocks: &[&str]| format!("{credentials}\n{}", blocks.concat());
    run(&mut rehearsal.shell(linked)).unwrap();
    run(&mut rehearsal.shell(&session(&[pushed]))).unwrap();
    run(&mut rehearsal.shell(pulled)).unwrap();
    assert!(rehearsal.home.path("pulled/index.json").exists());

    run(&mut rehearsal.shell(&session(&[broken]))).unwrap();
    let [refused] = &rehearsal.blocks("refused")[..] else {
        panic!("one pull is refused")
    };
    let refusal = run(&mut rehearsal.shell(refused)).unwrap_err();
    assert!(refusal.contains("ecr:BatchGetImage"), "{refusal}");
    let trail = run(&mut rehearsal.shell(looked)).unwrap();
    assert!(trail.contains("DENIED"), "{trail}");
    assert!(trail.contains("No identity-based policy allows it"), "{trail}");
    run(&mut rehearsal.shell(fault)).unwrap();
}
