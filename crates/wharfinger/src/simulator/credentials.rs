use std::io::{self, Write};

use clap::ValueEnum;
use iam::AccountId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{Failed, Which, machine::IDENTITIES};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  eval \"$(wharfinger sim credentials 111122223333)\"      # for the aws command line and the SDKs, in this shell
  aws sts get-caller-identity

  wharfinger sim credentials 111122223333 --format json  # as a profile's credential_process wants it")]
pub(crate) struct Args {
    /// The account, which is born when it is first named
    account: AccountId,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    which: Which,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// Lines for a POSIX shell, with the endpoint
    #[default]
    Env,
    /// `{"Version": 1, "AccessKeyId": …, "SecretAccessKey": …}`
    Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: SecretString,
}

#[derive(Deserialize)]
struct Overview {
    endpoint: Option<String>,
}

pub(super) async fn run(args: Args) -> Result<(), Failed> {
    let control = &args.which.control;
    let key = control
        .show::<Credentials>(&format!("/credentials/{}", args.account))
        .await?;
    let text = match args.format {
        Format::Env => {
            let endpoint = control.show::<Overview>("/").await?.endpoint;
            exports(&key, endpoint.as_deref())
        }
        Format::Json => format!(
            "{}\n",
            json!({
                "Version": 1,
                "AccessKeyId": key.access_key_id,
                "SecretAccessKey": key.secret_access_key.expose_secret(),
            })
        ),
    };
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failed::output(&error))
}

/// None of the values has a character that a shell gives a meaning to within single quotes. What is still there from
/// before, such as a session token or a machine's addresses, would belong to another identity.
fn exports(key: &Credentials, endpoint: Option<&str>) -> String {
    let mut lines = format!(
        "unset {}\nexport AWS_ACCESS_KEY_ID='{}'\nexport AWS_SECRET_ACCESS_KEY='{}'\n",
        IDENTITIES.join(" "),
        key.access_key_id,
        key.secret_access_key.expose_secret()
    );
    if let Some(endpoint) = endpoint {
        lines.push_str(&format!("export AWS_ENDPOINT_URL='{endpoint}'\n"));
    }
    // The tools want one and a new account has none; whoever has chosen one keeps it.
    lines.push_str("export AWS_DEFAULT_REGION=\"${AWS_DEFAULT_REGION:-us-east-1}\"\n");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gets_the_key_and_the_endpoint() {
        let key = Credentials {
            access_key_id: "AKIAEXAMPLE".into(),
            secret_access_key: "se/cr+et".to_owned().into(),
        };
        assert_eq!(
            exports(&key, Some("http://127.0.0.1:4567")),
            format!(
                "unset {}\n\
                 export AWS_ACCESS_KEY_ID='AKIAEXAMPLE'\n\
                 export AWS_SECRET_ACCESS_KEY='se/cr+et'\n\
                 export AWS_ENDPOINT_URL='http://127.0.0.1:4567'\n\
                 export AWS_DEFAULT_REGION=\"${{AWS_DEFAULT_REGION:-us-east-1}}\"\n",
                IDENTITIES.join(" ")
            )
        );
        assert!(!exports(&key, None).contains("AWS_ENDPOINT_URL"));
    }
}
