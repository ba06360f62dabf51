//! The JSON contract: a question as a document, and its answer as one.
//!
//! ```
//! let answer = iam::wire::reply(r#"{
//!     "principal": {"AWS": "arn:aws:iam::111122223333:user/ann"},
//!     "action": "ecr:BatchGetImage",
//!     "resource": "arn:aws:ecr:us-east-1:111122223333:repository/team/app",
//!     "policies": {"identity": [{"name": "reader", "document":
//!         {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}}]}
//! }"#);
//! assert!(answer.starts_with(r#"{"decision":"Allowed","#));
//! ```
//!
//! A [`Question`] is read strictly: what it does not know is a [`Problem`], told with its place, and so is a policy that
//! AWS would not store for what it is attached to. Policies stand in the question as JSON, not as text in a string, so
//! every place that an [`Answer`] or a [`Problem`] names is a line and a column of the question itself.
//!
//! What a question may cost is limited: its length, that of each document and of each text that patterns are laid
//! against, and the length that the reasons of its answer may have.

mod answer;
mod context;
mod fields;
mod policies;
mod principal;
mod problem;
mod question;

use crate::json::{self, Limits};

pub use answer::Answer;
pub use problem::Problem;
pub use question::Question;

/// The longest question that is read, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

const LIMITS: Limits = Limits {
    bytes: MAX_BYTES,
    depth: json::MAX_DEPTH,
};

/// Answers one question, in one line: an [`Answer`], or a [`Problem`] where there is none.
pub fn reply(text: &str) -> String {
    match Question::parse(text) {
        Ok(question) => format!("{:#}", Answer::new(&question.request, &question.evaluate())),
        Err(problem) => format!("{:#}", problem.answer()),
    }
}

#[cfg(test)]
mod tests;
