//! `wharfinger pull`.

use crate::home::{Home, Outcome, run};
use crate::pull::Pull;

/// Pulls into `output`, `oci:DIR` or `docker-archive:FILE`, relative to the home: the digest.
pub(crate) fn pull_into(home: &Home, pull: &Pull, output: &str) -> Outcome {
    pull_as(home, pull, &["--username", &pull.user], output)
}

/// The same, where these options say as whom.
pub(crate) fn pull_as(home: &Home, pull: &Pull, who: &[&str], output: &str) -> Outcome {
    let mut command = home.bounded(env!("CARGO_BIN_EXE_wharfinger"));
    command
        .env("WHARFINGER_TOKEN", &pull.password)
        .current_dir(home.path(""));
    command.args(["pull", &pull.image, "--output", output]).args(who);
    command.args(["--proxy", &format!("https://{}", pull.proxy), "--format", "json"]);
    command.arg("--ca-bundle").arg(&pull.ca);
    let result = run(&mut command)?;
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    Ok(result["digest"]
        .as_str()
        .expect("the result names the digest")
        .to_owned())
}
