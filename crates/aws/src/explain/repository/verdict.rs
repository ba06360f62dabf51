use iam::{
    Arn, ConditionReason, Context, Dossier, Effect, ElementReason, Evaluation, LayerReason, Named, NearMiss, Policy,
    PolicySet, Principal, Request, StatementReason, Truth, explain::Question,
};

use super::{MAX_POLICY, identity};
use crate::{
    Cause, Document,
    explain::denial::{Denial, Side},
};

/// What the repository's policy says to the request.
pub(super) struct Verdict<'a> {
    denial: &'a Denial<'a>,
    text: &'a str,
    evaluation: Evaluation,
}

impl<'a> Verdict<'a> {
    pub(super) fn of(denial: &'a Denial<'a>, text: &'a str) -> Option<Self> {
        let policy = (text.len() <= MAX_POLICY).then(|| Policy::parse(text).ok())??;
        let principal = denial.principal.clone()?;
        let resource = denial.host.repository_arn(denial.repository);
        let mut context = Context::partial()
            .with("aws:SecureTransport", "true")
            .with("aws:ViaAWSService", "false")
            .with("aws:RequestedRegion", denial.host.region());
        if let Some(holder) = &denial.holder {
            context = context.with("aws:PrincipalArn", holder.as_str());
        }
        let request = Request::new(Principal::Aws(principal), &denial.action, resource, context);
        let policies = PolicySet {
            resource: Some(Named::new("the repository policy", policy)),
            ..PolicySet::default()
        };
        let evaluation = iam::evaluate(&request, &policies);
        Some(Self {
            denial,
            text,
            evaluation,
        })
    }

    pub(super) fn causes(&self) -> Vec<Cause> {
        let denial = self.denial;
        let allow = self.statement(Effect::Allow, Truth::Matched);
        let deny = self
            .statement(Effect::Deny, Truth::Matched)
            .or_else(|| self.statement(Effect::Deny, Truth::NotKnown));
        match (denial.side(), allow, deny) {
            (Side::DeniedByRepository, _, Some(deny)) => vec![self.denied_by(deny)],
            (Side::DeniedByRepository, ..) => vec![self.changed("denies it no more"), denial.denied_by_repository()],
            (Side::Repository, Some(allow), _) => {
                vec![
                    self.changed(&format!("allows it, by {}", self.place(allow))),
                    self.identity_lacks(allow),
                ]
            }
            (_, Some(allow), _) => vec![self.identity_lacks(allow)],
            (Side::Repository, None, _) if self.statement(Effect::Allow, Truth::NotKnown).is_some() => {
                vec![self.open_condition(), denial.identity_lacks()]
            }
            (Side::Repository, None, _) => vec![self.repository_lacks(), denial.identity_lacks()],
            (_, None, _) if denial.crosses_accounts() => vec![denial.identity_lacks(), self.repository_lacks()],
            _ => vec![identity(
                denial,
                &format!("the repository policy does not let it in, {}", self.nearest()),
            )],
        }
    }

    fn identity_lacks(&self, allow: &StatementReason) -> Cause {
        identity(
            self.denial,
            &format!("the repository policy allows it, by {}", self.place(allow)),
        )
    }

    fn repository_lacks(&self) -> Cause {
        let denial = self.denial;
        let why = format!(
            "the repository policy has no statement that allows {} to {}: {}",
            denial.action,
            denial.who(),
            self.nearest()
        );
        let Some((changes, document)) = self.merged() else {
            return Cause {
                why: Cause::new(why, "", "").why,
                ..denial.repository_lacks()
            };
        };
        let compact = serde_json::from_str::<serde_json::Value>(&document)
            .map(|value| value.to_string())
            .ok()
            .filter(|text| text.len() <= MAX_IN_COMMAND);
        let policy = compact.unwrap_or_else(|| "file://POLICY".to_owned());
        Cause::new(
            why,
            format!("in the account {}: {}", denial.account(), denial.look()),
            format!("{}: {}", changes, denial.set_policy(&policy)),
        )
        .with(Some(Document::new(
            format!(
                "policy of the repository {}, with the statements that it has",
                denial.repository
            ),
            &document,
        )))
    }

    /// A statement would allow it, but for a condition on something that only AWS sees; by its answer, that does not hold.
    fn open_condition(&self) -> Cause {
        let denial = self.denial;
        Cause::new(
            format!(
                "the repository policy allows {} to {} only under a condition that does not hold: {}",
                denial.action,
                denial.who(),
                self.nearest()
            ),
            "what the condition is about: the principal's organization or tags, or the network that this machine asks from",
            format!(
                "make the condition hold, or widen it: {}",
                denial.set_policy("file://POLICY")
            ),
        )
    }

    fn denied_by(&self, deny: &StatementReason) -> Cause {
        let conditions: Vec<_> = deny.conditions.iter().map(condition).collect();
        let when = match conditions.is_empty() {
            true => String::new(),
            false => format!(", whose condition holds: {}", conditions.join(", and ")),
        };
        Cause::new(
            format!(
                "the repository policy denies {} to {} expressly, by {}{when}; a deny wins over every allow",
                self.denial.action,
                self.denial.who(),
                self.place(deny)
            ),
            format!("in the account {}: {}", self.denial.account(), self.denial.look()),
            format!(
                "narrow {} so that it leaves {} out, or take it out; then aws ecr set-repository-policy",
                self.place(deny),
                self.denial.who()
            ),
        )
    }

    /// The policy and AWS's sentence do not go together.
    fn changed(&self, now: &str) -> Cause {
        Cause::new(
            format!("the repository policy was changed a moment ago: as it is now, it {now}"),
            format!(
                "in the account {}: {}; SetRepositoryPolicy in CloudTrail",
                self.denial.account(),
                self.denial.look()
            ),
            "try again in a minute",
        )
    }

    /// The whole policy with what it lacks for a pull, and what is different about it.
    fn merged(&self) -> Option<(String, String)> {
        let repository: Arn = self.denial.host.repository_arn(self.denial.repository).parse().ok()?;
        let question = Question::new(repository, self.denial.holder.clone()?).ok()?;
        let mut dossier = Dossier::new();
        dossier
            .add(
                &format!(
                    "{}/repository/{}/policy.json",
                    self.denial.account(),
                    self.denial.repository
                ),
                self.text,
            )
            .ok()?;
        let ladder = iam::explain::pull(&question, &dossier);
        // Only the repository's policy is known, so that nothing else can be told to change.
        let change = ladder
            .changes()
            .iter()
            .find(|change| change.command.starts_with("aws ecr set-repository-policy"))?;
        Some((change.what.join("; "), change.document.clone()))
    }

    fn layer(&self) -> Option<&LayerReason> {
        self.evaluation
            .layers()
            .iter()
            .find(|layer| layer.kind == iam::Kind::Resource)
    }

    fn statements(&self) -> &[StatementReason] {
        self.layer()
            .and_then(|layer| layer.policies.first())
            .map_or(&[], |policy| &policy.statements)
    }

    fn statement(&self, effect: Effect, truth: Truth) -> Option<&StatementReason> {
        self.statements()
            .iter()
            .find(|statement| statement.effect == effect && statement.truth == truth)
    }

    /// `the statement Sid`, or its number.
    fn place(&self, statement: &StatementReason) -> String {
        if let Some(sid) = &statement.sid {
            return format!("the statement {sid}");
        }
        let number = self.statements().iter().position(|other| other.at == statement.at);
        format!("the statement no. {}", number.map_or(1, |at| at + 1))
    }

    /// The statement that comes nearest to allowing it, and what keeps it from that.
    fn nearest(&self) -> String {
        let Some(near) = self
            .evaluation
            .near_misses()
            .find(|near| near.kind == iam::Kind::Resource)
        else {
            return "none of its statements allows anything".to_owned();
        };
        let NearMiss {
            statement,
            elements,
            conditions,
            ..
        } = near;
        let lacking: Vec<_> = elements
            .into_iter()
            .map(element)
            .chain(conditions.into_iter().map(condition))
            .collect();
        format!(
            "nearest comes {}, but {}",
            self.place(statement),
            lacking.join(", and ")
        )
    }
}

fn element(element: &ElementReason) -> String {
    format!(
        "its {} is {}, not {}",
        element.name,
        listed(&element.wanted),
        element.found
    )
}

fn condition(condition: &ConditionReason) -> String {
    let found = match &condition.found {
        Some(values) => listed(values),
        None if condition.truth == Truth::NotKnown => "a value that is not known here".to_owned(),
        None => "no such key".to_owned(),
    };
    format!(
        "{} on {} wants {}, and the request has {found}",
        condition.operator,
        condition.key,
        listed(&condition.wanted)
    )
}

fn listed(values: &[String]) -> String {
    match values {
        [] => "missing".to_owned(),
        few if few.len() <= 3 => few.join(" or "),
        many => format!("{} or {} others", many[..3].join(" or "), many.len() - 3),
    }
}

/// A command that is longer is no longer one to paste.
const MAX_IN_COMMAND: usize = 2000;
