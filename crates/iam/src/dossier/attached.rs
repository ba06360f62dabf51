use std::collections::BTreeSet;

use crate::catalog;
use crate::policy::Kind;
use crate::request::Named;
use crate::{Arn, Policy};

use super::{Dossier, Holder, Paper, Sheet};

/// The documents of one side: of a principal, of a repository, of a role that is to be assumed.
#[derive(Debug, Default)]
pub(crate) struct Side<'a> {
    pub(crate) documents: Vec<Document<'a>>,
    /// Policies that AWS itself keeps; nobody else can change them.
    pub(crate) of_aws: Vec<Named>,
    /// What is known to be there and was not given, or cannot be read.
    pub(crate) lacking: Vec<String>,
    /// Did the files say anything of this side?
    pub(crate) is_known: bool,
}

/// A document that takes part in decisions.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(crate) named: Named,
    pub(crate) file: &'a str,
    pub(crate) paper: &'a Paper,
}

impl Dossier {
    /// The permissions of a user or a role. `asked`: is it the one that documents without an owner belong to?
    pub(crate) fn permissions(&self, arn: &Arn, asked: bool) -> Side<'_> {
        self.owned(arn, asked, false)
    }

    /// The permissions boundary of a user or a role; not known where the files do not speak of one.
    pub(crate) fn boundary(&self, arn: &Arn, asked: bool) -> Side<'_> {
        self.owned(arn, asked, true)
    }

    /// The trust policy of a role.
    pub(crate) fn trust(&self, arn: &Arn, asked: bool) -> Side<'_> {
        let mut side = Side::default();
        for (sheet, paper) in self.papers() {
            if paper.kind == Kind::Trust && is_of(&paper.holder, asked, |holder| holder.is_principal(arn)) {
                side.take(sheet, paper);
            }
        }
        side
    }

    /// The policy of a repository.
    pub(crate) fn repository(&self, arn: &Arn) -> Side<'_> {
        let mut side = Side::default();
        for (sheet, paper) in self.papers() {
            if paper.kind == Kind::Resource && is_of(&paper.holder, true, |holder| holder.is_repository(arn)) {
                side.take(sheet, paper);
            }
        }
        side
    }

    fn owned(&self, arn: &Arn, asked: bool, is_boundary: bool) -> Side<'_> {
        let mut side = Side::default();
        let wanted = if is_boundary { Kind::Boundary } else { Kind::Identity };
        for (sheet, paper) in self.papers() {
            if paper.kind == wanted && is_of(&paper.holder, asked, |holder| holder.is_principal(arn)) {
                side.take(sheet, paper);
            }
        }
        let attachments = self.sheets.iter().flat_map(|sheet| &sheet.attachments);
        let arns: BTreeSet<&str> = attachments
            .filter(|attachment| attachment.is_boundary == is_boundary)
            .filter(|attachment| is_of(&attachment.holder, asked, |holder| holder.is_principal(arn)))
            .map(|attachment| attachment.policy_arn.as_str())
            .collect();
        for policy_arn in arns {
            side.is_known = true;
            let given = self.papers().find(|(_, paper)| is_managed(&paper.holder, policy_arn));
            let of_aws = || catalog::managed_policy(&policy_arn.parse().ok()?);
            match given {
                Some((sheet, paper)) => side.take(sheet, paper),
                None => match of_aws() {
                    Some(policy) => side.of_aws.push(Named::new(format!("{policy_arn} of AWS"), policy)),
                    None => side.lacking.push(policy_arn.to_owned()),
                },
            }
        }
        // A document without an owner may be the very one that a list names.
        if side
            .documents
            .iter()
            .any(|document| document.paper.holder == Holder::Asked)
        {
            side.lacking.clear();
        }
        side
    }
}

impl<'a> Side<'a> {
    fn take(&mut self, sheet: &'a Sheet, paper: &'a Paper) {
        self.is_known = true;
        let title = paper.name_in(&sheet.file);
        let same = |document: &&Document<'_>| document.named.name().starts_with(&title);
        let name = match self.documents.iter().filter(same).count() {
            0 => title,
            earlier => format!("{title} #{}", earlier + 1),
        };
        match paper.policy() {
            Ok(policy) => self.add(name, policy, sheet, paper),
            Err(error) => self.lacking.push(format!("{name}, which cannot be read: {error}")),
        }
    }

    fn add(&mut self, name: String, policy: Policy, sheet: &'a Sheet, paper: &'a Paper) {
        self.documents.push(Document {
            named: Named::new(name, policy),
            file: &sheet.file,
            paper,
        });
    }

    /// Every policy of this side.
    pub(crate) fn policies(&self) -> Vec<Named> {
        let given = self.documents.iter().map(|document| document.named.clone());
        given.chain(self.of_aws.iter().cloned()).collect()
    }

    /// Might documents that were not given say something else?
    pub(crate) fn has_gaps(&self) -> bool {
        !self.is_known || !self.lacking.is_empty()
    }

    pub(crate) fn document(&self, name: &str) -> Option<&Document<'a>> {
        self.documents.iter().find(|document| document.named.name() == name)
    }
}

fn is_of(holder: &Holder, asked: bool, matches: impl Fn(&Holder) -> bool) -> bool {
    match holder {
        Holder::Asked => asked,
        holder => matches(holder),
    }
}

/// A managed policy is known by its ARN, or, before it was made, by its name alone.
fn is_managed(holder: &Holder, policy_arn: &str) -> bool {
    let Holder::Managed(known_by) = holder else {
        return false;
    };
    let name = |text: &str| text.rsplit('/').next().map(str::to_owned);
    known_by == policy_arn || (known_by.contains(':') != policy_arn.contains(':') && name(known_by) == name(policy_arn))
}
