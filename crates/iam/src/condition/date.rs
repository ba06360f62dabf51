//! Dates in the forms of W3C's note on ISO 8601 (a year, a month, a day, with or without a time) and seconds since 1970.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// The moment that a text names: the beginning of the year, month or day; without a time zone, in UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.len() {
        4 if digits => midnight(text.parse().ok()?, 1),
        7 => {
            let (year, month) = text.split_once('-')?;
            midnight(year.parse().ok()?, month.parse().ok()?)
        }
        _ if digits => Timestamp::from_second(text.parse().ok()?).ok(),
        10 => text
            .parse::<Date>()
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|moment| moment.timestamp()),
        11..=40 if text.is_ascii() && text.as_bytes()[10] == b'T' => match text.parse::<Timestamp>() {
            Ok(moment) => Some(moment),
            Err(_) => text
                .parse::<DateTime>()
                .ok()?
                .to_zoned(TimeZone::UTC)
                .ok()
                .map(|moment| moment.timestamp()),
        },
        _ => None,
    }
}

fn midnight(year: i16, month: i8) -> Option<Timestamp> {
    Some(
        Date::new(year, month, 1)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_moment() {
        for text in [
            "2020",
            "2020-01",
            "2020-01-01",
            "2020-01-01T00:00Z",
            "2020-01-01T00:00:00Z",
            "2020-01-01T00:00:00.000Z",
            "2020-01-01T01:00:00+01:00",
            "2019-12-31T19:00-05:00",
            "2020-01-01T00:00:00",
            "1577836800",
        ] {
            assert_eq!(
                parse(text).map(|moment| moment.as_second()),
                Some(1_577_836_800),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "2020-13",
            "2020-02-30",
            "yesterday",
            "2020-01-01T25:00:00Z",
            "20-01",
            "99999999999999999999",
            "2020-1-1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
