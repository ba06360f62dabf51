//! `wharfinger policy lint`: what a reviewer would say about policy documents.

mod file;
mod report;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::ValueEnum;
use iam::{
    AccountId, Kind,
    lint::{self, Known, Rule},
};

use crate::cli::BAD_INPUT;

use file::File;
use report::Report;

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// JSON files: policy documents, or what the `aws` command or Terraform prints; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Change the files where that is safe, and report what is left
    #[arg(long)]
    fix: bool,

    /// What the bare documents are; guessed from their statements where it is not told
    #[arg(long, value_enum)]
    kind: Option<KindName>,

    /// The account that the documents are for, where they do not say
    #[arg(long, value_name = "12 DIGITS")]
    account: Option<AccountId>,

    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindName {
    /// Attached to a user, a group or a role
    Identity,
    /// The policy of a repository
    Repository,
    /// The trust policy of a role
    Trust,
    /// Given when a session is made
    Session,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// `FILE:LINE:COLUMN: SEVERITY[ID] WHAT`, below it why, and what to do
    #[default]
    Text,
    /// `{"findings": [{"id": …, "severity": …, "file": …, "line": …, …}], "fixed": […]}`
    Json,
}

/// 0 where there is nothing to say, 1 where there is, 2 where a file cannot be read or is no JSON.
pub(crate) fn run(args: &Args) -> ExitCode {
    match execute(args, &mut io::stdout().lock()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("wharfinger: {error}");
            ExitCode::from(BAD_INPUT)
        }
    }
}

fn execute(args: &Args, out: &mut impl Write) -> Result<ExitCode, String> {
    let mut files = args
        .files
        .iter()
        .map(|path| File::read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let mut known = Known {
        account: args.account,
        kind: args.kind.map(Kind::from),
        ..Known::default()
    };
    // A provider in one file decides about an audience in another.
    for file in &files {
        known.learn(&file.text);
    }
    let mut report = Report::default();
    for file in &mut files {
        if args.fix {
            let fixed = lint::fix(&file.text, &known);
            if file.replace(fixed)? {
                report.fixed.push(file.name());
            }
        }
        report.add(&file.name(), lint::check(&file.text, &known));
    }
    let printed = match args.format {
        Format::Text => report.text(out),
        Format::Json => report.json(out),
    };
    match printed {
        // Whoever reads has read enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(format!("the findings cannot be printed: {error}"));
        }
        _ => {}
    }
    Ok(if report.has(Rule::NotJson) {
        ExitCode::from(BAD_INPUT)
    } else if report.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Kind {
        match name {
            KindName::Identity => Kind::Identity,
            KindName::Repository => Kind::Resource,
            KindName::Trust => Kind::Trust,
            KindName::Session => Kind::Session,
        }
    }
}

const AFTER_HELP: &str = "\
Files are looked at together: a provider in one tells which audiences another may name.

Exit status: 0 nothing found, 1 findings, 2 a file cannot be read or is no JSON

Examples:
  wharfinger policy lint trust.json permissions.json
  wharfinger policy lint --fix pasted.txt                 # quotes what a page shows without quotes
  aws iam get-role --role-name puller | wharfinger policy lint -";
