//! The decision: one matching core and one composition, with or without reasons.

mod caller;
mod compose;
mod facts;
mod matching;
mod observer;

use crate::reason::{Decision, Evaluation};
use crate::request::{PolicySet, Request};

use facts::Facts;
use observer::{Recorder, Silent};

/// Decides, as AWS does, whether the policies allow the request.
///
/// The same decision as [`evaluate`] comes to, without reasons: nothing is allocated per statement.
pub fn decide(request: &Request, policies: &PolicySet) -> Decision {
    compose::compose(&Facts::of(request), policies, &mut Silent).decision
}

/// Decides, as AWS does, whether the policies allow the request, and tells why.
pub fn evaluate(request: &Request, policies: &PolicySet) -> Evaluation {
    let mut recorder = Recorder::default();
    let verdict = compose::compose(&Facts::of(request), policies, &mut recorder);
    let lacking = verdict.lacking.into_iter().flatten().collect();
    Evaluation::new(verdict.decision, verdict.denial, lacking, recorder.into_layers())
}
