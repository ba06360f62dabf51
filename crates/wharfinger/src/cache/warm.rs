use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use aws::RegistryHost;
use oci::ImageReference;
use serde_json::json;

use super::{Failed, Format, print};
use crate::{
    pull::{Asking, Display, Progress, PullError, Selection, Warmed, Warming, interrupt, printable},
    size::Size,
};

/// Bring images into the cache before anybody asks for them.
///
/// They are pulled from the server that runs, as any client would pull them, and thrown away here once they are verified:
/// the server keeps them, and no folder of this machine is written to.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The images, as clients of the server name them: SERVER[:PORT]/UPSTREAM/REPOSITORY[:TAG|@DIGEST]
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<ImageReference>,

    /// The platform of an index: OS/ARCHITECTURE[/VARIANT]; may be given several times [default: all]
    #[arg(long = "platform", value_name = "PLATFORM")]
    platforms: Vec<Selection>,

    #[command(flatten)]
    asking: Asking,

    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Show no progress on a terminal
    #[arg(long, short)]
    quiet: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failed> {
    let platforms = match args.platforms.as_slice() {
        [] => &[Selection::All],
        some => some,
    };
    let format = args.format;
    let planned = plan(&args)?;
    let (mut failed, all) = (0, planned.len());
    let mut interrupted = std::pin::pin!(interrupt());
    for (warming, display) in &planned {
        let result = tokio::select! {
            // First, so that Ctrl-C is waited for before anything is asked for.
            biased;
            () = &mut interrupted => {
                display.end();
                return Err(Failed::Interrupted("what has come before is in the cache"));
            }
            result = warming.run(platforms) => result,
        };
        display.end();
        let image = warming.image().to_string();
        if let Err(error) = &result {
            failed += 1;
            complain(&image, error);
        }
        report(&image, &result, format)?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failed::Running(format!(
            "{failed} of {all} images could not be warmed; what came of them before is in the cache"
        ))),
    }
}

/// What is to be asked for. Whatever can be known to be wrong is refused before the first question.
fn plan(args: &Args) -> Result<Vec<(Warming, Display)>, Failed> {
    let input = |error: &dyn std::fmt::Display| Failed::Input(error.to_string());
    let proxy = args.asking.proxy().map_err(|error| input(&error))?;
    for image in &args.images {
        // Of any other host it cannot be told what it is: a server may have any name.
        if proxy.is_none() && image.host.parse::<RegistryHost>().is_ok() {
            return Err(Failed::Input(format!(
                "image `{image}` names the registry itself, which would be asked past the cache; expected SERVER/{image}, or --proxy https://SERVER"
            )));
        }
    }
    let outgoing = args.asking.outgoing().map_err(|error| input(&error))?;
    let client = outgoing.client().map_err(|error| input(&error))?;
    let variable = |name: &str| std::env::var(name).ok();
    let logins = args
        .asking
        .logins(&args.images, proxy.as_ref(), io::stdin(), &variable)
        .map_err(|error| input(&error))?;
    let has_bars = !args.quiet && io::stderr().is_terminal();
    let planned = args.images.iter().zip(logins).map(|(image, login)| {
        let display = if has_bars { Display::bars() } else { Display::None };
        let progress: Arc<dyn Progress> = display.progress();
        let warming = Warming::new(image.clone(), proxy.as_ref(), login.as_ref(), client.clone(), progress);
        let warming = warming.map_err(|error| {
            let fix = error.fix().map(|fix| format!("; {fix}")).unwrap_or_default();
            Failed::Input(format!("image `{image}`: {error}{fix}"))
        })?;
        Ok((warming, display))
    });
    planned.collect()
}

/// One line for what happened, one for what helps, as of every pull. Much of it was said by servers.
fn complain(image: &str, error: &PullError) {
    eprintln!("wharfinger: image `{image}`: {}", printable(&error.to_string()));
    if let Some(fix) = error.fix() {
        eprintln!("fix: {fix}");
    }
}

fn report(image: &str, result: &Result<Warmed, PullError>, format: Format) -> Result<(), Failed> {
    print(|out| match (format, result) {
        (Format::Json, Ok(warmed)) => writeln!(out, "{}", json!(warmed)),
        (Format::Json, Err(error)) => {
            let line = json!({ "image": image, "error": printable(&error.to_string()), "fix": error.fix() });
            writeln!(out, "{line}")
        }
        (Format::Text, Ok(warmed)) => {
            let Warmed {
                digest,
                manifests,
                blobs,
                bytes,
                ..
            } = warmed;
            let (manifests, blobs) = (counted(*manifests, "manifest"), counted(*blobs, "blob"));
            writeln!(out, "{digest} {image} {manifests}, {blobs}, {}", Size(*bytes))
        }
        (Format::Text, Err(_)) => Ok(()),
    })
}

fn counted(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

const EXAMPLES: &str = "\
Examples:
  What a release needs, before the machines ask for it:
    WHARFINGER_TOKEN=... wharfinger cache warm \\
        images.example.com/111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1 \\
        images.example.com/111122223333.dkr.ecr.us-east-1.amazonaws.com/team/web:1
  By the upstream's name, for two platforms:
    wharfinger cache warm --platform linux/amd64 --platform linux/arm64 \\
        --username robot --password-stdin images.example.com/prod/team/app:1 < robot.token
  On the server itself, which listens in the clear, and as a list for programs:
    wharfinger cache warm --proxy http://127.0.0.1:8080 --format json \\
        111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:1

An image that is no index is warmed whatever its platform.

Credentials, the first that is found:
  --password-stdin, for all images
  the variable WHARFINGER_TOKEN; with --username where an image is named by
    the upstream's name
  the files of podman and docker, as for `wharfinger pull`

Exit status:
  0 all images are in the cache; 1 at least one failed, the others are warmed
  all the same; 2 an option or an image's name cannot be used, and nothing was
  asked for; 130 interrupted";
