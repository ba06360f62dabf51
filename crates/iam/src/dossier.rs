//! What files say of principals, repositories and providers: the policies and what they are attached to.

mod attached;
mod cloudformation;
mod form;
mod holder;
mod terraform;

use std::fmt;

use crate::json::{self, Limits, Node, ParseError, Position, Value};
use crate::policy::Kind;
use crate::{AccountId, Policy};

pub(crate) use attached::{Document, Side};
pub(crate) use form::Form;
pub(crate) use holder::Holder;

/// The files that are known, each taken for what it is.
///
/// Understood are what the `aws` command prints (`iam get-role`, `create-role`, `get-role-policy`, `get-user-policy`,
/// `get-policy-version`, `list-attached-role-policies`, `list-attached-user-policies`, `get-open-id-connect-provider`,
/// `list-open-id-connect-providers`, `get-account-authorization-details`, `ecr get-repository-policy`), what Terraform
/// prints (`show -json` of a plan or a state, `plan -json`), templates of CloudFormation, and bare policy documents.
#[derive(Clone, Debug, Default)]
pub struct Dossier {
    pub(crate) sheets: Vec<Sheet>,
}

/// What one file says.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    /// The name of the file.
    pub(crate) file: String,
    pub(crate) form: Form,
    pub(crate) papers: Vec<Paper>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) attachments: Vec<Attachment>,
    /// Does it list every OIDC provider of an account?
    pub(crate) lists_providers: bool,
}

/// A policy document and what it is attached to.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) holder: Holder,
    pub(crate) kind: Kind,
    /// What the policy is called, where it has a name.
    pub(crate) name: Option<String>,
    pub(crate) node: Node,
    /// Where the document begins, if it is JSON within a string of the file: its places are then its own.
    pub(crate) quoted_at: Option<Position>,
}

/// A managed policy that somebody has.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) holder: Holder,
    pub(crate) policy_arn: String,
    pub(crate) is_boundary: bool,
}

/// An OIDC provider that is registered in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub(crate) account: Option<AccountId>,
    /// The issuer's URL without `https://`.
    pub(crate) host_and_path: String,
    /// The audiences that it takes, where they were told.
    pub(crate) audiences: Option<Vec<String>>,
}

impl Dossier {
    /// Nothing known yet.
    pub fn new() -> Self {
        Dossier::default()
    }

    /// Takes in a file. Its name may say what a bare document belongs to: `role/NAME/…`, `user/NAME/…` and
    /// `repository/NAME/…`, each behind the number of its account where that matters.
    ///
    /// # Errors
    /// If the text is not JSON, with line and column. What is JSON but none of the known forms is kept as such.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), ParseError> {
        let mut sheet = Sheet::read(text)?;
        file.clone_into(&mut sheet.file);
        if let Some(holder) = Holder::of_file(file) {
            for paper in &mut sheet.papers {
                if paper.holder == Holder::Asked && holder.can_have(paper.kind) {
                    paper.holder = holder.clone();
                }
            }
            for attachment in &mut sheet.attachments {
                if attachment.holder == Holder::Asked {
                    attachment.holder = holder.clone();
                }
            }
        }
        if let Some(account) = holder::account_of_file(file) {
            for provider in &mut sheet.providers {
                provider.account.get_or_insert(account);
            }
        }
        self.sheets.push(sheet);
        Ok(())
    }

    /// Each file with what it was taken for, in one line.
    pub fn contents(&self) -> impl Iterator<Item = String> {
        self.sheets.iter().map(Sheet::to_string)
    }

    /// The OIDC providers.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.sheets.iter().flat_map(|sheet| &sheet.providers)
    }

    pub(crate) fn papers(&self) -> impl Iterator<Item = (&Sheet, &Paper)> {
        self.sheets
            .iter()
            .flat_map(|sheet| sheet.papers.iter().map(move |paper| (sheet, paper)))
    }
}

impl Sheet {
    /// Finds out what a text is.
    pub(crate) fn read(text: &str) -> Result<Sheet, ParseError> {
        match json::read_within(text, Limits::FILE) {
            Ok(node) => Ok(form::sheet(&node)),
            // `terraform plan -json` writes one object a line.
            Err(error) => terraform::messages(text).ok_or(error),
        }
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.form)?;
        let mut separator = " — ";
        for paper in &self.papers {
            let kind = paper.kind.name();
            write!(f, "{separator}{kind} of {}", paper.holder)?;
            separator = ", ";
        }
        for provider in &self.providers {
            write!(f, "{separator}OIDC provider {}", provider.host_and_path)?;
            separator = ", ";
        }
        for attachment in &self.attachments {
            write!(f, "{separator}{} of {}", attachment.policy_arn, attachment.holder)?;
            separator = ", ";
        }
        Ok(())
    }
}

impl Paper {
    /// A document that stands in its file as an object, or as a string that holds one.
    pub(crate) fn of(holder: Holder, kind: Kind, name: Option<&str>, node: &Node) -> Option<Paper> {
        let (node, quoted_at) = match &node.value {
            Value::Object(_) => (node.clone(), None),
            Value::String(text) => (json::read(text).ok()?, Some(node.at)),
            _ => return None,
        };
        Some(Paper {
            holder,
            kind,
            name: name.map(str::to_owned),
            node,
            quoted_at,
        })
    }

    pub(crate) fn policy(&self) -> Result<Policy, ParseError> {
        Policy::of_node(&self.node)
    }

    /// How decisions call it: `pull of role puller (role.json)`, or by its file alone.
    pub(crate) fn name_in(&self, file: &str) -> String {
        match (&self.name, &self.holder) {
            (Some(name), Holder::Asked) => format!("{name} ({file})"),
            (Some(name), holder) => format!("{name} of {holder} ({file})"),
            (None, Holder::Asked) => file.to_owned(),
            (None, holder) => format!("the policy of {holder} ({file})"),
        }
    }
}

impl Provider {
    /// The issuer's URL without `https://`.
    pub fn host_and_path(&self) -> &str {
        &self.host_and_path
    }

    /// The audiences that it takes, where they were told.
    pub fn audiences(&self) -> Option<&[String]> {
        self.audiences.as_deref()
    }
}

#[cfg(test)]
mod tests;
