//! How long each part took, and how it went.

use std::fmt;
use std::time::Duration;

/// How a part went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Interrupted,
    Skipped,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    took: Option<Duration>,
}

/// The table at the end of a run. Its `Display` is several lines, each with its line end.
#[derive(Debug, Default)]
pub(crate) struct Timetable {
    rows: Vec<Row>,
}

impl Timetable {
    pub(crate) fn ran(&mut self, name: &'static str, outcome: Outcome, took: Duration) {
        self.rows.push(Row {
            name,
            outcome,
            took: Some(took),
        });
    }

    pub(crate) fn skipped(&mut self, name: &'static str) {
        self.rows.push(Row {
            name,
            outcome: Outcome::Skipped,
            took: None,
        });
    }

    /// Every selected part ran and passed.
    pub(crate) fn passed(&self) -> bool {
        self.rows.iter().all(|row| row.outcome == Outcome::Passed)
    }

    #[cfg(test)]
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }
}

impl fmt::Display for Timetable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14} {:<11} {:>12}", "part", "result", "time")?;
        for row in &self.rows {
            let took = row.took.map(Minutes).map(|took| took.to_string()).unwrap_or_default();
            writeln!(
                f,
                "{}",
                format!("{:<14} {:<11} {took:>12}", row.name, row.outcome.to_string()).trim_end()
            )?;
        }
        let total = Minutes(self.rows.iter().filter_map(|row| row.took).sum());
        let result = if self.passed() { "passed" } else { "not passed" };
        writeln!(f, "{:<14} {result:<11} {:>12}", "all", total.to_string())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
        })
    }
}

/// A duration as people say it: `2.3 s`, `12 min 04 s`.
struct Minutes(Duration);

impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0..60 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            seconds => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_part_and_adds_up() {
        let mut timetable = Timetable::default();
        timetable.ran("format", Outcome::Passed, Duration::from_millis(740));
        timetable.ran("clippy", Outcome::Failed, Duration::from_secs(304));
        timetable.skipped("tests");
        assert_eq!(
            timetable.to_string(),
            "part           result              time\n\
             format         passed             0.7 s\n\
             clippy         FAILED        5 min 04 s\n\
             tests          skipped\n\
             all            not passed    5 min 04 s\n"
        );
        assert!(!timetable.passed());
    }

    #[test]
    fn a_skipped_part_has_not_passed() {
        let mut timetable = Timetable::default();
        timetable.ran("format", Outcome::Passed, Duration::ZERO);
        assert!(timetable.passed());
        timetable.skipped("tests");
        assert!(!timetable.passed());
    }
}
