use super::change::Change;

/// The way to the layers.
#[derive(Clone, Debug)]
pub struct Ladder {
    pub(super) title: String,
    pub(super) rungs: Vec<Rung>,
    pub(super) changes: Vec<Change>,
}

/// One step of the way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rung {
    /// What is done, `sts:AssumeRole on role puller`.
    pub step: String,
    /// How it ends.
    pub status: Status,
    /// What AWS says to it, where it is denied.
    pub aws_says: Option<String>,
    /// Why.
    pub because: String,
    /// What to ask for where a document is not given: a command and the account to run it in.
    pub fetch: Vec<String>,
    /// The changes that would allow it, by their places in [`Ladder::changes`].
    pub changes: Vec<usize>,
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The documents given allow it.
    Allowed,
    /// The documents given do not tell.
    Unknown,
    /// The documents given deny it, or do not allow it though they would have to.
    Denied,
}

impl Ladder {
    /// What is explained.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The steps, in their order.
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// The documents that have to change, each with all that it lacks.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The worst of the steps.
    pub fn status(&self) -> Status {
        self.rungs
            .iter()
            .map(|rung| rung.status)
            .max()
            .unwrap_or(Status::Unknown)
    }
}

impl Status {
    /// ✓, ? or ✗.
    pub fn sign(self) -> char {
        match self {
            Status::Allowed => '✓',
            Status::Unknown => '?',
            Status::Denied => '✗',
        }
    }

    /// `allowed`, `unknown` or `denied`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Allowed => "allowed",
            Status::Unknown => "unknown",
            Status::Denied => "denied",
        }
    }
}
