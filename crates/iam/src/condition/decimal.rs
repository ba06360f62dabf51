//! Decimal numbers of any length, compared exactly and in place: neither a large integer nor `0.1` loses a digit.

use std::cmp::Ordering;

struct Decimal<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
}

pub(super) fn is_decimal(text: &str) -> bool {
    parse(text).is_some()
}

/// Compares two numbers; nothing where one is none.
pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    Some(match (left.negative, right.negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => magnitude(&left, &right),
        (true, true) => magnitude(&right, &left),
    })
}

fn magnitude(left: &Decimal<'_>, right: &Decimal<'_>) -> Ordering {
    left.whole
        .len()
        .cmp(&right.whole.len())
        .then_with(|| left.whole.cmp(right.whole))
        .then_with(|| left.fraction.cmp(right.fraction))
}

fn parse(text: &str) -> Option<Decimal<'_>> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    // There is one zero only.
    Some(Decimal {
        negative: negative && !(whole.is_empty() && fraction.is_empty()),
        whole,
        fraction,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_in_every_spelling() {
        for (left, right) in [
            ("10", "10.0"),
            ("007", "7"),
            ("-0", "0"),
            ("+1.50", "1.5"),
            ("0.0", "-0.00"),
        ] {
            assert_eq!(compare(left, right), Some(Ordering::Equal), "{left} {right}");
        }
    }

    #[test]
    fn no_digit_is_lost() {
        assert_eq!(compare("9007199254740993", "9007199254740992"), Some(Ordering::Greater));
        assert_eq!(compare("0.1", "0.09"), Some(Ordering::Greater));
        assert_eq!(compare("-0.1", "-0.09"), Some(Ordering::Less));
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "-", "1.", ".5", "1e3", "0x1", "one", "1 ", "--1", "１"] {
            assert_eq!(compare(text, "1"), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn integers_compare_as_integers(left in any::<i64>(), right in any::<i64>()) {
            prop_assert_eq!(compare(&left.to_string(), &right.to_string()), Some(left.cmp(&right)));
        }
    }
}
