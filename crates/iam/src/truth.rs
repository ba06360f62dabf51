use std::fmt;
use std::ops::Not;

/// What is known of a match: three values, combined by Kleene's rules.
///
/// `NotKnown` arises where a [partial context](crate::Context::partial) lacks a key. It is not false: denying and
/// allowing statements alike stay open until the key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It matched.
    Matched,
    /// It did not match.
    NotMatched,
    /// The request does not say enough to tell.
    NotKnown,
}

impl Truth {
    /// Both must match.
    #[must_use]
    pub fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::NotMatched, _) | (_, Truth::NotMatched) => Truth::NotMatched,
            (Truth::Matched, Truth::Matched) => Truth::Matched,
            _ => Truth::NotKnown,
        }
    }

    /// One of both must match.
    #[must_use]
    pub fn or(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Matched, _) | (_, Truth::Matched) => Truth::Matched,
            (Truth::NotMatched, Truth::NotMatched) => Truth::NotMatched,
            _ => Truth::NotKnown,
        }
    }

    /// Every item matches; an empty sequence does.
    pub(crate) fn all(items: impl IntoIterator<Item = Truth>) -> Truth {
        let mut truth = Truth::Matched;
        for item in items {
            truth = truth.and(item);
            if truth == Truth::NotMatched {
                break;
            }
        }
        truth
    }

    /// Some item matches; of an empty sequence none does.
    pub(crate) fn any(items: impl IntoIterator<Item = Truth>) -> Truth {
        let mut truth = Truth::NotMatched;
        for item in items {
            truth = truth.or(item);
            if truth == Truth::Matched {
                break;
            }
        }
        truth
    }

    /// The opposite where `negated` is true: `NotAction` to `Action`, `StringNotEquals` to `StringEquals`.
    pub(crate) fn negated_if(self, negated: bool) -> Truth {
        if negated { !self } else { self }
    }
}

impl Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::Matched => Truth::NotMatched,
            Truth::NotMatched => Truth::Matched,
            Truth::NotKnown => Truth::NotKnown,
        }
    }
}

impl From<bool> for Truth {
    fn from(matched: bool) -> Truth {
        if matched { Truth::Matched } else { Truth::NotMatched }
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Truth::Matched => "matched",
            Truth::NotMatched => "not matched",
            Truth::NotKnown => "not known",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, Matched, NotKnown, NotMatched};

    #[test]
    fn the_unknown_decides_nothing_and_hides_nothing() {
        assert_eq!(NotKnown.and(NotMatched), NotMatched);
        assert_eq!(NotKnown.and(Matched), NotKnown);
        assert_eq!(NotKnown.or(Matched), Matched);
        assert_eq!(NotKnown.or(NotMatched), NotKnown);
        assert_eq!(!NotKnown, NotKnown);
    }

    #[test]
    fn empty_sequences() {
        assert_eq!(Truth::all([]), Matched);
        assert_eq!(Truth::any([]), NotMatched);
    }
}
