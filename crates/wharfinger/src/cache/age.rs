use std::{str::FromStr, time::Duration};

/// A length of time, as people write it: `30d`, `12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Age(pub(super) Duration);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || "expected a whole number and a unit, such as 30d or 12h (s, m, h, d)".to_owned();
        let unit = text.chars().last().ok_or_else(invalid)?;
        let seconds: u64 = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 24 * 3600,
            _ => return Err(invalid()),
        };
        let digits = &text[..text.len() - 1];
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u64 = digits.parse().map_err(|_| invalid())?;
        let seconds = number.checked_mul(seconds).filter(|seconds| *seconds <= LONGEST);
        seconds
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(invalid)
    }
}

/// A hundred years: a time before that is one that clocks know.
const LONGEST: u64 = 100 * 365 * 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_others_refused() {
        assert_eq!("30d".parse(), Ok(Age(Duration::from_secs(30 * 86_400))));
        assert_eq!("0s".parse(), Ok(Age(Duration::ZERO)));
        for text in [
            "",
            "d",
            "30",
            "-1d",
            "+1d",
            "1.5h",
            "1w",
            "99999999999999999999d",
            "40000000d",
            "1ä",
        ] {
            assert!(text.parse::<Age>().unwrap_err().contains("30d"), "{text}");
        }
    }
}
