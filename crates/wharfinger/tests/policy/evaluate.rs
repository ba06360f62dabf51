use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use serde_json::{Value, json};

use crate::process::{fed, policy, run};

/// A pull across accounts by the session of a role, allowed by its own policies and by the repository's.
fn pull() -> Value {
    json!({
        "principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/puller/s"},
        "action": "ecr:BatchGetImage",
        "resource": "arn:aws:ecr:us-east-1:444455556666:repository/team/app",
        "resourceAccount": "444455556666",
        "context": {"aws:PrincipalTag/team": ["a"], "aws:CurrentTime": ["2026-11-20T00:00:00Z"]},
        "policies": {
            "identity": [{"name": "pull", "document": {"Version": "2012-10-17", "Statement": [
                {"Sid": "Pull", "Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}]}}],
            "resource": {"name": "the repository's", "document": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/puller"},
                 "Action": "ecr:BatchGetImage", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}]}},
        },
    })
}

fn with(mut question: Value, pointer: &str, value: Value) -> Value {
    *question.pointer_mut(pointer).unwrap() = value;
    question
}

fn of_another_team() -> Value {
    with(pull(), "/context/aws:PrincipalTag~1team/0", json!("b"))
}

fn evaluate(question: &str, format: &str) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("request.json");
    std::fs::write(&file, question).unwrap();
    let ended = run(&["evaluate", file.to_str().unwrap(), "--format", format]);
    let stderr = ended.stderr.replace(directory.path().to_str().unwrap(), "DIR");
    (ended.code, ended.stdout, stderr)
}

#[test]
fn the_exit_status_tells_the_decision() {
    let denying = json!({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}});
    for (question, code, decision) in [
        (pull(), 0, "Allowed"),
        (of_another_team(), 1, "ImplicitlyDenied"),
        (
            with(pull(), "/policies/identity/0/document", denying),
            1,
            "ExplicitlyDenied",
        ),
    ] {
        let (ended, stdout, stderr) = evaluate(&question.to_string(), "json");
        let answer: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(
            (ended, answer["decision"].as_str(), stderr.as_str()),
            (code, Some(decision), "")
        );
    }
}

#[test]
fn the_answer_names_what_is_missing_and_where_it_stands() {
    let question = serde_json::to_string_pretty(&of_another_team()).unwrap();
    let (_, stdout, _) = evaluate(&question, "json");
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(answer["lacking"], json!(["resource"]));
    let miss = &answer["nearMiss"];
    assert_eq!(
        (miss["kind"].as_str(), miss["name"].as_str()),
        (Some("resource"), Some("the repository's"))
    );
    let condition = &miss["conditions"][0];
    for (member, value) in [
        ("operator", json!("StringEquals")),
        ("key", json!("aws:PrincipalTag/team")),
        ("wanted", json!(["a"])),
        ("found", json!(["b"])),
        ("outcome", json!("not matched")),
    ] {
        assert_eq!(condition[member], value);
    }
    let line = usize::try_from(condition["line"].as_u64().unwrap()).unwrap();
    let column = usize::try_from(condition["column"].as_u64().unwrap()).unwrap();
    let found = &question.lines().nth(line - 1).unwrap()[column - 1..];
    assert!(found.starts_with(r#""aws:PrincipalTag/team": "a""#), "{found}");
    let kinds: Vec<&str> = answer["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["resource", "identity"]);
}

#[test]
fn people_get_a_text() {
    let (code, stdout, _) = evaluate(&of_another_team().to_string(), "text");
    assert_eq!(code, 1);
    for part in [
        "Implicitly denied\narn:aws:sts::111122223333:assumed-role/puller/s may not ecr:BatchGetImage on ",
        "\nUser: arn:aws:sts::111122223333:assumed-role/puller/s is not authorized to perform: ecr:BatchGetImage on \
         resource: arn:aws:ecr:us-east-1:444455556666:repository/team/app because no resource-based policy allows",
        "\nNearest, of the resource-based policy\n  ✗ Allow the repository's (1:",
        "): a; the request has b\n",
        "\nidentity-based policy: allows it\n  ✓ Allow pull, Pull (1:",
    ] {
        assert!(stdout.contains(part), "{part}\nin {stdout}");
    }
    assert!(!stdout.contains('\u{1b}'), "no colours where there is no terminal");
    assert!(evaluate(&pull().to_string(), "text").1.starts_with("Allowed\n"));
}

#[test]
fn a_name_cannot_move_the_cursor() {
    let question = with(of_another_team(), "/policies/resource/name", json!("x\u{1b}[2J\ny"));
    let (_, stdout, _) = evaluate(&question.to_string(), "text");
    assert!(stdout.contains("x[2J y") && !stdout.contains('\u{1b}'), "{stdout}");
}

#[test]
fn bad_input_is_told_with_its_place() {
    let question = "{\n \"principal\": \"ann\"}";
    let (code, stdout, stderr) = evaluate(question, "text");
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(
        stderr.starts_with("wharfinger: DIR/request.json:2:15: principal: the principal is `ann`; expected: "),
        "{stderr}"
    );
    let (code, stdout, _) = evaluate(question, "json");
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 2);
    assert_eq!(
        (&answer["error"]["line"], &answer["error"]["field"]),
        (&json!(2), &json!("principal"))
    );
    let ended = run(&["evaluate", "/nowhere/request.json"]);
    assert_eq!(ended.code, 2);
    assert!(
        ended
            .stderr
            .contains("the request `/nowhere/request.json`: No such file"),
        "{}",
        ended.stderr
    );
    for arguments in [
        &["evaluate"][..],
        &["evaluate", "x", "--jsonl"],
        &["evaluate", "--jsonl", "--format", "json"],
    ] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn standard_input_is_a_dash() {
    let ended = fed(&["evaluate", "-"], pull().to_string().as_bytes());
    assert!(ended.written().starts_with("Allowed\n"));
}

#[test]
fn lines_are_answered_in_order_whatever_they_are() {
    let lines = [
        pull().to_string(),
        "{".to_owned(),
        of_another_team().to_string(),
        String::new(),
        pull().to_string(),
    ];
    let answers = fed(&["evaluate", "--jsonl"], lines.join("\n").as_bytes()).written();
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |answer: &Value| match answer["decision"].as_str() {
        Some(decision) => decision.to_owned(),
        None => format!("{}:{}", answer["error"]["line"], answer["error"]["column"]),
    };
    let told: Vec<String> = answers.iter().map(told).collect();
    assert_eq!(told, ["Allowed", "1:2", "ImplicitlyDenied", "1:1", "Allowed"]);
}

#[test]
fn many_lines_stream() {
    let line = format!("{}\n", of_another_team());
    let answers = fed(&["evaluate", "--jsonl"], line.repeat(2000).as_bytes()).written();
    assert_eq!(answers.lines().count(), 2000);
    assert_eq!(answers.lines().collect::<std::collections::BTreeSet<_>>().len(), 1);
}

/// Who asks and waits for the answer before asking again is not left waiting.
#[test]
fn each_answer_comes_before_the_next_question() {
    let mut child = policy(&["evaluate", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for question in [pull(), of_another_team()] {
        writeln!(stdin, "{question}").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(r#"{"decision":"#), "{answer}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
