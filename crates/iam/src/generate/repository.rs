use crate::Arn;

use super::document::{Document, EmptyList, Statement};
use super::permissions::PULL;

/// The policy of a repository for principals of other accounts who pull from it.
///
/// It takes effect only together with [`pull_permissions`](super::pull_permissions) on their own side. There is no
/// `ecr:GetAuthorizationToken` in it: a repository's policy cannot grant that.
///
/// # Errors
/// If no principal is given.
pub fn pull_from_elsewhere(principals: &[Arn]) -> Result<Document, EmptyList> {
    EmptyList::check("principal", principals)?;
    Ok(Document::of(vec![Statement {
        sid: "PullFromElsewhere",
        principals: Some(("AWS", principals.iter().map(Arn::to_string).collect())),
        actions: PULL.to_vec(),
        resources: Vec::new(),
        string_equals: Vec::new(),
    }]))
}
