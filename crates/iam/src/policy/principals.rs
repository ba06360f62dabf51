use crate::json::Position;
use crate::{AccountId, Arn};

/// The `Principal` or `NotPrincipal` element.
#[derive(Clone, Debug)]
pub(crate) struct PrincipalElement {
    pub(crate) at: Position,
    pub(crate) negated: bool,
    pub(crate) entries: Vec<PrincipalEntry>,
}

/// One value of the element, as it was written and as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrincipalEntry {
    pub(crate) kind: EntryKind,
    pub(crate) text: Box<str>,
    pub(crate) names: Names,
}

/// The key under which a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// None: `"Principal": "*"`.
    Bare,
    Aws,
    Service,
    Federated,
    CanonicalUser,
}

/// Whom a value of the element names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// `"*"` and `{"AWS": "*"}`
    Everyone,
    /// `arn:aws:iam::A:root` or the number alone: everybody in the account, if the account lets them.
    Account(AccountId),
    /// A user, a session.
    Exactly(Arn),
    /// A role: its sessions.
    Role {
        account: AccountId,
        arn: Arn,
    },
    Service,
    /// Every service, every provider.
    AnyOfKind,
    Federated,
    /// An S3 canonical user id: whose it is cannot be told from a request.
    CanonicalUser,
    /// What names nobody: a malformed ARN, the id of a deleted principal.
    Nobody,
}

/// How directly an allowing statement grants, from the weakest.
///
/// See "Determining whether a request is allowed or denied within an account" in the IAM user guide: the table on how
/// resource-based policies affect each type of principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Grant {
    /// To the account, whose own policies decide who of it may.
    Account,
    /// To the role: its sessions may within the role's boundary and their session policies.
    Role,
    /// To the very principal, or to everyone: no boundary and no session policy stands between.
    Direct,
}

impl PrincipalElement {
    /// The element's name.
    pub(crate) fn name(&self) -> &'static str {
        if self.negated { "NotPrincipal" } else { "Principal" }
    }
}

impl PartialEq for PrincipalElement {
    fn eq(&self, other: &Self) -> bool {
        (self.negated, &self.entries) == (other.negated, &other.entries)
    }
}

impl Eq for PrincipalElement {}

impl EntryKind {
    pub(crate) const KEYED: [EntryKind; 4] = [
        EntryKind::Aws,
        EntryKind::Service,
        EntryKind::Federated,
        EntryKind::CanonicalUser,
    ];

    /// The key in the document.
    pub(crate) fn key(self) -> &'static str {
        match self {
            EntryKind::Bare => "",
            EntryKind::Aws => "AWS",
            EntryKind::Service => "Service",
            EntryKind::Federated => "Federated",
            EntryKind::CanonicalUser => "CanonicalUser",
        }
    }
}

impl PrincipalEntry {
    pub(super) fn new(kind: EntryKind, text: &str) -> Self {
        let names = match (kind, text) {
            (EntryKind::Bare | EntryKind::Aws, "*") => Names::Everyone,
            (EntryKind::Bare | EntryKind::Aws, text) => aws_principal(text),
            (EntryKind::Service | EntryKind::Federated, "*") => Names::AnyOfKind,
            (EntryKind::Service, _) => Names::Service,
            (EntryKind::Federated, _) => Names::Federated,
            (EntryKind::CanonicalUser, _) => Names::CanonicalUser,
        };
        PrincipalEntry {
            kind,
            text: text.into(),
            names,
        }
    }
}

fn aws_principal(text: &str) -> Names {
    if let Ok(account) = text.parse() {
        return Names::Account(account);
    }
    let Ok(arn) = text.parse::<Arn>() else {
        return Names::Nobody;
    };
    let Some(account) = arn.account() else {
        return Names::Nobody;
    };
    if arn.service() == "iam" && arn.resource() == "root" {
        Names::Account(account)
    } else if arn.resource_of("iam", "role").is_some() {
        Names::Role { account, arn }
    } else {
        Names::Exactly(arn)
    }
}
