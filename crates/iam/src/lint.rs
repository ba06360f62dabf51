//! What an experienced reviewer would say about a policy document, with the place, the reason and the remedy.
//!
//! ```
//! use iam::lint::{self, Known, Rule};
//!
//! let text = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
//!     "Action": "ecr:GetAuthorisationToken", "Resource": "*"}]}"#;
//! let findings = lint::check(text, &Known::default());
//! assert_eq!(findings[0].rule, Rule::UnknownAction);
//! assert_eq!(findings[0].fix, "Did you mean `ecr:GetAuthorizationToken`?");
//! ```

mod document;
mod finding;
mod rule;
mod rules;
mod unquoted;

use crate::dossier::{Dossier, Form, Holder, Paper, Provider, Sheet};
use crate::json::{Limits, Node, ParseError, read_within};
use crate::policy::Kind;
use crate::{AccountId, Policy};

use document::Document;

pub use finding::{Edit, Finding};
pub use rule::{Rule, Severity};

/// What is known beside the document itself.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The account that the document is for, where the file does not say.
    pub account: Option<AccountId>,
    /// What kind of policy a bare document is; guessed from its statements where it is not told.
    pub kind: Option<Kind>,
    /// The OIDC providers.
    pub providers: Vec<Provider>,
    /// Is some role meant to be assumed with a token?
    pub uses_web_identity: bool,
}

impl Known {
    /// Takes in what a file tells that matters for others: providers, and whether tokens are used. What is not JSON
    /// tells nothing.
    pub fn learn(&mut self, text: &str) {
        let mut dossier = Dossier::new();
        if dossier.add("", text).is_err() {
            return;
        }
        self.providers.extend(dossier.providers().cloned());
        let trusts_tokens = |paper: &Paper| {
            let view = Document::of(&paper.node, Kind::Trust);
            paper.kind == Kind::Trust
                && view
                    .statements
                    .iter()
                    .any(|s| s.names_action("sts:AssumeRoleWithWebIdentity"))
        };
        self.uses_web_identity |= !self.providers.is_empty() || dossier.papers().any(|(_, paper)| trusts_tokens(paper));
    }
}

/// Checks the policies in a text: a bare document, or what the `aws` command or Terraform prints.
///
/// The findings come in the order of their places. What is no JSON at all is a finding of [`Rule::NotJson`].
pub fn check(text: &str, known: &Known) -> Vec<Finding> {
    let mut findings = match Sheet::read(text) {
        Ok(sheet) => of_sheet(text, &sheet, known),
        Err(error) => of_broken(text, &error, known),
    };
    findings.sort_by_key(|finding| (finding.at, finding.rule));
    findings.dedup_by(|a, b| (a.rule, a.at, &a.what) == (b.rule, b.at, &b.what));
    findings
}

/// The text with every edit made that is safe; all else stays byte for byte. What comes out has no finding with an
/// edit any more.
pub fn fix(text: &str, known: &Known) -> String {
    let mut text = text.to_owned();
    // Each round makes the edits that do not overlap; quoting comes before everything that needs JSON.
    for _ in 0..MOST_ROUNDS {
        let findings = check(&text, known);
        let fixed = finding::apply(&text, findings.iter().flat_map(|finding| &finding.edits));
        if fixed == text {
            break;
        }
        text = fixed;
    }
    text
}

fn of_sheet(text: &str, sheet: &Sheet, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    for paper in &sheet.papers {
        findings.extend(of_paper(paper, sheet.form == Form::Bare, known));
    }
    let Ok(root) = read_within(text, Limits::FILE) else {
        return findings;
    };
    match sheet.form {
        Form::Wrapped(keys) => findings.extend(wrapped(&root, keys, sheet.papers.first())),
        Form::Other => findings.extend(match Policy::of_node(&root) {
            Err(error) => Some(not_a_policy(&error)),
            Ok(_) => None,
        }),
        _ => {}
    }
    findings
}

fn of_paper(paper: &Paper, is_bare: bool, known: &Known) -> Vec<Finding> {
    let kind = known.kind.filter(|_| is_bare).unwrap_or(paper.kind);
    if paper.node.span.len() > Limits::DOCUMENT.bytes {
        let what = format!(
            "{} bytes, and no policy has more than {}",
            paper.node.span.len(),
            Limits::DOCUMENT.bytes
        );
        return vec![Finding::new(Rule::TooLong, paper.node.at, what, "Split it.")];
    }
    let mut document = Document::of(&paper.node, kind);
    document.account = paper.holder.account().or(known.account);
    document.is_of_role = matches!(paper.holder, Holder::Role { .. });
    let mut findings = Vec::new();
    match Policy::of_node(&paper.node) {
        Err(error) => findings.push(not_a_policy(&error)),
        Ok(policy) => findings.extend(policy.check(kind).err().map(|error| {
            Finding::new(
                Rule::MisplacedElement,
                error.position(),
                error.message(),
                "Take it out, or add what lacks.",
            )
        })),
    }
    rules::check(&document, known, &mut findings);
    if let Some(at) = paper.quoted_at {
        // Places within the string are not places of the file, and edits would have to be escaped.
        for finding in &mut findings {
            finding.what = format!("at {} of the document in this string: {}", finding.at, finding.what);
            finding.at = at;
            finding.edits.clear();
        }
    }
    findings
}

fn of_broken(text: &str, error: &ParseError, known: &Known) -> Vec<Finding> {
    let Some(quoted) = unquoted::quote(text) else {
        return vec![Finding::new(
            Rule::NotJson,
            error.position(),
            error.message(),
            "Write the document as JSON; keys and texts stand in double quotes.",
        )];
    };
    let mut findings = vec![Finding {
        edits: quoted.edits.clone(),
        ..Finding::new(
            Rule::UnquotedJson,
            error.position(),
            "this is JSON without its quotes, as some pages show it",
            "Put keys and texts into double quotes; --fix does it.",
        )
    }];
    for mut finding in check(&quoted.text, known) {
        finding.at = quoted.place_in(text, finding.at);
        finding.edits.clear();
        findings.push(finding);
    }
    findings
}

fn wrapped(root: &Node, keys: &str, paper: Option<&Paper>) -> Option<Finding> {
    let at = root.members().first().map_or(root.at, |member| member.at);
    let finding = Finding::new(
        Rule::WrappedDocument,
        at,
        format!("the document is wrapped in `{keys}`"),
        "Give the inner document alone, which begins with `Version` or `Statement`.",
    );
    let inner = paper.filter(|paper| paper.quoted_at.is_none())?.node.span.clone();
    Some(
        finding
            .with_edit(root.span.start..inner.start, "")
            .with_edit(inner.end..root.span.end, ""),
    )
}

fn not_a_policy(error: &ParseError) -> Finding {
    Finding::new(
        Rule::NotAPolicy,
        error.position(),
        error.message(),
        "Correct it: AWS refuses the document as malformed.",
    )
}

const MOST_ROUNDS: usize = 8;
