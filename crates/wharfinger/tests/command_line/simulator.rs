//! `wharfinger sim`: a simulated AWS for those who rehearse by hand.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    program::{self, Outcome, contents, run, wharfinger},
    served::client,
};

const ACCOUNT: &str = "111122223333";

/// A `wharfinger sim serve` that runs, ended with its test.
pub(crate) struct Simulator {
    process: Child,
    folder: TempDir,
    pub(crate) places: Value,
}

impl Simulator {
    pub(crate) fn start(more: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    fn start_in(folder: TempDir, more: &[&str]) -> Self {
        let mut process = serve(folder.path(), more).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            process,
            folder,
            places: serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}")),
        }
    }

    pub(crate) fn place(&self, name: &str) -> &str {
        self.places[name].as_str().unwrap()
    }

    fn run(&self, args: &[&str]) -> Outcome {
        run(
            self.folder.path(),
            &[&["sim"], args, &["--control", self.place("control")]].concat(),
        )
    }

    fn key(&self) -> Value {
        let outcome = self.run(&["credentials", ACCOUNT, "--format", "json"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        serde_json::from_str(&outcome.out).unwrap()
    }

    /// A call that AWS refuses, without a signature.
    async fn call(&self) {
        let request = client(None).post(self.place("endpoint"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15";
        assert_eq!(request.body(body).send().await.unwrap().status(), 400);
    }

    fn end(mut self, signal: &str) -> (ExitStatus, TempDir) {
        program::signal(self.process.id(), signal);
        let status = self.process.wait().unwrap();
        (
            status,
            std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()),
        )
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(folder: &Path, more: &[&str]) -> Command {
    let mut command = wharfinger(folder);
    command.args(["sim", "serve", "--format", "json"]);
    for address in ["--listen", "--endpoint", "--control"] {
        if !more.contains(&address) {
            command.args([address, "127.0.0.1:0"]);
        }
    }
    command.args(more).stdout(Stdio::piped());
    command
}

#[tokio::test]
async fn it_says_where_everything_is() {
    let simulator = Simulator::start(&["--registry", "111122223333/eu-west-1=127.0.0.1:0"]);
    let registry = &simulator.places["registries"][0];
    assert_eq!(registry["host"], "111122223333.dkr.ecr.eu-west-1.amazonaws.com");
    let url = format!("http://{}/v2/", registry["address"].as_str().unwrap());
    let challenge = client(None).get(url).send().await.unwrap();
    assert_eq!(
        challenge.headers()["www-authenticate"],
        "Basic realm=\"https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/\",service=\"ecr.amazonaws.com\""
    );
    let authority = fs::read_to_string(simulator.place("authority")).unwrap();
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"));
    let control = format!("http://{}/ca.pem", simulator.place("control"));
    let served = client(None).get(control).send().await.unwrap();
    assert_eq!(served.text().await.unwrap(), authority);
}

#[test]
fn a_shell_gets_credentials_and_an_endpoint() {
    let simulator = Simulator::start(&[]);
    let key = simulator.key();
    assert_eq!(key["Version"], 1);
    let exports = simulator.run(&["credentials", ACCOUNT]);
    let script = format!(
        "{}\nprintf '%s\\n' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_ENDPOINT_URL\"",
        exports.out
    );
    let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
    let expected = [
        key["AccessKeyId"].as_str().unwrap(),
        key["SecretAccessKey"].as_str().unwrap(),
        simulator.place("endpoint"),
    ];
    assert_eq!(
        String::from_utf8(shell.stdout).unwrap().lines().collect::<Vec<_>>(),
        expected
    );
}

#[tokio::test]
async fn the_trail_shows_each_call_and_why_it_was_refused() {
    let simulator = Simulator::start(&["--clock", "2026-11-20T12:00:00Z", "--stop-clock"]);
    simulator.call().await;
    let trail = simulator.run(&["trail"]);
    assert!(trail.out.starts_with("12:00:00 400 "), "{trail:?}");
    assert!(trail.out.contains("sts:AssumeRoleWithWebIdentity"), "{trail:?}");
    assert!(
        trail.out.contains("ValidationError: 3 validation errors detected"),
        "{trail:?}"
    );
    let json = simulator.run(&["trail", "--format", "json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&json.out).unwrap()["error"],
        "ValidationError"
    );
    assert_eq!(simulator.run(&["trail", "--last", "0"]).out, "");
}

#[tokio::test]
async fn who_follows_the_trail_sees_calls_as_they_are_answered() {
    let simulator = Simulator::start(&[]);
    let mut command = wharfinger(simulator.folder.path());
    command.args([
        "sim",
        "trail",
        "--follow",
        "--format",
        "json",
        "--control",
        simulator.place("control"),
    ]);
    let mut follower = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap());
    let mut line = String::new();
    for number in 1..=2 {
        simulator.call().await;
        line.clear();
        lines.read_line(&mut line).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["number"], number);
    }
    program::signal(follower.id(), "INT");
    assert_eq!(follower.wait().unwrap().code(), Some(0));
    lines.read_to_string(&mut line).unwrap();
}

#[test]
fn the_clock_begins_where_it_is_told_and_is_advanced() {
    let simulator = Simulator::start(&["--clock", "2026-11-20T12:00:00Z", "--stop-clock"]);
    assert_eq!(simulator.run(&["clock"]).out, "2026-11-20T12:00:00Z\n");
    assert_eq!(
        simulator.run(&["clock", "--advance", "13h"]).out,
        "2026-11-21T01:00:00Z\n"
    );
    simulator
        .run(&["clock", "--advance=-1h"])
        .assert_refused(&["--advance", "a clock never goes back"]);
    simulator
        .run(&["clock", "--advance", "soon"])
        .assert_refused(&["--advance `soon`", "13h"]);
    assert_eq!(
        simulator.run(&["clock", "--advance", "2d"]).out,
        "2026-11-23T01:00:00Z\n"
    );
}

#[tokio::test]
async fn calls_go_wrong_by_rules_that_come_and_go() {
    let rule =
        r#"{"id": "down", "when": {"service": "sts"}, "times": 1, "what": {"error": {"status": 400, "code": "Gone"}}}"#;
    let simulator = Simulator::start(&["--fault", rule, "--seed", "7"]);
    simulator.call().await;
    let trail = simulator.run(&["trail"]).out;
    assert!(trail.contains("Gone: ") && trail.contains("(fault down)"), "{trail}");
    let listed = simulator.run(&["fault", "list"]).out;
    assert!(
        listed.starts_with("1 of 1 calls struck, spent  {\"id\":\"down\""),
        "{listed}"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&simulator.run(&["fault", "list", "--format", "json"]).out).unwrap()["seed"],
        7
    );

    fs::write(simulator.folder.path().join("rules.json"), format!("[{rule}]")).unwrap();
    assert_eq!(simulator.run(&["fault", "add", "@rules.json"]).code, Some(0));
    assert!(simulator.run(&["fault", "list"]).out.starts_with("0 of 0"));
    assert_eq!(simulator.run(&["fault", "remove", "down"]).code, Some(0));
    simulator
        .run(&["fault", "remove", "down"])
        .assert_refused(&["there is no fault `down`"]);
    simulator
        .run(&["fault", "remove", "../clock"])
        .assert_refused(&["there is no fault `../clock`"]);
    simulator
        .run(&["fault", "add", r#"{"id": "x", "what": "explode"}"#])
        .assert_refused(&["fault.what", "explode"]);
    simulator
        .run(&["fault", "add", "@missing.json"])
        .assert_refused(&["`missing.json` cannot be read"]);
    assert_eq!(simulator.run(&["fault", "clear"]).code, Some(0));
    assert_eq!(simulator.run(&["fault", "list"]).out, "");
}

#[tokio::test]
async fn machines_are_added_and_say_what_their_processes_have_in_the_environment() {
    let instance = r#"{"name": "builder", "account": "111122223333", "instance": {"imdsV1": true}}"#;
    let simulator = Simulator::start(&["--machine", instance]);
    assert_eq!(simulator.places["machines"][0]["name"], "builder");
    let exports = simulator.run(&["machine", "env", "builder"]).out;
    let script = format!("{exports}\nprintf %s \"$AWS_EC2_METADATA_SERVICE_ENDPOINT\"");
    let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
    let metadata = String::from_utf8(shell.stdout).unwrap();
    let region = client(None).get(format!(
        "{}/latest/meta-data/placement/region",
        metadata.trim_end_matches('/')
    ));
    assert_eq!(region.send().await.unwrap().text().await.unwrap(), "us-east-1");

    let task = r#"{"name": "job", "account": "111122223333", "task": {"role": "puller"}}"#;
    let added = simulator.run(&["machine", "add", task]);
    assert!(added.out.contains("export AWS_CONTAINER_CREDENTIALS_"), "{added:?}");
    assert!(added.out.contains("export AWS_ENDPOINT_URL="), "{added:?}");
    simulator
        .run(&["machine", "add", task])
        .assert_refused(&["there is a machine of the name `job` already"]);
    simulator
        .run(&["machine", "add", "{}"])
        .assert_refused(&["machine: missing field `name`"]);
    simulator
        .run(&["machine", "env", "x"])
        .assert_refused(&["there is no machine `x`"]);
    let listed = simulator.run(&["machine", "list"]).out;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains("of 111122223333 in us-east-1"), "{listed}");
}

#[test]
fn the_network_is_set_and_cleared() {
    let simulator = Simulator::start(&["--network", r#"{"latencyMillis": 1}"#]);
    assert_eq!(
        simulator.run(&["network"]).out,
        "{\"networks\":[{\"latencyMillis\":1}]}\n"
    );
    let bucket = r#"{"bytesPerSecond":30000000,"service":"layerBucket"}"#;
    assert!(simulator.run(&["network", bucket]).out.contains(bucket));
    simulator
        .run(&["network", r#"{"bytesPerSecond": 0}"#])
        .assert_refused(&["bytesPerSecond"]);
    assert_eq!(simulator.run(&["network", "--clear"]).out, "{\"networks\":[]}\n");
}

#[test]
fn what_is_kept_survives_even_a_kill() {
    let simulator = Simulator::start(&["--state", "aws"]);
    let (key, authority) = (
        simulator.key(),
        fs::read(simulator.folder.path().join("aws/ca.pem")).unwrap(),
    );
    let (_, folder) = simulator.end("KILL");
    let simulator = Simulator::start_in(folder, &["--state", "aws"]);
    assert_eq!(simulator.key(), key);
    assert_eq!(fs::read(simulator.folder.path().join("aws/ca.pem")).unwrap(), authority);
    let mut second = serve(simulator.folder.path(), &["--state", "aws"]);
    let second = second
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2));
    let message = String::from_utf8(second.stderr).unwrap();
    assert_eq!(
        message,
        "wharfinger: another simulated AWS is using aws; stop it or choose another directory\n"
    );
}

#[test]
fn at_its_end_nothing_is_left_that_was_not_to_be_kept() {
    for signal in ["INT", "TERM"] {
        let simulator = Simulator::start(&[]);
        assert!(!contents(simulator.folder.path()).is_empty());
        let (status, folder) = simulator.end(signal);
        assert_eq!(status.code(), Some(0));
        assert!(
            contents(folder.path()).is_empty(),
            "{:?}",
            contents(folder.path()).keys()
        );
    }
}

#[test]
fn bad_input_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |more: &[&str]| {
        run(
            folder.path(),
            &[
                &["sim", "serve", "--listen=127.0.0.1:0", "--endpoint=127.0.0.1:0"],
                more,
            ]
            .concat(),
        )
    };
    serve(&["--control=0.0.0.0:0"]).assert_refused(&["0.0.0.0:0", "is not on loopback"]);
    let control = "--control=127.0.0.1:0";
    serve(&[control, "--resolve=x"]).assert_refused(&["--resolve: `x` has no `=`", "expected NAME=ADDRESS:PORT"]);
    serve(&[control, "--ca-bundle=missing"]).assert_refused(&["--ca-bundle `missing` cannot be read"]);
    serve(&[control, "--registry=111122223333/moon=127.0.0.1:0"]).assert_refused(&["`moon` is not a region"]);
    serve(&[control, "--fault={}"]).assert_refused(&["--fault: ", "id"]);
    serve(&[control, "--machine={}"]).assert_refused(&["--machine: machine: missing field `name`"]);
    serve(&[control, "--network=[]"])
        .assert_refused(&["--network: network: invalid type: sequence, expected an object"]);
    serve(&["--registry=1/us-east-1=127.0.0.1:0"]).assert_refused_argument(&["`1` is not an AWS account"]);
    serve(&["--clock=noon"]).assert_refused_argument(&["noon"]);
    fs::write(folder.path().join("file"), "").unwrap();
    serve(&[control, "--state=file"]).assert_refused(&["file"]);
    fs::remove_file(folder.path().join("file")).unwrap();
    assert!(contents(folder.path()).is_empty(), "{:?}", contents(folder.path()));
}

#[test]
fn a_simulator_that_is_not_there_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = run(folder.path(), &["sim", "clock", "--control", "127.0.0.1:1"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    outcome.assert_says(&[
        "127.0.0.1:1 was not reached: nothing listens there",
        "wharfinger sim serve",
    ]);
    run(folder.path(), &["sim", "credentials", "1"]).assert_refused_argument(&["`1` is not an AWS account"]);
    let simulator = Simulator::start(&[]);
    let endpoint = simulator.place("endpoint");
    let outcome = run(folder.path(), &["sim", "clock", "--control", endpoint]);
    assert_eq!(outcome.code, Some(1));
    outcome.assert_says(&["is not the control address of a simulated AWS"]);
}
