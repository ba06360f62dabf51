//! Why a pull works or does not: the whole way from a token to a layer, rung by rung, and what has to change.

mod amend;
mod chain;
mod change;
mod entry;
mod ladder;
mod question;
mod step;
mod text;
mod verdict;

use crate::Dossier;

pub use change::Change;
pub use ladder::{Ladder, Rung, Status};
pub use question::{InvalidQuestion, Question, Token};

/// Walks from the token, or from the principal itself, to the layers of an image in a repository, with the documents
/// that are known.
///
/// A step is [allowed](Status::Allowed) only where the documents given say so; where one that has a say is not among
/// them, the step is [unknown](Status::Unknown). Not considered are documents that nobody spoke of: service control
/// policies, policies of VPC endpoints, and a repository's own policy where the identity's suffices.
pub fn pull(question: &Question, dossier: &Dossier) -> Ladder {
    chain::walk(question, dossier)
}
