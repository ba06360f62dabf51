//! Somebody warms the cache, and others pull when AWS is away.

use serde_json::{Value, json};

use crate::home::{Home, Outcome, run};
use crate::index::push_index;
use crate::installation::Installation;
use crate::pull::Pull;
use crate::{own, skopeo};

/// Warms images as a client of the proxy that has nothing but its token: what was printed, or the complaint.
fn warm(pull: &Pull, args: &[&str]) -> Outcome {
    let home = Home::new(&pull.ca);
    let folder = home.path("empty");
    std::fs::create_dir(&folder).unwrap();
    let mut command = home.bounded(env!("CARGO_BIN_EXE_wharfinger"));
    command.args(["cache", "warm"]).args(args);
    command.arg("--ca-bundle").arg(&pull.ca);
    command
        .env("WHARFINGER_TOKEN", &pull.password)
        .env("TMPDIR", &folder)
        .env("HOME", &folder)
        .current_dir(&folder);
    let outcome = run(&mut command);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "something was written");
    outcome
}

/// Nothing of AWS answers any more.
fn take_away_aws(installation: &Installation) {
    let fault = json!({ "id": "away", "when": {}, "what": "unreachable" });
    let aws = installation.stage().aws().unwrap();
    aws.add_fault(serde_json::from_value(fault).unwrap()).unwrap();
}

#[test]
fn an_index_that_was_warmed_is_pulled_when_aws_is_away() {
    let installation = Installation::new();
    let index = push_index(&installation, "both");
    let pull = installation.pull_of("both");
    let printed = warm(&pull, &[&pull.by_path()]).unwrap();
    let expected = format!("{} {} 3 manifests, 4 blobs, ", index.digest, pull.by_path());
    assert!(
        printed.starts_with(&expected) && printed.ends_with(" KiB\n"),
        "{printed}"
    );
    assert_eq!(printed.lines().count(), 1);

    take_away_aws(&installation);
    assert_eq!(skopeo::pull(&pull), Ok(index.digest.to_string()));
    let pulled = own::pull_into(&Home::new(&pull.ca), &pull, "oci:app");
    assert_eq!(pulled, Ok(index.here.digest().to_string()));
    assert_eq!(installation.calls("s3:GetObject").len(), 4, "each blob came once");
}

#[test]
fn without_the_warming_nothing_is_pulled_when_aws_is_away() {
    let installation = Installation::new();
    push_index(&installation, "both");
    take_away_aws(&installation);
    skopeo::pull(&installation.pull_of("both")).unwrap_err();
}

#[test]
fn only_the_platforms_that_are_wanted_are_fetched() {
    let installation = Installation::new();
    let index = push_index(&installation, "both");
    let pull = installation.pull_of("both");
    let config: Value = serde_json::from_slice(&index.here.config).unwrap();
    let platform = format!("linux/{}", config["architecture"].as_str().unwrap());
    // By the upstream's name, which for whoever pulls is another name of the same.
    let image = pull.by_upstream();
    let printed = warm(
        &pull,
        &[
            "--platform",
            &platform,
            "--username",
            "robot",
            "--format",
            "json",
            &image,
        ],
    )
    .unwrap();
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let layers: u64 = index.here.blobs().map(|blob| blob.len() as u64).sum();
    assert_eq!(printed["digest"], index.digest.to_string());
    assert_eq!((&printed["manifests"], &printed["blobs"]), (&json!(2), &json!(2)));
    assert!(printed["bytes"].as_u64().unwrap() > layers, "{printed}");
    assert_eq!(installation.calls("s3:GetObject").len(), 2);

    take_away_aws(&installation);
    let pulled = own::pull_into(&Home::new(&pull.ca), &pull, "oci:app");
    assert_eq!(pulled, Ok(index.here.digest().to_string()));
    skopeo::pull(&pull).expect_err("the other platform is not there");
}

#[test]
fn an_image_that_fails_keeps_no_other_from_being_warmed() {
    let installation = Installation::new();
    let (pull, missing) = (installation.pull(), installation.pull_of("none"));
    let complaint = warm(&pull, &[&missing.by_path(), &pull.by_path()]).unwrap_err();
    for part in [&missing.by_path(), "404", "fix: ", "1 of 2 images could not be warmed"] {
        assert!(complaint.contains(part), "{part:?} is not in: {complaint}");
    }
    take_away_aws(&installation);
    assert_eq!(skopeo::pull(&pull), Ok(installation.digest()));
}

#[test]
fn whoever_is_not_known_warms_nothing() {
    let installation = Installation::new();
    let before = installation.count();
    let pull = installation.pull().with_wrong_password();
    let complaint = warm(&pull, &[&pull.by_path()]).unwrap_err();
    assert!(complaint.to_lowercase().contains("unauthorized"), "{complaint}");
    assert!(!complaint.contains(&pull.password), "the password is told");
    assert_eq!(installation.count(), before);
}
