use ::iam::Context;

use crate::{
    policy::{Case, Wish},
    world::{Repository, State},
};

impl Wish<'_> {
    /// Asks the policies of the caller and of a repository, whose tags have a say too (ECR user guide, "Using tag-based
    /// access control").
    pub(crate) fn judge_repository(
        &self,
        state: &State,
        repository: Option<&Repository>,
        mut context: Context,
    ) -> Case<'_> {
        let labels = repository.iter().flat_map(|repository| &repository.labels);
        for (key, value) in labels {
            context = context
                .with(&format!("aws:ResourceTag/{key}"), value)
                .with(&format!("ecr:ResourceTag/{key}"), value);
        }
        let policy = repository.and_then(|repository| repository.policy.as_ref());
        self.judge(state, policy, context)
    }
}
