use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use console::{Style, truncate_str};
use futures_util::StreamExt;
use serde::Deserialize;

use super::{Failed, Which};
use crate::interruption::Interruption;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wharfinger sim trail --last 20
  wharfinger sim trail --follow
  wharfinger sim trail --format json | jq 'select(.error)'")]
pub(crate) struct Args {
    /// Go on with each call as it is answered, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Begin with so many of the latest calls [default: all that are remembered]
    #[arg(long, value_name = "NUMBER")]
    last: Option<usize>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    which: Which,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a call, and for a refusal one with its error and one with its reason
    #[default]
    Text,
    /// A JSON object a line, with everything that is known of the call
    Json,
}

/// What the lines show; the JSON form has more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    #[serde(default)]
    missed: Option<u64>,
    #[serde(default)]
    at: String,
    #[serde(default)]
    request_id: String,
    #[serde(default)]
    action: String,
    principal: Option<String>,
    resource: Option<String>,
    status: Option<u16>,
    error: Option<String>,
    message: Option<String>,
    latency_micros: Option<u64>,
    /// The rules that it was struck by.
    fault: Option<String>,
    #[serde(default)]
    decisions: Vec<Decision>,
}

#[derive(Deserialize)]
struct Decision {
    allowed: bool,
    reason: String,
}

pub(super) async fn run(args: Args) -> Result<(), Failed> {
    let mut interruption = Interruption::expected().map_err(|error| Failed::Running(error.to_string()))?;
    let last = args.last.map(|last| format!("&last={last}")).unwrap_or_default();
    let path = format!("/trail?follow={}{last}", args.follow);
    let printed = async {
        let response = args.which.control.stream(&path).await?;
        print(response, args.format).await
    };
    tokio::select! {
        printed = printed => printed,
        // Whoever follows has seen enough.
        () = interruption.wait() => Ok(()),
    }
}

async fn print(response: reqwest::Response, format: Format) -> Result<(), Failed> {
    let mut chunks = response.bytes_stream();
    let mut unread = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return Err(Failed::Running(format!("the simulated AWS went away: {error}"))),
        };
        unread.extend_from_slice(&chunk);
        let Some(end) = unread.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let rest = unread.split_off(end + 1);
        match write(&unread, format) {
            // Whoever reads, `head` for one, has enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(|error| Failed::output(&error))?,
        }
        unread = rest;
    }
    Ok(())
}

fn write(lines: &[u8], format: Format) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if format == Format::Json {
        stdout.write_all(lines)?;
        return stdout.flush();
    }
    let width = stdout
        .is_terminal()
        .then(|| usize::from(console::Term::stdout().size().1));
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let call = serde_json::from_slice::<Call>(line)?;
        for (number, line) in call.lines(stdout.is_terminal()).iter().enumerate() {
            match width {
                // Who called what is a table; why it was refused is to be read whole.
                Some(width) if number == 0 => writeln!(stdout, "{}", truncate_str(line, width, "…"))?,
                _ => writeln!(stdout, "{line}")?,
            }
        }
    }
    stdout.flush()
}

impl Call {
    fn lines(&self, colour: bool) -> Vec<String> {
        if let Some(missed) = self.missed {
            return vec![format!("({missed} calls came in too fast to be shown)")];
        }
        let failed = self.status.is_none_or(|status| status >= 400);
        let style = match (colour, failed) {
            (false, _) => Style::new().force_styling(false),
            (true, true) => Style::new().force_styling(true).red(),
            (true, false) => Style::new().force_styling(true).green(),
        };
        let shown = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"));
        let time = self.at.split_once('T').map_or(self.at.as_str(), |(_, time)| time);
        let time = time.get(..8).unwrap_or(time);
        let status = self
            .status
            .map_or_else(|| "---".to_owned(), |status| status.to_string());
        let millis = self.latency_micros.unwrap_or_default() as f64 / 1000.0;
        let fault = self
            .fault
            .as_deref()
            .map(|fault| format!("  (fault {})", printable(fault)));
        let mut lines = vec![format!(
            "{time} {} {millis:>7.1} ms  {:<40} {} → {}{}",
            style.apply_to(status),
            printable(&self.action),
            shown(&self.principal),
            shown(&self.resource),
            fault.unwrap_or_default(),
        )];
        if let Some(error) = &self.error {
            let message = shown(&self.message);
            lines.push(format!(
                "         {}: {message} ({})",
                style.apply_to(error),
                self.request_id
            ));
            let denials = self.decisions.iter().filter(|decision| !decision.allowed);
            lines.extend(denials.map(|denial| format!("         {}", printable(&denial.reason))));
        }
        lines
    }
}

/// Clients choose some of what is on record, and are not to write on anybody's terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(call: &str) -> Vec<String> {
        serde_json::from_str::<Call>(call).unwrap().lines(false)
    }

    #[test]
    fn a_call_is_a_line_and_its_error_another() {
        let call = r#"{"at": "2026-11-20T12:00:00.5Z", "requestId": "r", "action": "sts:GetCallerIdentity",
            "principal": "arn:aws:iam::111122223333:root", "resource": null, "status": 200, "latencyMicros": 1234}"#;
        assert_eq!(
            lines(call),
            ["12:00:00 200     1.2 ms  sts:GetCallerIdentity                    arn:aws:iam::111122223333:root → -"]
        );
        let call = r#"{"at": "2026-11-20T12:00:00Z", "requestId": "r", "action": "ecr:BatchGetImage", "status": 403,
            "error": "DENIED", "message": "no", "latencyMicros": 10, "decisions": [
                {"allowed": true, "reason": "yes"}, {"allowed": false, "reason": "No resource-based policy allows it."}
            ]}"#;
        let denied = [
            "         DENIED: no (r)",
            "         No resource-based policy allows it.",
        ];
        assert_eq!(lines(call)[1..], denied);
        assert!(!lines(r#"{"action": "GET /\u001b[2J"}"#)[0].contains('\u{1b}'));
        assert_eq!(lines(r#"{"missed": 7}"#), ["(7 calls came in too fast to be shown)"]);
    }
}
