//! A 403 of the registry, with the repository's own policy at hand: which side lacks, and by which statement.

mod verdict;

use iam::RoleArn;

use self::verdict::Verdict;
use super::{
    denial::{Denial, Side},
    registry::{Answer, Refusal, explained},
};
use crate::{AwsError, Cause};

/// What ECR said when it was asked for a repository's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The policy.
    Policy(String),
    /// The repository has none.
    NoPolicy,
    /// There is no such repository.
    NoRepository,
}

/// Whether the repository's policy could say more about this refusal than AWS did.
pub(crate) fn is_of_use(refusal: &Refusal<'_>) -> bool {
    let answer = Answer::of(refusal);
    let names_another = || matches!(answer.denial(refusal, None).side(), Side::DeniedElsewhere | Side::Limit);
    refusal.status == 403 && refusal.host.account().is_some() && !answer.is_expiry() && !names_another()
}

/// What a refusal means, with what is known of the repository's policy. `role` is the one that the session is of.
pub(crate) fn explain(refusal: Refusal<'_>, role: Option<&RoleArn>, reading: &Reading) -> AwsError {
    let mut error = explained(refusal, role);
    let answer = Answer::of(&refusal);
    let denial = answer.denial(&refusal, role);
    if let Some(causes) = causes(&denial, reading) {
        error.causes = causes;
    }
    error
}

/// Nothing where the policy does not help.
fn causes(denial: &Denial<'_>, reading: &Reading) -> Option<Vec<Cause>> {
    match reading {
        Reading::NoRepository => Some(vec![Cause::new(
            format!(
                "there is no repository {} in the account {}",
                denial.repository,
                denial.account()
            ),
            denial.look(),
            format!(
                "correct the name, or create the repository: aws ecr create-repository --region {} --repository-name {}",
                denial.host.region(),
                denial.repository
            ),
        )]),
        Reading::NoPolicy if denial.crosses_accounts() => Some(vec![
            Cause {
                why: format!(
                    "the repository {} has no policy at all, so that it lets nobody of another account in",
                    denial.repository
                ),
                ..denial.repository_lacks()
            },
            denial.identity_lacks(),
        ]),
        Reading::NoPolicy => Some(vec![identity(denial, "the repository has no policy of its own")]),
        Reading::Policy(text) => Verdict::of(denial, text).map(|verdict| verdict.causes()),
    }
}

/// The side of the identity lacks; `because` is what the repository's side says.
fn identity(denial: &Denial<'_>, because: &str) -> Cause {
    let cause = denial.identity_lacks();
    let why = format!("{because}: what lacks is the identity's side, where {}", cause.why);
    Cause {
        why: Cause::new(why, "", "").why,
        ..cause
    }
}

/// ECR takes 10,240 bytes ("Amazon ECR service quotas").
pub(crate) const MAX_POLICY: usize = 16 * 1024;

#[cfg(test)]
mod tests;
