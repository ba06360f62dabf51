use thiserror::Error;

use crate::dossier::Holder;
use crate::json::{self, Node, ParseError, Value};
use crate::{Arn, RoleArn};

/// Who pulls from where, and how they come to be who they are.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) repository: Arn,
    /// Everybody on the way, in order; the last one pulls.
    pub(super) chain: Vec<Arn>,
    pub(super) token: Option<Token>,
    pub(super) external_id: Option<String>,
    pub(super) no_repository_policy: bool,
    pub(super) context: Vec<(String, String)>,
}

/// The claims of a token that STS looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub(super) issuer: String,
    /// What STS takes for the audience: `azp` where there is one.
    pub(super) audience: String,
    pub(super) subject: String,
    /// The session tags.
    pub(super) tags: Vec<(String, String)>,
    pub(super) has_source_identity: bool,
    /// The roles that it may be used for; any where the claim is missing.
    pub(super) roles: Option<Vec<String>>,
}

/// A question that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidQuestion(String);

impl Question {
    /// May this principal, a user or a role, pull from this repository?
    ///
    /// # Errors
    /// If the ARNs are of something else.
    pub fn new(repository: Arn, principal: Arn) -> Result<Self, InvalidQuestion> {
        if repository.resource_of("ecr", "repository").is_none() || repository.account().is_none() {
            return Err(InvalidQuestion(format!(
                "`{repository}` is not the ARN of a repository, arn:aws:ecr:REGION:ACCOUNT:repository/NAME"
            )));
        }
        Ok(Question {
            repository,
            chain: vec![user_or_role(principal)?],
            token: None,
            external_id: None,
            no_repository_policy: false,
            context: Vec::new(),
        })
    }

    /// Those who assume the principal's role, one after the other, the first one first. All but the first are roles.
    ///
    /// # Errors
    /// If one is neither a user nor a role, or if a user would have to be assumed.
    pub fn via(mut self, hops: Vec<Arn>) -> Result<Self, InvalidQuestion> {
        let hops = hops.into_iter().map(user_or_role).collect::<Result<Vec<_>, _>>()?;
        self.chain.splice(0..0, hops);
        // With a token the first one is assumed too.
        let assumed = self.chain.iter().skip(usize::from(self.token.is_none()));
        match assumed
            .into_iter()
            .find(|arn| RoleArn::try_from((*arn).clone()).is_err())
        {
            Some(user) => Err(InvalidQuestion(format!("`{user}` is a user, whom nobody can assume"))),
            None => Ok(self),
        }
    }

    /// The token that the first role is assumed with.
    ///
    /// # Errors
    /// If the first is a user.
    pub fn token(mut self, token: Token) -> Result<Self, InvalidQuestion> {
        if RoleArn::try_from(self.chain[0].clone()).is_err() {
            return Err(InvalidQuestion(format!(
                "`{}` is a user; only a role is assumed with a token",
                self.chain[0]
            )));
        }
        self.token = Some(token);
        Ok(self)
    }

    /// The external id that roles are assumed with.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.external_id = Some(id.into());
        self
    }

    /// The repository has no policy, rather than one that is not known.
    #[must_use]
    pub fn without_repository_policy(mut self) -> Self {
        self.no_repository_policy = true;
        self
    }

    /// The value of a condition key that is not known otherwise, `aws:SourceVpce`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((key.into(), value.into()));
        self
    }

    pub(super) fn principal(&self) -> &Arn {
        self.chain.last().expect("a question names who pulls")
    }
}

impl Token {
    /// A token with these claims and no others.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, subject: impl Into<String>) -> Self {
        Token {
            issuer: issuer.into(),
            audience: audience.into(),
            subject: subject.into(),
            tags: Vec::new(),
            has_source_identity: false,
            roles: None,
        }
    }

    /// Reads the claims of a token, a JSON object.
    ///
    /// # Errors
    /// If it is not JSON, or if `iss`, `aud` or `sub` is missing; with line and column.
    pub fn parse(claims: &str) -> Result<Self, ParseError> {
        let node = json::read(claims)?;
        let text = |key: &str| {
            let claim = node.member(key).and_then(Node::text);
            claim.ok_or_else(|| node.at.error(format!("the token has no claim `{key}` that is a text")))
        };
        let audience = match (node.member("azp").and_then(Node::text), node.member("aud")) {
            (Some(party), _) => party.to_owned(),
            (
                None,
                Some(Node {
                    value: Value::String(audience),
                    ..
                }),
            ) => audience.clone(),
            (None, Some(list)) => match list.items() {
                [one] => one
                    .text()
                    .map(str::to_owned)
                    .ok_or_else(|| one.at.error("an audience is a text"))?,
                _ => return Err(list.at.error("with several audiences a token needs the claim `azp`")),
            },
            (None, None) => return Err(node.at.error("the token has no claim `aud`")),
        };
        Ok(Token {
            tags: tags(&node),
            has_source_identity: node.member(SOURCE_IDENTITY).is_some(),
            roles: node.member(ROLES).map(roles),
            ..Token::new(text("iss")?, audience, text("sub")?)
        })
    }
}

/// "Pass session tags in AWS STS": each value stands in a list of one.
fn tags(node: &Node) -> Vec<(String, String)> {
    let tags = node.member(TAGS).and_then(|claim| claim.member("principal_tags"));
    let tags = tags.map_or(&[][..], Node::members);
    tags.iter()
        .filter_map(|tag| Some((tag.key.clone(), tag.node.one_or_many().first()?.text()?.to_owned())))
        .collect()
}

fn roles(node: &Node) -> Vec<String> {
    let texts = node.one_or_many().iter().filter_map(Node::text);
    texts
        .flat_map(|text| text.split(';'))
        .map(|role| role.trim().to_owned())
        .collect()
}

fn user_or_role(arn: Arn) -> Result<Arn, InvalidQuestion> {
    match Holder::of_arn(arn.as_str()) {
        Some(_) => Ok(arn),
        None => Err(InvalidQuestion(match RoleArn::try_from(arn) {
            Err(error) => error.to_string(),
            Ok(role) => format!("`{role}` is neither a role nor a user"),
        })),
    }
}

const TAGS: &str = "https://aws.amazon.com/tags";
const ROLES: &str = "https://aws.amazon.com/roles";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";
