//! Numbers of bytes with units.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer};

/// A number of bytes, as people write it: `100GiB`, `500MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a size; expected a whole number and a unit, such as 100GiB (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)"
)]
pub struct InvalidSize(String);

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let invalid = || InvalidSize(text.chars().take(40).collect());
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let known = UNITS.iter().find(|(name, _)| *name == unit.trim_start());
        let (_, factor) = known.ok_or_else(invalid)?;
        number.checked_mul(*factor).map(Self).ok_or_else(invalid)
    }
}

/// With the largest unit of which there is at least one, and two digits behind the point.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = UNITS
            .iter()
            .filter(|(name, factor)| name.contains('i') && *factor <= self.0);
        match binary.max_by_key(|(_, factor)| *factor) {
            Some((name, factor)) => write!(f, "{:.2} {name}", self.0 as f64 / *factor as f64),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, bytes) in [
            ("0B", 0),
            ("1KiB", 1024),
            ("100GiB", 100 << 30),
            ("100 GiB", 100 << 30),
            ("2TB", 2_000_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_what_is_expected() {
        for text in [
            "",
            "100",
            "GiB",
            "-1GiB",
            "1.5GiB",
            "1gib",
            "1GiBs",
            "99999999999TiB",
            " 1GiB",
        ] {
            let error = text.parse::<Size>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{text}`")) && error.contains("expected"),
                "{error}"
            );
        }
    }

    #[test]
    fn sizes_are_written_to_be_read() {
        assert_eq!(Size(0).to_string(), "0 B");
        assert_eq!(Size(1536).to_string(), "1.50 KiB");
        assert_eq!(Size(100 << 30).to_string(), "100.00 GiB");
    }
}
