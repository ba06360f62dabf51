//! `wharfinger cache` on the directory of a server that runs or ran.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::Stdio,
    time::SystemTime,
};

use content::{Admission, Place, Scope, Store, TagRecord};
use jiff::Timestamp;
use oci::{Digest, MediaType};
use serde_json::{Value, json};

use crate::{
    house::House,
    program::{Outcome, run, signal, wharfinger},
};

const IMAGE: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1";

/// A house whose cache has an image of one layer, and a layer of another one.
struct Filled {
    house: House,
    /// What a server would hold.
    store: Store,
    manifest: Digest,
    layer: Digest,
    stray: Digest,
}

impl Filled {
    async fn new() -> Self {
        let house = House::new();
        drop(house.serve());
        fs::create_dir(house.path("data")).unwrap();
        let store = Store::open(&house.path("data/content")).unwrap();
        let put = async |bytes: Vec<u8>| {
            let digest = Digest::of(&bytes);
            store.put(&digest, bytes.into()).await.unwrap();
            digest
        };
        let descriptor = |digest: &Digest, media_type: &str, size| json!({ "mediaType": media_type, "digest": digest, "size": size });
        let (config, layer) = (put(b"{}".to_vec()).await, put(vec![1; 10_000]).await);
        let text = json!({
            "schemaVersion": 2,
            "config": descriptor(&config, "application/vnd.oci.image.config.v1+json", 2),
            "layers": [descriptor(&layer, "application/vnd.oci.image.layer.v1.tar+gzip", 10_000)],
        });
        let manifest = put(text.to_string().into_bytes()).await;
        let stray = put(vec![2; 20_000]).await;
        let parts = ["acme", "prod", "111122223333.dkr.ecr.us-east-1.amazonaws.com", "caller"];
        let place = Place {
            scope: Scope::new(parts).unwrap(),
            repository: "team/app".parse().unwrap(),
        };
        let media_type = MediaType::OCI_MANIFEST.into();
        let admission = Admission::Manifest { media_type };
        store.admit(&place, &manifest, admission).await.unwrap();
        let record = TagRecord {
            digest: manifest.clone(),
            confirmed_at: Timestamp::now(),
        };
        store.set_tag(&place, &"1".parse().unwrap(), record).await.unwrap();
        Self {
            house,
            store,
            manifest,
            layer,
            stray,
        }
    }

    fn cache(&self, command: &str, args: &[&str]) -> Outcome {
        let all = [&["cache", command, "--config", "wharfinger.toml"], args].concat();
        run(self.house.folder(), &all)
    }

    fn json(&self, command: &str, args: &[&str]) -> Vec<Value> {
        let outcome = self.cache(command, &[args, &["--format", "json"]].concat());
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:?}");
        outcome
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.house.path("data/content/blobs/sha256").join(&hex[..2]).join(hex)
    }
}

#[tokio::test]
async fn what_is_there_is_listed_with_its_images() {
    let filled = Filled::new().await;
    let outcome = filled.cache("list", &[]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = outcome.out.lines().collect();
    assert_eq!(lines.len(), 5, "{}", outcome.out);
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with(&filled.manifest.to_string()) && line.ends_with(IMAGE))
    );
    assert!(
        lines[4].starts_with("4 pieces of content, 29.") && lines[4].ends_with("(no limit)"),
        "{}",
        lines[4]
    );
    let listed = filled.json("list", &[]);
    let layer = listed
        .iter()
        .find(|item| item["digest"] == json!(filled.layer))
        .unwrap();
    assert_eq!(
        (&layer["size"], &layer["pinned"], &layer["uses"]),
        (&json!(10_000), &json!(false), &json!(1.0))
    );
}

#[tokio::test]
async fn a_pinned_image_stays_when_all_else_is_pruned() {
    let filled = Filled::new().await;
    let pinned = &filled.json("pin", &[IMAGE])[0];
    assert_eq!(
        (&pinned["digest"], &pinned["missing"]),
        (&json!(filled.manifest), &json!([]))
    );
    let through_proxy = "images.example.com/prod/team/app:1";
    assert_eq!(
        filled.json("pin", &[through_proxy])[0]["digest"],
        json!(filled.manifest)
    );
    assert_eq!(filled.json("pin", &[]).len(), 2);

    let rehearsed = &filled.json("prune", &["--to-size", "0B", "--dry-run"])[0];
    assert_eq!(rehearsed["removed"], json!([filled.stray]));
    assert!(filled.file(&filled.stray).exists());
    assert_eq!(
        filled.json("prune", &["--to-size", "0B"])[0]["removed"],
        json!([filled.stray])
    );
    // The one who has the directory open takes it as it is.
    assert!(filled.store.blob(&filled.stray).await.unwrap().is_none());
    assert!(filled.store.blob(&filled.layer).await.unwrap().is_some());

    for image in [IMAGE, through_proxy] {
        filled.json("pin", &[image, "--remove"]);
    }
    filled
        .cache("pin", &[IMAGE, "--remove"])
        .assert_refused(&["is not pinned", "nothing is"]);
    filled.json("prune", &["--older-than", "0s"]);
    assert!(filled.json("list", &[]).is_empty());
}

#[tokio::test]
async fn damage_is_found_removed_and_told() {
    let filled = Filled::new().await;
    assert_eq!(filled.json("verify", &[])[0]["sound"], 4);
    let mut bytes = fs::read(filled.file(&filled.layer)).unwrap();
    bytes[5_000] ^= 1;
    fs::write(filled.file(&filled.layer), bytes).unwrap();
    let outcome = filled.cache("verify", &[]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    outcome.assert_says(&["1 pieces of content were damaged", "disk"]);
    assert!(outcome.out.contains(&format!("damaged, removed: {}", filled.layer)));
    assert!(!filled.file(&filled.layer).exists());
    assert_eq!(filled.json("verify", &[])[0]["sound"], 3);
    let missing = &filled.json("pin", &[IMAGE])[0]["missing"];
    assert_eq!(missing, &json!([filled.layer]));
}

#[tokio::test]
async fn input_that_cannot_be_used_is_refused_in_one_line() {
    let filled = Filled::new().await;
    let unknown = IMAGE.replace(":1", ":2");
    filled
        .cache("pin", &[&unknown])
        .assert_refused(&[&unknown, "not in the cache", "pull it first"]);
    filled.cache("verify", &["--rate", "0B"]).assert_refused(&["--rate"]);
    for (command, args, part) in [
        ("prune", &["--to-size", "5"][..], "`5` is not a size"),
        ("prune", &["--older-than", "5w"], "30d"),
        ("pin", &["app"], "expected HOST/REPOSITORY"),
    ] {
        filled.cache(command, args).assert_refused_argument(&[part]);
    }
    assert_eq!(filled.cache("prune", &[]).code, Some(2));

    let empty = House::new();
    drop(empty.serve());
    let outcome = run(empty.folder(), &["cache", "list", "--config", "wharfinger.toml"]);
    outcome.assert_refused(&["data_dir", "is not there", "expected"]);
    run(empty.folder(), &["cache", "list", "--config", "none.toml"]).assert_refused(&["none.toml"]);
}

#[tokio::test]
async fn a_damaged_pin_is_told_of() {
    let filled = Filled::new().await;
    filled.json("pin", &[IMAGE]);
    let pins = filled.house.path("data/content/pins");
    let pin = fs::read_dir(pins).unwrap().next().unwrap().unwrap().path();
    fs::write(&pin, "{").unwrap();
    for args in [&["pin"][..], &["list"], &["prune", "--to-size", "1GiB"]] {
        let outcome = filled.cache(args[0], &args[1..]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.err.contains("damaged pin"), "{args:?}: {outcome:?}");
        assert!(outcome.err.contains(pin.to_str().unwrap()), "{args:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_verification_says_at_once_what_it_removed_and_also_when_it_is_interrupted() {
    let filled = Filled::new().await;
    fs::write(filled.file(&filled.layer), vec![9; 1_000_000]).unwrap();
    // What is worth least is looked at first; at this rate, the next one has to wait for days.
    let damaged = fs::File::open(filled.file(&filled.layer)).unwrap();
    damaged.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let mut command = wharfinger(filled.house.folder());
    command.args(["cache", "verify", "--config", "wharfinger.toml", "--rate", "1B"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, format!("damaged, removed: {}\n", filled.layer));
    signal(process.id(), "INT");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(rest.contains("pieces of content are sound"), "{rest}");
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("interrupted"), "{err}");
}
