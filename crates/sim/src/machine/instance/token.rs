use std::time::Duration;

use http::HeaderName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    clock::later,
    seal::{Purpose, Seal},
};

/// The header that asks for a lifetime, and tells it.
pub(super) const TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
/// The header that has the token.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

/// What a token of IMDSv2 says to the service that made it; to everybody else it says nothing.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    instance: String,
    expires_millis: i64,
}

impl Token {
    pub(super) fn new(instance: &str, now: Timestamp, lifetime: u64) -> Self {
        Self {
            instance: instance.to_owned(),
            expires_millis: later(now, Duration::from_secs(lifetime)).as_millisecond(),
        }
    }

    pub(super) fn open(seal: &Seal, text: &str) -> Option<Self> {
        seal.open(Purpose::Metadata, text)
    }

    pub(super) fn seal(&self, seal: &Seal) -> String {
        seal.close(Purpose::Metadata, self)
    }

    /// How many seconds it is still good on this instance; none where it is not.
    pub(super) fn left(&self, instance: &str, now: Timestamp) -> Option<i64> {
        let millis = self.expires_millis - now.as_millisecond();
        (self.instance == instance && millis > 0).then(|| (millis + 999) / 1000)
    }
}

/// The seconds that a client asks for, 1 to 21600.
pub(super) fn lifetime(text: &str) -> Option<u64> {
    text.parse().ok().filter(|seconds| (1..=21_600).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SealKey;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_of_one_instance_and_ends() {
        let seal = Seal::new(&SealKey::generate());
        let now = "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap();
        let token = Token::open(&seal, &Token::new("i-1", now, 60).seal(&seal)).unwrap();
        assert_eq!(token.left("i-1", now), Some(60));
        assert_eq!(token.left("i-2", now), None);
        assert_eq!(token.left("i-1", later(now, Duration::from_millis(59_999))), Some(1));
        assert_eq!(token.left("i-1", later(now, Duration::from_secs(60))), None);
    }

    #[test]
    fn a_lifetime_is_six_hours_at_most() {
        assert_eq!(lifetime("1"), Some(1));
        assert_eq!(lifetime("21600"), Some(21_600));
        for text in ["", "0", "21601", "-1", "1.5", " 60", "60s", "99999999999999999999999"] {
            assert_eq!(lifetime(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_token(text in "\\PC{0,80}") {
            prop_assert_eq!(Token::open(&Seal::new(&SealKey::generate()), &text), None);
            let _ = lifetime(&text);
        }
    }
}
