use iam::{Arn, RoleArn};

/// How AWS words a refusal: `User: ARN is not authorized to perform: ACTION on resource: ARN`, and often why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    /// Who asked, as AWS sees it.
    pub(super) user: Arn,
    /// What for.
    pub(super) action: String,
}

impl Sentence {
    /// Nothing where the message is worded otherwise.
    pub(super) fn read(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("User: ")?;
        let (user, rest) = rest.split_once(" is not authorized to perform: ")?;
        let action = rest.split(|c: char| c.is_whitespace()).next()?;
        let is_action = action
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-'));
        Some(Self {
            user: user.parse().ok()?,
            action: (is_action && action.contains(':') && action.len() <= 128).then(|| action.to_owned())?,
        })
    }
}

/// Whose policies have a say for a principal: the role behind a session, or the user itself. The ARN of a session leaves
/// out its role's path; `known` are roles that it may be the session of, with their paths.
pub(super) fn holder<'a>(principal: &Arn, known: impl IntoIterator<Item = &'a RoleArn>) -> Option<Arn> {
    let (kind, rest) = principal.resource().split_once('/')?;
    match (principal.service(), kind) {
        ("iam", "user" | "role") => return Some(principal.clone()),
        ("sts", "assumed-role") => {}
        _ => return None,
    }
    let (name, account) = (rest.split('/').next()?, principal.account()?);
    let known = known
        .into_iter()
        .find(|role| role.name() == name && role.account() == account);
    match known {
        Some(role) => Some(role.as_arn().clone()),
        None => format!("arn:{}:iam::{account}:role/{name}", principal.partition())
            .parse()
            .ok(),
    }
}

/// The command that gives a user or a role a policy of its own.
pub(super) fn put_policy(holder: Option<&Arn>, name: &str, policy: &str) -> String {
    let (kind, who) = match holder {
        Some(arn) => {
            let kind = if arn.resource().starts_with("user/") {
                "user"
            } else {
                "role"
            };
            (kind, arn.resource().rsplit('/').next().unwrap_or_default())
        }
        None => ("role", "ROLE"),
    };
    let place = holder
        .and_then(Arn::account)
        .map(|account| format!("in the account {account}: "))
        .unwrap_or_default();
    format!(
        "{place}aws iam put-{kind}-policy --{kind}-name {who} --policy-name {name} --policy-document {}",
        super::text::quoted(policy)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_and_what_are_read_from_the_sentence() {
        let sentence = Sentence::read("User: arn:aws:sts::111122223333:assumed-role/pull/s is not authorized to perform: ecr:BatchGetImage on resource: arn:y because no identity-based policy allows the ecr:BatchGetImage action").unwrap();
        assert_eq!(sentence.action, "ecr:BatchGetImage");
        let path = "arn:aws:iam::111122223333:role/teams/pull".parse().unwrap();
        assert_eq!(
            holder(&sentence.user, []).unwrap().as_str(),
            "arn:aws:iam::111122223333:role/pull"
        );
        assert_eq!(holder(&sentence.user, [&path]).unwrap(), *path.as_arn());
        for other in [
            "",
            "Access denied",
            "User: x is not authorized to perform: ecr:A on resource: y",
            "User: arn:aws:iam::111122223333:user/a is not authorized to perform: \u{1b}[0m",
        ] {
            assert_eq!(Sentence::read(other), None, "{other}");
        }
    }

    #[test]
    fn a_root_has_no_policies() {
        let root: Arn = "arn:aws:iam::111122223333:root".parse().unwrap();
        assert_eq!(holder(&root, []), None);
        let user: Arn = "arn:aws:iam::111122223333:user/ci/a".parse().unwrap();
        let command = put_policy(holder(&user, []).as_ref(), "pull", "{\"a\": 1}");
        assert_eq!(
            command,
            "in the account 111122223333: aws iam put-user-policy --user-name a --policy-name pull --policy-document '{\"a\": 1}'"
        );
    }
}
