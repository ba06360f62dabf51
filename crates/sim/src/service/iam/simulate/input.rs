use std::sync::Arc;

use ::iam::{AccountId, Arn, Context, Kind, Policy};

use crate::{
    query::{Fault, Params, Pattern, Validation, malformed_policy},
    service::iam::{fault::invalid_input, pages::Pages},
    world::Document,
};

/// The parameters that both operations have.
pub(super) struct Input<'p> {
    policies: Vec<&'p str>,
    boundaries: Vec<&'p str>,
    pub(super) actions: Vec<&'p str>,
    resources: Vec<&'p str>,
    resource_policy: Option<&'p str>,
    owner: Option<&'p str>,
    caller: Option<&'p str>,
    entries: Vec<(String, Vec<&'p str>)>,
    pub(super) pages: Pages<'p>,
    handling: Option<&'p str>,
}

/// The parameters, understood.
pub(super) struct Parsed<'p> {
    pub(super) policies: Vec<Arc<Policy>>,
    /// None where the principal's own is to be taken.
    pub(super) boundary: Option<Arc<Policy>>,
    pub(super) resource_policy: Option<Arc<Policy>>,
    pub(super) owner: Option<AccountId>,
    /// The user who is to make the calls.
    pub(super) caller: Option<Arn>,
    pub(super) context: Vec<(String, Vec<String>)>,
    /// The characters of all policies.
    pub(super) size: usize,
    pub(super) pages: Pages<'p>,
    actions: Vec<&'p str>,
    resources: Vec<&'p str>,
}

impl<'p> Input<'p> {
    pub(super) fn read(params: &'p Params, check: &mut Validation<'p>, needs_policies: bool) -> Self {
        if needs_policies {
            check.present("PolicyInputList");
        }
        check.present("ActionNames");
        let documents = |check: &mut Validation<'p>, name| check.list(name, usize::MAX, 1..=131_072, Pattern::DOCUMENT);
        let mut entries = Vec::new();
        for (number, prefix) in (1..).zip(params.structures("ContextEntries")) {
            let key = params.text(&format!("{prefix}ContextKeyName")).unwrap_or_default();
            let at = format!("contextEntries.{number}.member.contextKeyName");
            check.check(&at, key, 5..=256, Pattern::ANY);
            if let Some(of) = params.text(&format!("{prefix}ContextKeyType")) {
                check.check_choice(
                    &format!("contextEntries.{number}.member.contextKeyType"),
                    of,
                    &KEY_TYPES,
                );
            }
            entries.push((key.to_owned(), params.list(&format!("{prefix}ContextKeyValues"))));
        }
        Self {
            policies: documents(check, "PolicyInputList"),
            boundaries: documents(check, "PermissionsBoundaryPolicyInputList"),
            actions: check.list("ActionNames", usize::MAX, 3..=128, Pattern::ANY),
            resources: check.list("ResourceArns", usize::MAX, 1..=2048, Pattern::ANY),
            resource_policy: check.optional("ResourcePolicy", 1..=131_072, Pattern::DOCUMENT),
            owner: check.optional("ResourceOwner", 1..=2048, Pattern::ANY),
            caller: check.optional("CallerArn", 1..=2048, Pattern::ANY),
            entries,
            pages: Pages::read(check),
            handling: check.optional("ResourceHandlingOption", 1..=64, Pattern::ANY),
        }
    }

    pub(super) fn parse(self) -> Result<Parsed<'p>, Fault> {
        if self.handling.is_some() {
            return Err(Fault::not_simulated("scenarios of EC2", "ResourceHandlingOption"));
        }
        if self.boundaries.len() > 1 {
            return Err(invalid_input("There can be only one permissions boundary."));
        }
        for action in &self.actions {
            let is_action = action.split_once(':').is_some_and(|(service, name)| {
                let is_part =
                    |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                is_part(service) && is_part(name)
            });
            if !is_action {
                return Err(invalid_input(format!("Invalid Action Name : {action}")));
            }
        }
        let texts = self
            .policies
            .iter()
            .chain(&self.boundaries)
            .chain(&self.resource_policy);
        Ok(Parsed {
            size: texts.map(|text| text.len()).sum(),
            policies: self
                .policies
                .iter()
                .map(|text| policy(text, Kind::Identity))
                .collect::<Result<_, _>>()?,
            boundary: self
                .boundaries
                .first()
                .map(|text| policy(text, Kind::Boundary))
                .transpose()?,
            resource_policy: self
                .resource_policy
                .map(|text| policy(text, Kind::Resource))
                .transpose()?,
            owner: self.owner.map(owner).transpose()?,
            caller: self.caller.map(caller).transpose()?,
            context: self
                .entries
                .into_iter()
                .map(|(key, values)| (key, values.into_iter().map(str::to_owned).collect()))
                .collect(),
            pages: self.pages,
            actions: self.actions,
            resources: self.resources,
        })
    }
}

impl<'p> Parsed<'p> {
    /// Every action with every resource; `*` where no resource is named.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'p str, &'p str)> {
        let everything: &[&'p str] = &["*"];
        let resources = if self.resources.is_empty() {
            everything
        } else {
            &self.resources
        };
        let actions = self.actions.iter();
        actions.flat_map(move |action| resources.iter().map(move |resource| (*action, *resource)))
    }

    /// Adds what the request says of condition keys; it wins over what was there.
    pub(super) fn complete(&self, context: Context) -> Context {
        self.context.iter().fold(context, |context, (key, values)| {
            context.without(key).with_all(key, values.iter().map(String::as_str))
        })
    }
}

/// The words of these operations for a bad policy are not known; those of the ones that store policies stand in.
fn policy(text: &str, kind: Kind) -> Result<Arc<Policy>, Fault> {
    match Document::read(text, kind) {
        Ok(document) => Ok(document.policy),
        Err(error) => Err(invalid_input(malformed_policy(text, kind, &error).message)),
    }
}

/// An account by its root's ARN or by its number.
fn owner(text: &str) -> Result<AccountId, Fault> {
    let account = text
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.strip_suffix(":root"))
        .unwrap_or(text);
    account
        .parse()
        .map_err(|_| invalid_input(format!("Invalid Resource Owner : {text}")))
}

/// Only users can be asked to make the calls.
fn caller(text: &str) -> Result<Arn, Fault> {
    let arn = text.parse::<Arn>().ok();
    arn.filter(|arn| arn.service() == "iam" && arn.account().is_some() && arn.resource().starts_with("user/"))
        .ok_or_else(|| invalid_input(format!("Invalid Caller Arn : {text}")))
}

/// `ContextKeyTypeEnum` of the service model. What a value is, the operator of the condition decides; the type only has to
/// be one.
const KEY_TYPES: [&str; 12] = [
    "string",
    "stringList",
    "numeric",
    "numericList",
    "boolean",
    "booleanList",
    "ip",
    "ipList",
    "binary",
    "binaryList",
    "date",
    "dateList",
];
