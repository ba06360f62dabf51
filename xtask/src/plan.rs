//! Which parts run, and what a failure of one means for those after it.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use crate::parts::{Part, Workplace};
use crate::timetable::{Outcome, Timetable};

/// A selection of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Names of parts, in no particular order.
    pub(crate) parts: Vec<&'static str>,
    /// Run the slow parts although an earlier part has failed.
    pub(crate) keep_going: bool,
}

impl Plan {
    /// Runs the parts in their order, each below a heading.
    pub(crate) fn carry_out(&self, parts: &[Part], workplace: &Workplace) -> Timetable {
        self.carry_out_with(parts, |part| {
            print_heading(part);
            let outcome = (part.run)(workplace);
            if let Err(error) = &outcome {
                println!("{}: {error:#}", part.name);
            }
            match outcome {
                _ if workplace.children.signal().is_some() => Outcome::Interrupted,
                Ok(()) => Outcome::Passed,
                Err(_) => Outcome::Failed,
            }
        })
    }

    fn carry_out_with(&self, parts: &[Part], mut run: impl FnMut(&Part) -> Outcome) -> Timetable {
        let mut timetable = Timetable::default();
        let (mut failed, mut interrupted) = (false, false);
        for part in parts.iter().filter(|part| self.parts.contains(&part.name)) {
            // Quick parts do not depend on each other, and whoever made two mistakes wants to hear of both.
            if interrupted || (failed && !part.quick && !self.keep_going) {
                timetable.skipped(part.name);
                continue;
            }
            let started = Instant::now();
            let outcome = run(part);
            timetable.ran(part.name, outcome, started.elapsed());
            failed |= outcome == Outcome::Failed;
            interrupted |= outcome == Outcome::Interrupted;
        }
        timetable
    }
}

fn print_heading(part: &Part) {
    let (bold, plain) = match std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        true => ("\x1b[1m", "\x1b[0m"),
        false => ("", ""),
    };
    println!("\n{bold}=== {}: {} ==={plain}", part.name, part.about);
    // The commands below write to the same place, past this program's buffer.
    let _ = std::io::stdout().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &'static str, quick: bool) -> Part {
        Part {
            name,
            about: "",
            quick,
            run: |_| Ok(()),
        }
    }

    fn outcomes(keep_going: bool, parts: &[Part], bad: (&str, Outcome)) -> Vec<(&'static str, Outcome)> {
        let plan = Plan {
            parts: vec!["a", "b", "c", "d"],
            keep_going,
        };
        let run = |part: &Part| if part.name == bad.0 { bad.1 } else { Outcome::Passed };
        plan.carry_out_with(parts, run)
            .rows()
            .map(|row| (row.name, row.outcome))
            .collect()
    }

    #[test]
    fn after_a_failure_only_quick_parts_run() {
        let parts = [part("a", true), part("b", true), part("c", false), part("d", true)];
        assert_eq!(
            outcomes(false, &parts, ("a", Outcome::Failed)),
            [
                ("a", Outcome::Failed),
                ("b", Outcome::Passed),
                ("c", Outcome::Skipped),
                ("d", Outcome::Passed)
            ]
        );
        assert_eq!(
            outcomes(true, &parts, ("a", Outcome::Failed)),
            [
                ("a", Outcome::Failed),
                ("b", Outcome::Passed),
                ("c", Outcome::Passed),
                ("d", Outcome::Passed)
            ]
        );
    }

    #[test]
    fn after_an_interruption_nothing_runs() {
        let parts = [part("a", true), part("b", true), part("c", false), part("d", true)];
        assert_eq!(
            outcomes(true, &parts, ("b", Outcome::Interrupted)),
            [
                ("a", Outcome::Passed),
                ("b", Outcome::Interrupted),
                ("c", Outcome::Skipped),
                ("d", Outcome::Skipped)
            ]
        );
    }

    #[test]
    fn what_is_not_selected_does_not_appear() {
        let plan = Plan {
            parts: vec!["b"],
            keep_going: false,
        };
        let timetable = plan.carry_out_with(&[part("a", true), part("b", false)], |_| Outcome::Passed);
        assert_eq!(timetable.rows().map(|row| row.name).collect::<Vec<_>>(), ["b"]);
        assert!(timetable.passed());
    }
}
