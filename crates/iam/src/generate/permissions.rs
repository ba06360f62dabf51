use crate::{Arn, RoleArn};

use super::document::{Document, EmptyList, Statement};

/// What it takes to pull an image: the manifest and the layers.
pub(super) const PULL: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// Permissions to pull from repositories, given by their ARNs; `*` in an ARN is a wildcard.
///
/// `ecr:GetAuthorizationToken` stands in a statement of its own: it is done to no repository, and next to the others
/// their narrowed `Resource` would deny the login. Without repositories the login is all that is allowed.
pub fn pull_permissions(repositories: &[Arn]) -> Document {
    on_repositories("Pull", PULL.to_vec(), repositories)
}

/// Permissions to list and to scan what repositories hold: those to pull, and to read what is there.
///
/// `ecr:DescribeRepositories` is among them: without it a scanner has to be told every repository.
pub fn inventory_permissions(repositories: &[Arn]) -> Document {
    let mut actions = PULL.to_vec();
    actions.extend([
        "ecr:BatchCheckLayerAvailability",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:GetLifecyclePolicy",
        "ecr:GetLifecyclePolicyPreview",
        "ecr:GetRepositoryPolicy",
        "ecr:ListImages",
        "ecr:ListTagsForResource",
    ]);
    on_repositories("Inventory", actions, repositories)
}

/// Permissions of an agent that does its work as these roles, and nothing itself.
///
/// # Errors
/// If no role is given.
pub fn assume_only(roles: &[RoleArn]) -> Result<Document, EmptyList> {
    EmptyList::check("role", roles)?;
    Ok(Document::of(vec![Statement {
        sid: "AssumeRoles",
        principals: None,
        actions: vec!["sts:AssumeRole"],
        resources: roles.iter().map(RoleArn::to_string).collect(),
        string_equals: Vec::new(),
    }]))
}

fn on_repositories(sid: &'static str, actions: Vec<&'static str>, repositories: &[Arn]) -> Document {
    let allow = |sid, actions, resources| Statement {
        sid,
        principals: None,
        actions,
        resources,
        string_equals: Vec::new(),
    };
    let mut statements = vec![allow("Login", vec!["ecr:GetAuthorizationToken"], vec!["*".to_owned()])];
    if !repositories.is_empty() {
        statements.push(allow(sid, actions, repositories.iter().map(Arn::to_string).collect()));
    }
    Document::of(statements)
}
