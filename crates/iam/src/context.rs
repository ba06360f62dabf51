use std::fmt;

/// The condition keys of a request and their values.
///
/// Keys are compared without regard to case, as AWS does; a key may have several values. A key with no value is known
/// to be absent.
///
/// A *complete* context is what AWS sees: a key that is missing is absent. A *partial* one is what somebody outside
/// knows: a key that is missing is [not known](crate::Truth::NotKnown), and may be declared absent with
/// [`Context::without`].
#[derive(Clone, PartialEq, Eq)]
pub struct Context {
    /// Sorted by key; keys in lower case.
    entries: Vec<(String, Vec<String>)>,
    complete: bool,
}

impl Context {
    /// An empty context in which what is missing is absent.
    // Not inlined, here and below: optimized by rustc 1.95, two closure calls with such a constant were given the same
    // memory, which the first call had given away (rust-lang/rust#155241, #158830). The fuzz target `policy` crashes
    // without this.
    #[inline(never)]
    pub fn complete() -> Self {
        Context {
            entries: Vec::new(),
            complete: true,
        }
    }

    /// An empty context in which what is missing is not known.
    #[inline(never)]
    pub fn partial() -> Self {
        Context {
            entries: Vec::new(),
            complete: false,
        }
    }

    /// Adds one value to a key.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<String>) -> Self {
        self.with_all(key, [value])
    }

    /// Adds values to a key; none of them declares the key to be absent if it has no value yet.
    #[must_use]
    pub fn with_all<V: Into<String>>(mut self, key: &str, values: impl IntoIterator<Item = V>) -> Self {
        let key = key.to_lowercase();
        let at = match self.position(&key) {
            Ok(at) => at,
            Err(at) => {
                self.entries.insert(at, (key, Vec::new()));
                at
            }
        };
        self.entries[at].1.extend(values.into_iter().map(Into::into));
        self
    }

    /// Declares a key to be absent, whatever was said of it before.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        let key = key.to_lowercase();
        match self.position(&key) {
            Ok(at) => self.entries[at].1.clear(),
            Err(at) => self.entries.insert(at, (key, Vec::new())),
        }
        self
    }

    /// Is a missing key absent (true) or not known (false)?
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The values of a key; none where it is absent or not known.
    pub fn values(&self, key: &str) -> &[String] {
        match self.position(&key.to_lowercase()) {
            Ok(at) => &self.entries[at].1,
            Err(_) => &[],
        }
    }

    /// Keys (in lower case) with their values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.entries
            .iter()
            .map(|(key, values)| (key.as_str(), values.as_slice()))
    }

    /// The entry of a key that is in lower case already; none where nothing was said of it.
    pub(crate) fn entry(&self, key: &str) -> Option<&[String]> {
        self.position(key).ok().map(|at| self.entries[at].1.as_slice())
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.as_str().cmp(key))
    }
}

impl Default for Context {
    fn default() -> Self {
        Context::complete()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.complete { "complete " } else { "partial " })?;
        f.debug_map().entries(self.iter()).finish()
    }
}

/// What is known of a condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// At least one value.
    Values(&'a [String]),
    Absent,
    Unknown,
}

/// Where the values of condition keys come from. Keys are given in lower case.
pub(crate) trait Lookup {
    fn find(&self, key: &str) -> Found<'_>;
}

impl Lookup for Context {
    fn find(&self, key: &str) -> Found<'_> {
        match self.entry(key) {
            Some([]) => Found::Absent,
            Some(values) => Found::Values(values),
            None if self.complete => Found::Absent,
            None => Found::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_no_case() {
        let context = Context::complete().with("aws:SourceIp", "1").with("AWS:sourceip", "2");
        assert_eq!(context.values("aws:sourceIP"), ["1", "2"]);
    }

    #[test]
    fn missing_is_absent_or_unknown() {
        assert_eq!(Context::complete().find("k"), Found::Absent);
        assert_eq!(Context::partial().find("k"), Found::Unknown);
        assert_eq!(Context::partial().without("K").find("k"), Found::Absent);
        assert_eq!(Context::partial().with("K", "v").without("k").find("k"), Found::Absent);
        assert_eq!(
            Context::partial().with("K", "v").find("k"),
            Found::Values(&["v".to_owned()])
        );
    }
}
