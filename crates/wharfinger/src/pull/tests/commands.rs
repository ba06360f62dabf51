use std::{future, path::Path};

use clap::Parser;

use super::{registry::Answer, *};
use crate::pull::{
    Args,
    command::{Console, Display, execute},
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// What a command left: its exit status, standard output and standard error.
struct Outcome {
    status: u8,
    out: String,
    err: String,
}

async fn pull(scene: &Scene, options: &[&str], interrupt: impl Future<Output = ()>) -> Outcome {
    let proxy = format!("--proxy={}", scene.registry.url());
    let line = Line::parse_from([&["pull", "r.test/team/app:1", &proxy], options].concat());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let console = Console {
        stdin: &mut &b"hunter2\n"[..],
        variable: &|_| None,
        out: &mut out,
        err: &mut err,
        display: Display::None,
    };
    let status = execute(line.args, console, interrupt).await;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        status,
        out: text(out),
        err: text(err),
    }
}

fn to(layout: &Path) -> String {
    format!("--output=oci:{}", layout.display())
}

#[tokio::test]
async fn a_pull_prints_the_digest_and_the_place() {
    let scene = Scene::new().await;
    let output = to(&scene.layout());
    let outcome = pull(&scene, &[&output], future::pending()).await;
    let digest = Digest::of(&scene.image.manifest);
    assert_eq!((outcome.status, outcome.err.as_str()), (0, ""));
    assert_eq!(outcome.out, format!("{digest} oci:{}\n", scene.layout().display()));
    scene.assert_whole();
}

#[tokio::test]
async fn a_pull_prints_json() {
    let scene = Scene::new().await;
    let output = to(&scene.layout());
    let outcome = pull(&scene, &[&output, "--format=json"], future::pending()).await;
    let json: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(json["image"], "r.test/team/app:1");
    assert_eq!(json["digest"], Digest::of(&scene.image.manifest).to_string());
    assert_eq!(
        json["layers"][1],
        json!({ "digest": Digest::of(&scene.image.layers[1]), "size": 50_000, "reused": false })
    );
}

#[tokio::test]
async fn a_refusal_is_one_line_and_a_fix() {
    let scene = Scene::new().await;
    scene.registry.mischief(|_, answer| {
        *answer = Answer::error(403, "DENIED", "no \u{1b}[31midentity-based\n policy allows it");
    });
    let output = to(&scene.layout());
    let outcome = pull(
        &scene,
        &[&output, "--username=u", "--password-stdin"],
        future::pending(),
    )
    .await;
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    let expected = format!(
        "error: GET {}/v2/r.test/team/app/manifests/1: 403 Forbidden: DENIED: no [31midentity-based  policy allows it\n",
        scene.registry.url()
    );
    let (error, fix) = outcome.err.split_at(expected.len());
    assert_eq!(error, expected);
    assert!(fix.starts_with("fix: ") && fix.lines().count() == 1, "{fix}");
    assert!(!scene.layout().exists());
}

#[tokio::test]
async fn nothing_that_a_registry_says_moves_the_terminal() {
    let scene = Scene::new().await;
    let manifest = b"{}";
    let mut entry = json!(descriptor(MediaType::OCI_MANIFEST, manifest));
    entry["mediaType"] = json!("a/\u{1b}[2J\nerror: no");
    entry["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    let index = json!({ "manifests": [entry] }).to_string().into_bytes();
    scene.registry.hold(None, "a/b", manifest);
    scene.registry.hold(Some("1"), MediaType::OCI_INDEX, &index);
    let outcome = pull(&scene, &["--platform=linux/amd64"], future::pending()).await;
    assert!(
        outcome.err.contains("`a/[2J error: no` is not supported"),
        "{}",
        outcome.err
    );
    assert!(!outcome.err.trim_end().contains(char::is_control), "{}", outcome.err);
}

#[tokio::test]
async fn bad_input_has_its_own_status() {
    let scene = Scene::new().await;
    let folder = to(scene.folder.path());
    std::fs::write(scene.folder.path().join("thesis.txt"), "x").unwrap();
    for options in [
        &[folder.as_str()][..],
        &["--username=u"],
        &["--resolve=x"],
        &["--ca-bundle=/nonexistent"],
    ] {
        let outcome = pull(&scene, options, future::pending()).await;
        assert_eq!((outcome.status, outcome.out.as_str()), (2, ""), "{options:?}");
        assert!(
            outcome.err.starts_with("error: ") && outcome.err.lines().count() == 1,
            "{}",
            outcome.err
        );
    }
    assert!(scene.registry.asked().is_empty());
}

#[tokio::test]
async fn ctrl_c_says_what_is_kept() {
    let scene = Scene::new().await;
    let output = to(&scene.layout());
    let (tell, told) = tokio::sync::oneshot::channel();
    let mut tell = Some(tell);
    scene.registry.mischief(move |asked, answer| {
        if asked.is_blob() {
            answer.cut = Some(1);
            answer.hangs = true;
            tell.take().map(|tell| tell.send(()));
        }
    });
    let interrupt = async { told.await.unwrap() };
    let outcome = pull(&scene, &[&output], interrupt).await;
    assert_eq!((outcome.status, outcome.out.as_str()), (130, ""));
    let folder = scene.layout().display().to_string();
    assert!(
        outcome.err.contains("interrupted") && outcome.err.contains(&folder),
        "{}",
        outcome.err
    );
    scene.assert_nothing_looks_whole();
}

#[tokio::test]
async fn ctrl_c_before_the_first_answer_leaves_no_trace() {
    let scene = Scene::new().await;
    let output = to(&scene.layout());
    let outcome = pull(&scene, &[&output], future::ready(())).await;
    // The command may be faster than the very first turn of the pull, never slower than its first answer.
    assert_eq!((outcome.status, outcome.err.as_str()), (130, "error: interrupted\n"));
    assert!(!scene.layout().exists());
}
