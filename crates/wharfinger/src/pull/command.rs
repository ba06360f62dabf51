//! The command line around a pull: options, progress on standard error, the result on standard output, exit statuses.

mod args;
mod asking;
mod bars;
mod lines;

use std::{
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
    sync::Arc,
};

pub(crate) use args::{Args, Format};
pub(crate) use asking::Asking;

use crate::cli::{BAD_INPUT, INTERRUPTED};

use super::{Progress, Pulled, Silent, registry::printable};
use bars::Bars;
use lines::Lines;

/// Runs `wharfinger pull`.
///
/// The exit status is 0 where the image is there, 1 where the pull failed, 2 where the options or the output cannot be
/// used, 130 where Ctrl-C ended it.
pub(crate) async fn command(args: Args) -> ExitCode {
    let display = match (args.quiet, io::stderr().is_terminal()) {
        (true, _) => Display::None,
        (false, true) => Display::bars(),
        (false, false) => Display::Lines,
    };
    let console = Console {
        stdin: &mut io::stdin(),
        variable: &|name| std::env::var(name).ok(),
        out: &mut io::stdout(),
        err: &mut io::stderr(),
        display,
    };
    execute(args, console, interrupt()).await.into()
}

/// What a command sees of the process that it runs in.
pub(super) struct Console<'a> {
    pub(super) stdin: &'a mut dyn Read,
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    pub(super) out: &'a mut dyn Write,
    pub(super) err: &'a mut dyn Write,
    pub(super) display: Display,
}

/// How progress is shown.
pub(crate) enum Display {
    None,
    Lines,
    Bars(Arc<Bars>),
}

/// Pulls until `interrupt` ends; answers with the exit status.
pub(super) async fn execute(args: Args, console: Console<'_>, interrupt: impl Future<Output = ()>) -> u8 {
    let Console { out, err, display, .. } = console;
    let format = args.format;
    let mut pull = match args.plan(console.stdin, console.variable) {
        Ok(pull) => pull,
        Err(error) => {
            complain(err, &error.to_string(), None);
            return BAD_INPUT;
        }
    };
    pull.progress = display.progress();
    let (folder, output) = (pull.output.folder(), pull.output.to_string());
    let result = tokio::select! {
        // First, so that Ctrl-C is waited for before anything is shown or done.
        biased;
        () = interrupt => None,
        result = pull.run() => Some(result),
    };
    display.end();
    match result {
        Some(Ok(pulled)) => match print(&pulled, format, out) {
            Ok(()) => SUCCESS,
            Err(error) => {
                complain(
                    err,
                    &format!("the image is there, but the result cannot be printed: {error}"),
                    None,
                );
                FAILED
            }
        },
        Some(Err(error)) => {
            let what = if error.is_about_the_output() {
                format!("--output `{output}`: {error}; expected a place that this user may write")
            } else {
                error.to_string()
            };
            complain(err, &what, error.fix());
            if error.is_bad_input() { BAD_INPUT } else { FAILED }
        }
        None => {
            let kept = if folder.is_dir() {
                format!(
                    "; what has arrived is in {}, and the next pull resumes it",
                    folder.display()
                )
            } else {
                String::new()
            };
            complain(err, &format!("interrupted{kept}"), None);
            INTERRUPTED
        }
    }
}

impl Display {
    /// For a terminal.
    pub(crate) fn bars() -> Self {
        Self::Bars(Arc::new(Bars::new()))
    }

    pub(crate) fn progress(&self) -> Arc<dyn Progress> {
        match self {
            Self::None => Arc::new(Silent),
            Self::Lines => Arc::new(Lines::new(io::stderr())),
            Self::Bars(bars) => bars.clone(),
        }
    }

    /// Leaves the terminal to others.
    pub(crate) fn end(&self) {
        if let Self::Bars(bars) = self {
            bars.end();
        }
    }
}

/// Ends with Ctrl-C.
pub(crate) async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the system ends the process by itself.
        std::future::pending().await
    }
}

fn print(pulled: &Pulled, format: Format, mut out: impl Write) -> io::Result<()> {
    match format {
        Format::Text => writeln!(out, "{} {}", pulled.digest, pulled.output)?,
        Format::Json => {
            serde_json::to_writer(&mut out, pulled)?;
            writeln!(out)?;
        }
    }
    out.flush()
}

/// One line for what happened, one for what helps. Much of it was said by servers.
fn complain(err: &mut dyn Write, what: &str, fix: Option<&str>) {
    // There is nobody left to tell where standard error is closed.
    let _ = writeln!(err, "error: {}", printable(what));
    if let Some(fix) = fix {
        let _ = writeln!(err, "fix: {fix}");
    }
}

const SUCCESS: u8 = 0;
const FAILED: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::PulledLayer;
    use oci::{Digest, MediaType};

    #[test]
    fn the_result_is_one_line_in_either_format() {
        let digest = Digest::of(b"x");
        let pulled = Pulled {
            image: "r.test/app:1".to_owned(),
            digest: digest.clone(),
            media_type: MediaType::OCI_MANIFEST.into(),
            size: 7,
            index: None,
            output: "oci:app".to_owned(),
            layers: vec![PulledLayer {
                digest: digest.clone(),
                size: 3,
                reused: true,
            }],
        };
        let printed = |format| {
            let mut out = Vec::new();
            print(&pulled, format, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(printed(Format::Text), format!("{digest} oci:app\n"));
        let expected = format!(
            r#"{{"image":"r.test/app:1","digest":"{digest}","mediaType":"{}","size":7,"output":"oci:app","layers":[{{"digest":"{digest}","size":3,"reused":true}}]}}"#,
            MediaType::OCI_MANIFEST
        );
        assert_eq!(printed(Format::Json), expected + "\n");
    }
}
