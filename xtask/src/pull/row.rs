//! One figure of ours beside that of another, or beside a limit, as a row of the table.

use std::fmt;

/// A row, as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) beside: String,
    pub(crate) ratio: String,
    pub(crate) aim: String,
    pub(crate) met: bool,
}

/// What a number counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Requests in a second.
    Rate,
    /// Seconds, shown in what fits.
    Time,
    /// Bytes.
    Bytes,
    /// Something that is counted.
    Count,
}

/// What is wanted of a figure, or of its ratio to another's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    /// Ours beside the figures of another; medians of both.
    pub(crate) fn beside(what: &str, unit: Unit, ours: &[f64], other: (&str, &[f64]), aim: Aim) -> Self {
        let (mine, theirs) = (median(ours), median(other.1));
        let ratio = mine / theirs;
        Self {
            what: what.to_owned(),
            ours: unit.show(mine),
            beside: format!("{} {}", other.0, unit.show(theirs)),
            ratio: format!("{ratio:.2}"),
            aim: match aim {
                Aim::AtLeast(factor) => format!("≥ {factor} ×"),
                Aim::AtMost(factor) => format!("≤ {factor} ×"),
            },
            met: aim.is_met(ratio),
        }
    }

    /// Ours beside a limit.
    pub(crate) fn limited(what: &str, unit: Unit, ours: &[f64], aim: Aim) -> Self {
        let mine = median(ours);
        Self {
            what: what.to_owned(),
            ours: unit.show(mine),
            beside: String::new(),
            ratio: String::new(),
            aim: match aim {
                Aim::AtLeast(limit) => format!("≥ {}", unit.show(limit)),
                Aim::AtMost(limit) => format!("≤ {}", unit.show(limit)),
            },
            met: aim.is_met(mine),
        }
    }

    /// The same row with an aim that is not about the ratio.
    pub(crate) fn judged(mut self, aim: &str, met: bool) -> Self {
        aim.clone_into(&mut self.aim);
        self.met = met;
        self
    }

    /// Ours alone, where nobody was measured beside us.
    pub(crate) fn alone(what: &str, unit: Unit, ours: &[f64]) -> Self {
        Self {
            what: what.to_owned(),
            ours: unit.show(median(ours)),
            beside: String::new(),
            ratio: String::new(),
            aim: String::new(),
            met: true,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = match (self.aim.is_empty(), self.met) {
            (true, _) => "",
            (false, true) => "yes",
            (false, false) => "**no**",
        };
        write!(
            f,
            "{} | {} | {} | {} | {} | {met} |",
            self.what, self.ours, self.beside, self.ratio, self.aim
        )
    }
}

impl Aim {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(limit) => figure >= limit,
            Self::AtMost(limit) => figure <= limit,
        }
    }
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Rate if figure >= 100.0 => format!("{figure:.0}/s"),
            Self::Rate => format!("{figure:.1}/s"),
            Self::Time if figure < 0.001 => format!("{:.1} µs", figure * 1e6),
            Self::Time if figure < 1.0 => format!("{:.2} ms", figure * 1e3),
            Self::Time => format!("{figure:.2} s"),
            Self::Bytes => format!("{:.1} MiB", figure / 1_048_576.0),
            Self::Count => format!("{figure:.0}"),
        }
    }
}

/// The middle one, or the mean of the two in the middle; not a number of nothing.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(lower), sorted.get(upper)) {
        (Some(lower), Some(upper)) => f64::midpoint(*lower, *upper),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_divided_by_the_other() {
        let row = Row::beside(
            "a",
            Unit::Rate,
            &[200.0, 1.0, 300.0],
            ("nginx", &[400.0]),
            Aim::AtLeast(1.0),
        );
        assert_eq!(row.to_string(), "a | 200/s | nginx 400/s | 0.50 | ≥ 1 × | **no** |");
        let row = Row::limited("b", Unit::Time, &[0.05], Aim::AtMost(0.1));
        assert_eq!(row.to_string(), "b | 50.00 ms |  |  | ≤ 100.00 ms | yes |");
        let row = Row::alone("c", Unit::Bytes, &[1_048_576.0]);
        assert_eq!(row.to_string(), "c | 1.0 MiB |  |  |  |  |");
    }

    #[test]
    fn a_figure_that_is_none_meets_no_aim() {
        assert!(median(&[]).is_nan());
        assert!(!Row::limited("a", Unit::Count, &[], Aim::AtMost(1.0)).met);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
