//! `wharfinger pull`.

use crate::home::{Home, Outcome, run};
use crate::pull::Pull;

/// Pulls into `output`, `oci:DIR` or `docker-archive:FILE`, relative to the home.
pub(crate) fn pull_into(home: &Home, pull: &Pull, output: &str) -> Outcome {
    let mut command = home.bounded(env!("CARGO_BIN_EXE_wharfinger"));
    command
        .env("WHARFINGER_TOKEN", &pull.password)
        .current_dir(home.path(""));
    command.args(["pull", &pull.image, "--output", output, "--username", &pull.user]);
    command.args(["--proxy", &format!("https://{}", pull.proxy), "--format", "json"]);
    command.arg("--ca-bundle").arg(&pull.ca);
    let result = run(&mut command)?;
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    Ok(result["digest"]
        .as_str()
        .expect("the result names the digest")
        .to_owned())
}
