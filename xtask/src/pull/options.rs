/// How much is measured, and beside whom.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// Names of measures; none for all.
    pub(crate) only: Vec<String>,
    pub(crate) rounds: usize,
    /// How long each server is measured in a round.
    pub(crate) seconds: f64,
    pub(crate) skip_peers: bool,
    /// Leaves docs/performance.md as it is.
    pub(crate) dry: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            rounds: 5,
            seconds: 3.0,
            skip_peers: false,
            dry: false,
        }
    }
}
