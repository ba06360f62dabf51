use crate::json::Printed;

use super::{Holder, POLICY_NAME, Step};

/// A template of all steps, each waiting for the one before it.
pub(super) fn template(steps: &[Step]) -> String {
    let mut resources = Vec::new();
    let mut before = None;
    for step in steps {
        let (name, mut members) = resource(step);
        if let Some(before) = before {
            members.push(("DependsOn", Printed::Text(before)));
        }
        resources.push((name, Printed::Object(members)));
        before = Some(name);
    }
    let mut template = vec![
        ("AWSTemplateFormatVersion", Printed::Text("2010-09-09")),
        ("Description", Printed::Text(description(steps))),
        ("Resources", Printed::Object(resources)),
    ];
    if steps.iter().any(|step| matches!(step, Step::Role { .. })) {
        let arn = Printed::Object(vec![(
            "Fn::GetAtt",
            Printed::List(vec![Printed::Text("Role"), Printed::Text("Arn")]),
        )]);
        let output = Printed::Object(vec![("RoleArn", Printed::Object(vec![("Value", arn)]))]);
        template.push(("Outputs", output));
    }
    format!("{}\n", Printed::Object(template))
}

fn description(steps: &[Step]) -> &'static str {
    match steps.last() {
        Some(Step::RepositoryPolicy { .. }) => {
            "A repository and its policy. A repository that exists already: import it into the stack \
             (a change set of type IMPORT)."
        }
        Some(Step::Permissions { .. }) => "A policy for a role or a user that exists.",
        _ => "A role that Wharfinger assumes. Deploy with --capabilities CAPABILITY_NAMED_IAM.",
    }
}

/// The logical name and the members of a resource.
fn resource(step: &Step) -> (&'static str, Vec<(&'static str, Printed<'_>)>) {
    let of = |name, kind, properties| {
        let members = vec![
            ("Type", Printed::Text(kind)),
            ("Properties", Printed::Object(properties)),
        ];
        (name, members)
    };
    match step {
        Step::Provider {
            issuer,
            audience,
            thumbprints,
        } => {
            let mut properties = vec![
                ("Url", Printed::Text(issuer)),
                ("ClientIdList", Printed::List(vec![Printed::Text(audience)])),
            ];
            if !thumbprints.is_empty() {
                let thumbprints = thumbprints.iter().map(|thumbprint| Printed::Text(thumbprint));
                properties.push(("ThumbprintList", Printed::List(thumbprints.collect())));
            }
            of("Provider", "AWS::IAM::OIDCProvider", properties)
        }
        Step::Role {
            name,
            trust,
            permissions,
        } => {
            let mut properties = vec![
                ("RoleName", Printed::Text(name.as_str())),
                ("AssumeRolePolicyDocument", trust.printed()),
            ];
            if let Some(permissions) = permissions {
                let policy = vec![
                    ("PolicyName", Printed::Text(POLICY_NAME)),
                    ("PolicyDocument", permissions.printed()),
                ];
                properties.push(("Policies", Printed::List(vec![Printed::Object(policy)])));
            }
            of("Role", "AWS::IAM::Role", properties)
        }
        Step::Permissions { holder, document } => {
            let (kind, key) = match holder {
                Holder::Role(_) => ("AWS::IAM::RolePolicy", "RoleName"),
                Holder::User(_) => ("AWS::IAM::UserPolicy", "UserName"),
            };
            let properties = vec![
                (key, Printed::Text(holder.name().as_str())),
                ("PolicyName", Printed::Text(POLICY_NAME)),
                ("PolicyDocument", document.printed()),
            ];
            of("Policy", kind, properties)
        }
        Step::RepositoryPolicy { repository, document } => {
            let properties = vec![
                ("RepositoryName", Printed::Text(repository.name())),
                ("RepositoryPolicyText", document.printed()),
            ];
            let (name, mut members) = of("Repository", "AWS::ECR::Repository", properties);
            // Images are not to vanish with a stack; without this, an existing repository cannot be imported either.
            members.insert(1, ("DeletionPolicy", Printed::Text("Retain")));
            members.insert(2, ("UpdateReplacePolicy", Printed::Text("Retain")));
            (name, members)
        }
    }
}
