use crate::json::{self, Node, ParseError, Value};
use crate::{AccountId, Arn, Context, Evaluation, PolicySet, Request, Statement, decide, evaluate};

use super::fields::{Fields, shown, text};
use super::{LIMITS, Problem, context, policies, principal};

/// The longest action, in bytes; AWS's are far shorter.
const MAX_ACTION_BYTES: usize = 128;

/// The longest text that the reasons of an answer may repeat of the request, in bytes: every statement tells the action
/// and the resource that it found, and every condition the values.
const MAX_FOUND_BYTES: usize = 64 * 1024 * 1024;

const FIELDS: [&str; 7] = [
    "principal",
    "action",
    "resource",
    "resourceAccount",
    "context",
    "contextIs",
    "policies",
];

/// A request, and the policies that have a say about it.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who wants to do what.
    pub request: Request,
    /// Every policy that has a say.
    pub policies: PolicySet,
}

impl Question {
    /// Reads a question as JSON.
    ///
    /// `principal`, `action` and `resource` have to be there; `resourceAccount`, `context`, `contextIs` and `policies`
    /// may be left out. A key that the context does not have is absent; with `"contextIs": "partial"` it is not known.
    ///
    /// # Errors
    /// If it is no JSON, has a member that is not known, lacks one, has a value that cannot be, or is over a limit; if
    /// a policy is malformed, or may not be attached to what it is given for.
    pub fn parse(text: &str) -> Result<Question, Problem> {
        let root = json::read_within(text, LIMITS).map_err(Problem::of_text)?;
        read(&root).map_err(|error| Problem::of_value(error, &root))
    }

    /// The answer with its reasons.
    pub fn evaluate(&self) -> Evaluation {
        evaluate(&self.request, &self.policies)
    }

    /// The answer without reasons.
    pub fn decide(&self) -> crate::Decision {
        decide(&self.request, &self.policies)
    }

    fn statements(&self) -> impl Iterator<Item = &Statement> {
        let PolicySet {
            identity,
            resource,
            boundary,
            session,
            service_control,
            resource_control,
            trust,
        } = &self.policies;
        let lists = [identity, boundary, session].into_iter().flatten();
        let levels = service_control.iter().chain(resource_control).flatten();
        let all = lists.chain(levels).chain(resource).chain(trust);
        all.flat_map(|named| named.policy().statements())
    }

    /// What the reasons would repeat of the request, in bytes.
    fn found_bytes(&self) -> usize {
        let Request { action, resource, .. } = &self.request;
        let each = action.len() + resource.len() + self.request.principal.to_string().len();
        let in_conditions = |statement: &Statement| {
            let keys = statement.conditions().iter().map(|condition| condition.key());
            let values = keys.flat_map(|key| self.request.context.values(key));
            values.map(String::len).sum::<usize>()
        };
        self.statements().map(|statement| each + in_conditions(statement)).sum()
    }
}

fn read(root: &Node) -> Result<Question, ParseError> {
    let fields = Fields::of(root, "a request", &FIELDS)?;
    let principal = principal::read(fields.need("principal", "who asks")?)?;
    let action = action(fields.need("action", "for example ecr:BatchGetImage")?)?;
    let (resource, named) = resource(fields.need("resource", "an ARN, or * for an action that is done to none")?)?;
    let resource_account = fields.find("resourceAccount").map(account).transpose()?;
    if let (Some(account), Some(named), Some(node)) = (resource_account, named, fields.find("resourceAccount"))
        && account != named
    {
        let message = format!("the resource's account is {account} here, and {named} in its ARN");
        return Err(node.at.error(message));
    }
    let context = context::read(fields.find("context"), empty_context(fields.find("contextIs"))?)?;
    let question = Question {
        request: Request {
            principal,
            action,
            resource,
            resource_account,
            context,
        },
        policies: policies::read(fields.find("policies"))?,
    };
    if question.found_bytes() > MAX_FOUND_BYTES {
        let message = format!("the reasons would repeat more than {MAX_FOUND_BYTES} bytes of the request");
        return Err(root.at.error(message));
    }
    Ok(question)
}

/// `SERVICE:ACTION`, without wildcards: somebody does one thing.
fn action(node: &Node) -> Result<String, ParseError> {
    let action = text(node, "the action", MAX_ACTION_BYTES)?;
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    match action.split_once(':') {
        Some((service, name)) if is_word(service) && is_word(name) => Ok(action.to_owned()),
        _ => Err(node.at.error(format!(
            "`{}` is no action of a request; expected: SERVICE:ACTION without wildcards, for example ecr:BatchGetImage",
            shown(action)
        ))),
    }
}

/// An ARN, and the account in it; `*` for no resource. What is behind the account may be anything: the key of an object
/// in a bucket may have spaces.
fn resource(node: &Node) -> Result<(String, Option<AccountId>), ParseError> {
    let resource = text(node, "the resource", Arn::MAX_BYTES)?;
    if resource == "*" {
        return Ok((resource.to_owned(), None));
    }
    let error = |reason: &str| {
        node.at.error(format!(
            "`{}` {reason}; expected: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, or *",
            shown(resource)
        ))
    };
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let ["arn", partition, service, _, account, name] = parts.as_slice() else {
        return Err(error("is not an ARN"));
    };
    if partition.is_empty() || service.is_empty() || name.is_empty() {
        return Err(error("leaves the partition, the service or the resource empty"));
    }
    let account = match *account {
        "" | "aws" => None,
        digits => Some(
            digits
                .parse()
                .map_err(|cause| error(&format!("names no account ({cause})")))?,
        ),
    };
    Ok((resource.to_owned(), account))
}

fn account(node: &Node) -> Result<AccountId, ParseError> {
    let digits = text(node, "`resourceAccount`", 64)?;
    digits.parse().map_err(|error| node.at.error(format!("{error}")))
}

fn empty_context(node: Option<&Node>) -> Result<Context, ParseError> {
    let Some(node) = node else {
        return Ok(Context::complete());
    };
    match &node.value {
        Value::String(text) if text == "complete" => Ok(Context::complete()),
        Value::String(text) if text == "partial" => Ok(Context::partial()),
        _ => Err(node.at.error(
            "`contextIs` is `complete` (a key that is not given is absent) or `partial` (it is not known)".to_owned(),
        )),
    }
}
