use std::path::PathBuf;

use iam::RoleArn;
use serde::{Deserialize, Deserializer};

use crate::{Secret, Template, reading::parsed};

/// How an AWS identity begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Source {
    /// A token buys a session of a role.
    WebIdentity(WebIdentity),
    /// The key of an IAM user, or a session that somebody else made.
    AccessKey(AccessKey),
    /// What this machine has been given: environment, profile, token file, ECS, EKS, instance metadata. Only where the
    /// configuration of the machine allows it, too.
    Ambient {},
    /// Nobody. ECR Public alone lets nobody in.
    Anonymous {},
}

/// Which role the token buys, whose token it is, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, try_from = "WebIdentityForm")]
pub struct WebIdentity {
    /// The role, in the account that registered the issuer. Nothing where whoever pulls has to name it.
    pub role_arn: Option<RoleArn>,
    /// Roles that whoever pulls may name instead.
    pub allowed_roles: Vec<RoleArn>,
    /// A client id of the identity provider in that account. The own issuer's tokens are minted for it.
    pub audience: String,
    /// On whose behalf the own issuer's tokens are.
    pub subject: Template,
    /// Whose token it is.
    pub token: TokenOrigin,
}

/// Where the token comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum TokenOrigin {
    /// The own issuer mints it for the one exchange.
    #[default]
    Issuer,
    /// Another issuer's token lies in a file, which is read at every use: a cluster renews it there.
    File(PathBuf),
}

/// The key of an IAM user; with a session token, that of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessKey {
    /// Such as `AKIAIOSFODNN7EXAMPLE`.
    pub access_key_id: Secret,
    /// 40 characters.
    pub secret_access_key: Secret,
    /// Only with the keys of sessions.
    #[serde(default)]
    pub session_token: Option<Secret>,
}

/// The form in which a document writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WebIdentityForm {
    #[serde(default, deserialize_with = "role")]
    role_arn: Option<RoleArn>,
    #[serde(default, deserialize_with = "roles")]
    allowed_roles: Vec<RoleArn>,
    #[serde(default, deserialize_with = "audience")]
    audience: Option<String>,
    #[serde(default)]
    subject: Option<Template>,
    #[serde(default)]
    token: TokenOrigin,
}

impl WebIdentity {
    /// The audience where none is named: what AWS's documentation uses throughout.
    pub const DEFAULT_AUDIENCE: &'static str = "sts.amazonaws.com";
    /// How many roles may be allowed.
    pub const MAX_ROLES: usize = 100;

    /// The own issuer's token for this role, with everything else as it is where nothing is said.
    pub fn for_role(role: RoleArn) -> Self {
        Self {
            role_arn: Some(role),
            allowed_roles: Vec::new(),
            audience: Self::DEFAULT_AUDIENCE.to_owned(),
            subject: Template::team(),
            token: TokenOrigin::Issuer,
        }
    }

    /// The role for somebody who names this one, or none. Nothing where it is not allowed, or where one has to be named.
    pub fn role(&self, named: Option<&RoleArn>) -> Option<&RoleArn> {
        let Some(named) = named else {
            return self.role_arn.as_ref();
        };
        self.role_arn
            .iter()
            .chain(&self.allowed_roles)
            .find(|role| *role == named)
    }
}

impl TryFrom<WebIdentityForm> for WebIdentity {
    type Error = String;

    fn try_from(form: WebIdentityForm) -> Result<Self, String> {
        if form.role_arn.is_none() && form.allowed_roles.is_empty() {
            return Err(
                "neither `roleArn` nor `allowedRoles` is there; expected the role that the token buys, or the roles that a client may name".to_owned(),
            );
        }
        if form.allowed_roles.len() > Self::MAX_ROLES {
            return Err(format!(
                "allowedRoles: there are {} roles; at most {} are taken",
                form.allowed_roles.len(),
                Self::MAX_ROLES
            ));
        }
        if let TokenOrigin::File(path) = &form.token {
            if !path.is_absolute() {
                return Err(format!(
                    "token.file: `{}` is relative; expected the whole path of a token's file",
                    path.display()
                ));
            }
            // What a token of somebody else says is decided by whoever makes it; saying it here would change nothing.
            if let Some(field) = form
                .audience
                .as_ref()
                .map(|_| "audience")
                .or(form.subject.as_ref().map(|_| "subject"))
            {
                return Err(format!(
                    "`{field}` is there beside `token.file`; expected no {field}, for whoever writes that file decides about it"
                ));
            }
        }
        Ok(Self {
            role_arn: form.role_arn,
            allowed_roles: form.allowed_roles,
            audience: form.audience.unwrap_or_else(|| Self::DEFAULT_AUDIENCE.to_owned()),
            subject: form.subject.unwrap_or_else(Template::team),
            token: form.token,
        })
    }
}

fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RoleArn>, D::Error> {
    parsed(deserializer).map(Some)
}

fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RoleArn>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .collect()
}

/// IAM takes client ids of 1 to 255 characters (API reference, `AddClientIDToOpenIDConnectProvider`).
fn audience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let audience = String::deserialize(deserializer)?;
    if (1..=255).contains(&audience.chars().count()) && !audience.chars().any(char::is_control) {
        return Ok(Some(audience));
    }
    Err(serde::de::Error::custom(format!(
        "audience `{audience}` is not a client id; expected 1 to 255 characters"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ROLE: &str = "arn:aws:iam::111122223333:role/pull";

    fn read(value: serde_json::Value) -> Result<Source, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn each_source_is_read() {
        for value in [
            json!({"webIdentity": {"roleArn": ROLE}}),
            json!({"webIdentity": {"roleArn": ROLE, "token": "issuer", "subject": "org/{organization}"}}),
            json!({"webIdentity": {"roleArn": ROLE, "token": {"file": "/var/run/token"}}}),
            json!({"webIdentity": {"allowedRoles": [ROLE]}}),
            json!({"accessKey": {"accessKeyId": "AKIA", "secretAccessKey": {"file": "/run/key"}}}),
            json!({"accessKey": {"accessKeyId": {"env": "ID"}, "secretAccessKey": {"env": "KEY"}, "sessionToken": "t"}}),
            json!({"ambient": {}}),
            json!({"anonymous": {}}),
        ] {
            assert!(read(value.clone()).is_ok(), "{value}: {:?}", read(value.clone()));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_is_expected() {
        for (value, expected) in [
            (json!({"webIdentity": {}}), "`allowedRoles`"),
            (
                json!({"webIdentity": {"roleArn": ROLE, "token": {"file": "token"}}}),
                "the whole path",
            ),
            (
                json!({"webIdentity": {"roleArn": ROLE, "audience": "a", "token": {"file": "/t"}}}),
                "expected no audience",
            ),
            (
                json!({"webIdentity": {"roleArn": ROLE, "subject": "{team}", "token": {"file": "/t"}}}),
                "expected no subject",
            ),
            (json!({"webIdentity": {"roleArn": "pull"}}), "role"),
            (json!({"webIdentity": {"roleArn": ROLE, "audience": ""}}), "client id"),
            (json!({"webIdentity": {"roleArn": ROLE, "subject": "{team"}}), "{team"),
            (json!({"accessKey": {"accessKeyId": "AKIA"}}), "secretAccessKey"),
            (json!({"ambient": {"profile": "x"}}), "profile"),
            (json!({"ambient": {}, "anonymous": {}}), ""),
            (json!({"keyless": {}}), "webIdentity"),
        ] {
            let error = read(value.clone()).unwrap_err();
            assert!(error.contains(expected), "{value}: {error}");
        }
    }

    #[test]
    fn only_roles_that_are_allowed_can_be_named() {
        let [one, other, third]: [RoleArn; 3] =
            ["one", "other", "third"].map(|name| format!("arn:aws:iam::111122223333:role/{name}").parse().unwrap());
        let mut identity = WebIdentity::for_role(one.clone());
        identity.allowed_roles = vec![other.clone()];
        assert_eq!(identity.role(None), Some(&one));
        assert_eq!(identity.role(Some(&one)), Some(&one));
        assert_eq!(identity.role(Some(&other)), Some(&other));
        assert_eq!(identity.role(Some(&third)), None);
        identity.role_arn = None;
        assert_eq!(identity.role(None), None);
        assert_eq!(identity.role(Some(&one)), None);
    }
}
