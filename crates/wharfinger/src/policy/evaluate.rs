use std::{
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::ValueEnum;
use iam::wire::Answer;

use crate::cli::BAD_INPUT;

use super::{question, report, stream};

/// Decide whether policies allow a request, and say why.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// A JSON file with the request and the policies; `-` for standard input
    #[arg(
        value_name = "REQUEST.json",
        required_unless_present = "jsonl",
        conflicts_with = "jsonl"
    )]
    request: Option<PathBuf>,

    /// How to print the answer
    #[arg(long, value_enum, default_value_t, conflicts_with = "jsonl")]
    format: Format,

    /// Answer one request a line: from standard input to standard output, in order
    #[arg(long)]
    jsonl: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// `{"decision": …, "reasons": […], "nearMiss": …}`, or `{"error": …}`
    Json,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let outcome = match &args.request {
        Some(path) => one(path, args.format),
        None => lines(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("wharfinger: {error}");
        ExitCode::from(BAD_INPUT)
    })
}

/// 0 for what is allowed, 1 for what is denied, 2 for what cannot be decided.
fn one(path: &Path, format: Format) -> Result<ExitCode, String> {
    let read = question::read(path).map_err(|error| format!("the request `{}`: {error}", path.display()))?;
    let (text, code) = match read {
        Ok(question) => {
            let evaluation = question.evaluate();
            let code = u8::from(!evaluation.is_allowed());
            let text = match format {
                Format::Text => report::text(&question.request, &evaluation),
                Format::Json => format!("{}\n", Answer::new(&question.request, &evaluation)),
            };
            (text, code)
        }
        Err(problem) if format == Format::Json => (format!("{}\n", problem.answer()), BAD_INPUT),
        Err(problem) => {
            return Err(report::problem(&path.display().to_string(), &problem));
        }
    };
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| format!("the answer cannot be written: {error}"))?;
    Ok(ExitCode::from(code))
}

/// 0 when every line was answered, whatever the answers are.
fn lines() -> Result<ExitCode, String> {
    let input = BufReader::new(io::stdin().lock());
    match stream::answer(input, io::stdout().lock()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(format!("not every request was answered: {error}")),
    }
}

const AFTER_HELP: &str = "\
The request:
  { \"principal\": {\"AWS\": ARN or account} | {\"Service\": NAME} | {\"Federated\": PROVIDER} | \"anonymous\",
    \"action\": \"ecr:BatchGetImage\", \"resource\": ARN or \"*\", \"resourceAccount\": \"444455556666\",
    \"context\": { \"aws:PrincipalTag/team\": [\"a\"] }, \"contextIs\": \"complete\" | \"partial\",
    \"policies\": { \"identity\": [POLICY], \"resource\": POLICY, \"boundary\": [POLICY], \"session\": [POLICY],
                  \"serviceControl\": [[POLICY]], \"resourceControl\": [[POLICY]], \"trust\": POLICY } }
  A POLICY is {\"name\": …, \"document\": {…}}, or the document alone. A key that the context does not have is
  absent; with \"contextIs\": \"partial\" it is not known.

Exit status:
  0 allowed; 1 denied; 2 the request cannot be read. With --jsonl: 0 when every line was answered, 2 otherwise";
