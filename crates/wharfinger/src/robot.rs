use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use clap::{Subcommand, ValueEnum};
use secrecy::ExposeSecret;
use serde_json::json;
use state::{ResourceName, RobotToken};

use crate::cli::BAD_INPUT;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a robot: print its token, once, and the document that holds only the token's hash
    #[command(
        display_name = "wharfinger",
        after_help = "\
Examples:
  wharfinger robot new acme/ci --output robot.yaml    # prints the token
  wharfinger robot new acme/ci > robot.yaml           # the token goes to standard error
  wharfinger robot new acme/ci --format json          # both, as JSON"
    )]
    New {
        /// The robot's team and name
        #[arg(value_name = "TEAM/NAME")]
        robot: RobotName,
        /// Write the document to this file, which must not exist, and print the token alone
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// How to print
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people and for files
    #[default]
    Text,
    /// `{"token": …, "document": …}`
    Json,
}

#[derive(Clone, Debug)]
pub(crate) struct RobotName {
    team: ResourceName,
    name: ResourceName,
}

impl FromStr for RobotName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (team, name) = text.split_once('/').ok_or("expected TEAM/NAME, such as acme/ci")?;
        let part = |part: &str| {
            part.parse()
                .map_err(|error: state::InvalidResourceName| error.to_string())
        };
        Ok(Self {
            team: part(team)?,
            name: part(name)?,
        })
    }
}

pub(crate) fn run(command: Command) -> ExitCode {
    let Command::New { robot, output, format } = command;
    let Ok(token) = RobotToken::generate() else {
        eprintln!("wharfinger: a token cannot be made: the system's random source does not work");
        return ExitCode::FAILURE;
    };
    if let Some(path) = &output
        && let Err(error) = write_new(path, &document(&robot, &token))
    {
        eprintln!(
            "wharfinger: --output `{}` cannot be written: {error}; expected a file that does not exist yet, in a folder that does",
            path.display()
        );
        return ExitCode::from(BAD_INPUT);
    }
    match print(&robot, &token, output.is_some(), format) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody has seen the token, so nobody can use its document.
            if let Some(path) = output {
                let _ = std::fs::remove_file(path);
            }
            eprintln!("wharfinger: standard output cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(robot: &RobotName, token: &RobotToken, is_written: bool, format: Format) -> io::Result<()> {
    let secret = token.secret().expose_secret();
    let mut stdout = io::stdout().lock();
    if let Format::Json = format {
        let json = json!({ "token": secret, "document": resource(robot, token) });
        writeln!(stdout, "{json}")?;
        return stdout.flush();
    }
    let RobotName { team, name } = robot;
    eprintln!("The token of the robot {team}/{name}, shown this once; a client logs in with it as the password:");
    if is_written {
        writeln!(stdout, "{secret}")?;
    } else {
        eprintln!("{secret}");
        write!(stdout, "{}", document(robot, token))?;
    }
    stdout.flush()
}

/// The document as YAML, written by hand: names and hash need no quoting beyond this.
pub(crate) fn document(robot: &RobotName, token: &RobotToken) -> String {
    let (RobotName { team, name }, hash) = (robot, token.hash());
    format!(
        "apiVersion: wharfinger.dev/v1\nkind: Robot\nmetadata: {{ team: \"{team}\", name: \"{name}\" }}\nspec:\n  tokenHash: \"{hash}\"\n"
    )
}

fn resource(robot: &RobotName, token: &RobotToken) -> serde_json::Value {
    json!({
        "apiVersion": "wharfinger.dev/v1",
        "kind": "Robot",
        "metadata": { "team": robot.team.as_str(), "name": robot.name.as_str() },
        "spec": { "tokenHash": token.hash().to_string() },
    })
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
        .inspect_err(|_| drop(std::fs::remove_file(path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use state::{Documents, Snapshot};

    #[test]
    fn the_document_is_one_that_is_understood_and_lets_the_token_in() {
        let (robot, token) = (
            "acme/123".parse::<RobotName>().unwrap(),
            RobotToken::generate().unwrap(),
        );
        let team = "apiVersion: wharfinger.dev/v1\nkind: Team\nmetadata: { name: acme }\n---\n";
        for text in [document(&robot, &token), resource(&robot, &token).to_string()] {
            let documents = Documents::parse("it", &format!("{team}{text}")).unwrap();
            let snapshot = Snapshot::build([documents]).unwrap();
            assert_eq!(snapshot.robot(&token.hash()).unwrap().name.as_str(), "123");
            assert!(!text.contains(token.secret().expose_secret()));
        }
    }

    #[test]
    fn a_name_without_a_team_is_refused() {
        for text in ["ci", "acme/", "/ci", "Acme/ci", "a/b/c"] {
            assert!(text.parse::<RobotName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("robot.yaml");
        write_new(&file, "first").unwrap();
        assert!(write_new(&file, "second").is_err());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "first");
    }
}
