//! Trust in the tokens of OIDC providers.
//!
//! "Creating a role for web identity or OpenID Connect federation" of the IAM user guide; which claims become keys is
//! in "IAM and AWS STS condition context keys".

use crate::OidcProviderArn;
use crate::catalog::{is_built_in, is_passed_on};
use crate::lint::document::{Condition, Document, Statement, is_placeholder};
use crate::lint::{Finding, Known, Rule};
use crate::policy::Kind;

pub(super) fn check(document: &Document<'_>, known: &Known, found: &mut Vec<Finding>) {
    for statement in document.statements.iter().filter(|_| document.kind == Kind::Trust) {
        let providers: Vec<OidcProviderArn> = statement
            .principals_of("Federated")
            .filter_map(|text| OidcProviderArn::try_from(text.arn()?).ok())
            .collect();
        let keys: Vec<Key<'_>> = statement.conditions.iter().filter_map(Key::of).collect();
        for key in &keys {
            spelling(key, &providers, found);
        }
        if !statement.allows || !statement.has_action("sts:AssumeRoleWithWebIdentity") || providers.is_empty() {
            continue;
        }
        lacking(statement, &keys, found);
        for key in &keys {
            subjects(key, found);
            audiences(key, known, document, found);
        }
        for provider in &providers {
            if document.account.is_some_and(|account| account != provider.account()) {
                let at = statement.principals_of("Federated").next().map(|text| text.node.at);
                found.push(Finding::new(
                    Rule::ProviderOfOtherAccount,
                    at.unwrap_or(statement.node.at),
                    format!("`{provider}` is registered in account {}", provider.account()),
                    "Register the issuer in the role's account, and name that provider.",
                ));
            }
        }
    }
}

/// A condition on a claim: `https://issuer.example/acme/:sub` is of `issuer.example/acme`.
struct Key<'a> {
    condition: &'a Condition<'a>,
    /// As it is written.
    issuer: &'a str,
    claim: &'a str,
}

impl<'a> Key<'a> {
    fn of(condition: &'a Condition<'a>) -> Option<Self> {
        let key = condition.key.key.as_str();
        let (issuer, claim) = key.rsplit_once(':')?;
        // Services have no dot in their prefix; CircleCI's own claims have a host of their own behind the colon.
        let is_issuer = issuer.contains("://") || issuer.split('/').next().is_some_and(|host| host.contains('.'));
        (is_issuer && !is_placeholder(key)).then_some(Key {
            condition,
            issuer,
            claim,
        })
    }

    fn without_scheme(&self) -> &'a str {
        self.issuer.split_once("://").map_or(self.issuer, |(_, rest)| rest)
    }

    fn plain_issuer(&self) -> &'a str {
        self.without_scheme().trim_end_matches('/')
    }

    fn is(&self, claim: &str) -> bool {
        self.claim.eq_ignore_ascii_case(claim)
    }
}

fn spelling(key: &Key<'_>, providers: &[OidcProviderArn], found: &mut Vec<Finding>) {
    let member = key.condition.key;
    let written = &member.key;
    let trusted = |issuer: &str| providers.iter().any(|provider| provider.host_and_path() == issuer);
    if trusted(key.issuer) {
        claim(key, found);
        return;
    }
    let plain = if trusted(key.without_scheme()) {
        key.without_scheme()
    } else {
        key.plain_issuer()
    };
    let (rule, what) = if key.issuer.contains("://") {
        (Rule::KeyWithScheme, "begins with a scheme")
    } else if key.issuer.ends_with('/') {
        (Rule::KeyWithTrailingSlash, "has a slash behind the issuer")
    } else {
        return other(key, providers, found);
    };
    let correct = format!("{plain}:{}", key.claim);
    let finding = Finding::new(
        rule,
        member.at,
        format!("`{written}` {what}"),
        format!("Write `{correct}`."),
    );
    // Only what the statement trusts is certain to be meant; and a key may stand under an operator once only.
    let is_taken = key.condition.block.node.member(&correct).is_some();
    if trusted(plain) && !is_taken {
        found.push(finding.with_edit(member.span.clone(), format!("\"{correct}\"")));
    } else {
        found.push(finding);
    }
}

fn other(key: &Key<'_>, providers: &[OidcProviderArn], found: &mut Vec<Finding>) {
    let Some(provider) = providers.first() else { return };
    if is_built_in(key.issuer) {
        return;
    }
    let member = key.condition.key;
    found.push(Finding::new(
        Rule::KeyOfOtherProvider,
        member.at,
        format!("`{}` is not of the provider `{}`", member.key, provider.host_and_path()),
        format!(
            "Write `{}`; or trust the provider whose URL is https://{} exactly.",
            provider.condition_key(key.claim),
            key.issuer
        ),
    ));
}

fn claim(key: &Key<'_>, found: &mut Vec<Finding>) {
    if is_passed_on(key.issuer, key.claim) {
        return;
    }
    found.push(Finding::new(
        Rule::UnusableClaim,
        key.condition.key.at,
        format!("AWS does not pass on `{}` of this issuer", key.claim),
        "Have the issuer say it in `sub`, or in session tags (aws:RequestTag/…).",
    ));
}

fn lacking(statement: &Statement<'_>, keys: &[Key<'_>], found: &mut Vec<Finding>) {
    let at = statement
        .principals_of("Federated")
        .next()
        .map_or(statement.node.at, |text| text.node.at);
    let unfilled = |claim: &str| {
        let mut conditions = statement.conditions.iter();
        conditions.any(|condition| is_placeholder(&condition.key.key) && condition.key.key.ends_with(claim))
    };
    let says_who = |key: &Key<'_>| !key.is("aud") && !key.is("amr") && !key.condition.operator.is_negated();
    let pinned = statement.on_key("sts:RoleAuthorizedByIdp").next().is_some();
    if !keys.iter().any(says_who) && !pinned && !unfilled(":sub") {
        found.push(Finding::new(
            Rule::WebIdentityWithoutSub,
            at,
            "no condition on `sub`",
            "Add the exact subject: \"StringEquals\": {\"HOST/PATH:sub\": \"SUBJECT\"}.",
        ));
    }
    if !keys.iter().any(|key| key.is("aud")) && !unfilled(":aud") {
        found.push(Finding::new(
            Rule::WebIdentityWithoutAud,
            at,
            "no condition on `aud`",
            "Add the audience: \"StringEquals\": {\"HOST/PATH:aud\": \"AUDIENCE\"}.",
        ));
    }
}

fn subjects(key: &Key<'_>, found: &mut Vec<Finding>) {
    let takes_wildcards = matches!(
        key.condition.operator.base_name(),
        "StringLike" | "ArnLike" | "ArnEquals"
    );
    for value in key.condition.values.iter().filter(|_| takes_wildcards && key.is("sub")) {
        if !value.text.is_empty() && value.text.chars().all(|c| matches!(c, '*' | '?' | ':' | '/')) {
            found.push(Finding::new(
                Rule::SubjectIsAnybody,
                value.node.at,
                format!("`{}` matches every subject", value.text),
                "Write the subject, or at least the part that is yours: `org/ORGANIZATION/*`.",
            ));
        }
    }
}

fn audiences(key: &Key<'_>, known: &Known, document: &Document<'_>, found: &mut Vec<Finding>) {
    let is_registered = |provider: &&crate::Provider| {
        provider.host_and_path() == key.plain_issuer()
            && (provider.account.is_none() || document.account.is_none() || provider.account == document.account)
    };
    let audiences: Vec<&String> = known
        .providers
        .iter()
        .filter(is_registered)
        .filter_map(crate::Provider::audiences)
        .flatten()
        .collect();
    let exact = key.condition.operator.base_name() == "StringEquals";
    if audiences.is_empty() || !key.is("aud") || !exact {
        return;
    }
    for value in &key.condition.values {
        if !value.is_placeholder() && !audiences.iter().any(|audience| *audience == value.text) {
            let listed: Vec<&str> = audiences.iter().map(|audience| audience.as_str()).collect();
            found.push(Finding::new(
                Rule::AudienceUnknownToProvider,
                value.node.at,
                format!("the provider does not take the audience `{}`", value.text),
                format!(
                    "It takes {}. Use one of these, or add yours: `aws iam add-client-id-to-open-id-connect-provider`.",
                    listed.join(", ")
                ),
            ));
        }
    }
}
