use std::io::Read;

use clap::ValueEnum;
use oci::ImageReference;

use super::asking::{Asking, BadInput};
use crate::pull::{Output, Pull, Selection};

/// Pull an image into an OCI layout or a docker-archive, every byte verified.
///
/// The image is asked of the registry that it names, or of a Wharfinger by the path form. A pull that was interrupted is
/// resumed by the same call; blobs that are there are not asked for again.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The image: HOST/REPOSITORY[:TAG|@DIGEST]
    image: ImageReference,

    /// Where the image is put: oci:DIR or docker-archive:FILE [default: oci: and the last part of the repository's name]
    #[arg(long, short, value_name = "KIND:PATH")]
    output: Option<Output>,

    /// The platform: OS/ARCHITECTURE[/VARIANT], or `all` for the whole index [default: linux on this processor]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Selection>,

    #[command(flatten)]
    asking: Asking,

    /// The form of the result on standard output
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,

    /// Show no progress
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// The form of the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The digest and where the image is, on one line
    #[default]
    Text,
    /// One JSON object: image, digest, mediaType, size, output, layers
    Json,
}

impl Args {
    /// The pull that the options mean. Standard input is read only where a password is to be found there.
    pub(super) fn plan(self, stdin: impl Read, variable: &dyn Fn(&str) -> Option<String>) -> Result<Pull, BadInput> {
        let (proxy, outgoing) = (self.asking.proxy()?, self.asking.outgoing()?);
        let search = self.asking.search(&self.image, proxy.as_ref(), variable);
        let credentials = search.find(stdin)?;
        let output = self.output.unwrap_or_else(|| Output::for_image(&self.image));
        let mut pull = Pull::new(self.image, output, outgoing);
        pull.proxy = proxy;
        pull.credentials = credentials;
        pull.platform = self.platform.unwrap_or_default();
        Ok(pull)
    }
}

const EXAMPLES: &str = "\
Examples:
  Through a Wharfinger, with a robot's token, into the folder ./app:
    WHARFINGER_TOKEN=... wharfinger pull --proxy https://images.example.com \\
        111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1
  As a role that the upstream allows:
    WHARFINGER_TOKEN=... wharfinger pull --proxy https://images.example.com \\
        --role-arn arn:aws:iam::111122223333:role/pull \\
        111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1
  For docker:
    wharfinger pull registry.example.com/team/app:1 --output docker-archive:app.tar
    docker load --input app.tar
  All platforms, for skopeo:
    wharfinger pull registry.example.com/team/app:1 --platform all --output oci:images
    skopeo inspect --raw oci:images:registry.example.com/team/app:1
  In a script:
    digest=$(wharfinger pull --quiet --format json IMAGE | jq -r .digest)

Credentials, the first that is found:
  --password-stdin
  the variable WHARFINGER_TOKEN: for --proxy, for an image written as
    PROXY/REGISTRY HOST/REPOSITORY, and with --username; for no other registry
  $REGISTRY_AUTH_FILE, containers/auth.json, docker's config.json: entries with
    a user name and a password; credential helpers are not called

Exit status:
  0 the image is there; 1 the pull failed; 2 an option or the output cannot be
  used; 130 interrupted";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn plan(options: &[&str]) -> Result<Pull, String> {
        let line = Line::try_parse_from([&["pull"], options].concat()).map_err(|error| error.to_string())?;
        let variable = |name: &str| (name == "WHARFINGER_TOKEN").then(|| "hunter2".to_owned());
        line.args.plan(&b""[..], &variable).map_err(|error| error.to_string())
    }

    #[test]
    fn few_options_are_needed() {
        let pull = plan(&["r.test/team/app"]).unwrap();
        assert_eq!(pull.output.to_string(), "oci:app");
        assert_eq!((pull.platform, pull.proxy), (Selection::Host, None));
        assert!(pull.credentials.is_none(), "the token is for a proxy");
    }

    #[test]
    fn every_option_arrives() {
        let pull = plan(&[
            "r.test/team/app:2",
            "--proxy=https://p.test",
            "--output=docker-archive:x.tar",
            "--platform=linux/arm64",
            "--username=u",
            "--resolve=p.test=127.0.0.1:1",
        ])
        .unwrap();
        assert_eq!(pull.output.to_string(), "docker-archive:x.tar");
        assert_eq!(pull.platform.to_string(), "linux/arm64");
        assert_eq!(pull.proxy.unwrap().to_string(), "https://p.test/");
        assert_eq!(pull.credentials.unwrap().username, "u");
        assert!(pull.outgoing.resolve.address("p.test").is_some());
    }

    #[test]
    fn a_role_is_sent_as_the_user_name() {
        let role = "arn:aws:iam::111122223333:role/pull";
        let pull = plan(&["r.test/app", &format!("--role-arn={role}")]).unwrap();
        assert_eq!(pull.credentials.unwrap().username, role);
    }

    #[test]
    fn each_bad_option_is_named_and_no_secret_repeated() {
        for (options, expected) in [
            (&["app"][..], "HOST/REPOSITORY"),
            (&["r.test/app", "--output=app"], "--output"),
            (&["r.test/app", "--platform=arm"], "--platform"),
            (
                &["r.test/app", "--proxy=https://u:hunter2@p.test"],
                "--proxy: the proxy's URL holds a user name",
            ),
            (&["r.test/app", "--resolve=x"], "--resolve: `x`"),
            (
                &["r.test/app", "--ca-bundle=/nonexistent"],
                "--ca-bundle: CA bundle /nonexistent",
            ),
            (
                &["r.test/app", "--password-stdin"],
                "--password-stdin: expected one line",
            ),
            (&["r.test/app", "--format=yaml"], "--format"),
            (&["r.test/app", "--role-arn=pull"], "--role-arn"),
            (
                &[
                    "r.test/app",
                    "--role-arn=arn:aws:iam::111122223333:role/pull",
                    "--username=u",
                ],
                "cannot be used with",
            ),
        ] {
            let error = plan(options).err().unwrap();
            assert!(
                error.contains(expected) && !error.contains("hunter2"),
                "{options:?}: {error}"
            );
        }
    }
}
