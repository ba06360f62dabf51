use std::path::PathBuf;

/// How long, and what everything depends on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) minutes: u32,
    /// None for another one each time.
    pub(crate) seed: Option<u64>,
    /// What is tried, in place of an optimized build.
    pub(crate) program: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            minutes: 10,
            seed: None,
            program: None,
        }
    }
}
