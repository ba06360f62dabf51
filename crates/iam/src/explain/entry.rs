//! How a session of the first role comes about: the provider that vouches for a token, and the trust in it.

use crate::request::{PolicySet, Request};
use crate::{Context, OidcProviderArn, Principal, Provider, RoleArn};

use super::chain::Chain;
use super::ladder::Status;
use super::question::Token;
use super::step::Step;
use super::verdict::{self, Gaps};

impl Chain<'_> {
    pub(super) fn enter(&mut self, role: &RoleArn, token: &Token) {
        let step = format!("OIDC provider for {} in account {}", token.issuer, role.account());
        let arn = match OidcProviderArn::of_issuer(role.partition(), role.account(), &token.issuer) {
            Ok(arn) => arn,
            Err(error) => {
                self.say(
                    step,
                    Status::Denied,
                    format!("No such provider can be registered: {error}."),
                );
                return;
            }
        };
        self.provider(step, &arn, token);
        if let Some(roles) = &token.roles {
            let named = roles.iter().any(|named| named == role.as_str());
            let (status, because) = match named {
                true => (Status::Allowed, "The token names the role.".to_owned()),
                false => (
                    Status::Denied,
                    format!(
                        "The token may be used for {} only. The issuer has to name this role.",
                        roles.join(", ")
                    ),
                ),
            };
            self.say(format!("Token pinned to role {}", role.name()), status, because);
        }
        let trust = self.dossier.trust(role.as_arn(), self.is_asked(role.as_arn()));
        let mut actions = vec!["sts:AssumeRoleWithWebIdentity"];
        if !token.tags.is_empty() {
            actions.push("sts:TagSession");
        }
        if token.has_source_identity {
            actions.push("sts:SetSourceIdentity");
        }
        for action in actions {
            let context = self.of_token(&arn, role, token);
            let policies = PolicySet {
                trust: trust.policies().into_iter().next(),
                ..PolicySet::default()
            };
            let context = verdict::settle(context, &policies.trust);
            let principal = Principal::Federated(arn.to_string());
            self.step(Step {
                title: format!("{action} on role {} with the token", role.name()),
                request: Request::new(principal, action, role.as_str(), context),
                policies,
                gaps: Gaps {
                    own: trust.has_gaps(),
                    ..Gaps::default()
                },
                identity: None,
                boundary: None,
                own: Some((role.as_arn(), &trust)),
            });
        }
        self.provider = Some(arn);
    }

    fn of_token(&self, provider: &OidcProviderArn, role: &RoleArn, token: &Token) -> Context {
        let mut context = self
            .context()
            .with(&provider.condition_key("aud"), &token.audience)
            .with(&provider.condition_key("sub"), &token.subject)
            .without(&provider.condition_key("amr"))
            .without("aws:PrincipalArn");
        for (key, value) in &token.tags {
            context = context
                .with(&format!("aws:RequestTag/{key}"), value)
                .with("aws:TagKeys", key);
        }
        match &token.roles {
            Some(roles) => {
                let named = roles.iter().any(|named| named == role.as_str());
                context.with("sts:RoleAuthorizedByIdp", named.to_string())
            }
            None => context,
        }
    }

    fn provider(&mut self, step: String, arn: &OidcProviderArn, token: &Token) {
        let wanted = arn.host_and_path();
        let account = arn.account();
        let here = |provider: &&Provider| provider.account.is_none_or(|of| of == account);
        let known: Vec<&Provider> = self.dossier.providers().filter(here).collect();
        let fetch = format!(
            "aws iam get-open-id-connect-provider --open-id-connect-provider-arn {arn}   # in account {account}"
        );
        let exact: Vec<&Provider> = known.iter().copied().filter(|p| p.host_and_path == wanted).collect();
        let audiences: Vec<&str> = exact
            .iter()
            .filter_map(|provider| provider.audiences.as_ref())
            .flatten()
            .map(String::as_str)
            .collect();
        if audiences.contains(&token.audience.as_str()) {
            let because = format!("It is registered, and takes the audience {}.", token.audience);
            self.say(step, Status::Allowed, because);
            return;
        }
        if exact.iter().any(|provider| provider.audiences.is_some()) {
            let because = format!(
                "It takes the audiences {}, and the token is for {}.",
                audiences.join(", "),
                token.audience
            );
            let file = self
                .dossier
                .sheets
                .iter()
                .find(|sheet| sheet.providers.iter().any(|p| exact.contains(&p)));
            let file = file.map(|sheet| sheet.file.as_str());
            let change = self.changes.audience(arn, file, &audiences, &token.audience);
            let rung = self.say(step, Status::Denied, because);
            rung.aws_says = Some("InvalidIdentityToken: Incorrect token audience".to_owned());
            rung.changes.push(change);
            return;
        }
        if !exact.is_empty() {
            let because = "It is registered; which audiences it takes is not told.".to_owned();
            self.say(step, Status::Unknown, because).fetch.push(fetch);
            return;
        }
        let host = |name: &str| name.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let near = known
            .iter()
            .find(|provider| host(&provider.host_and_path) == host(wanted));
        let lists_all = self.dossier.sheets.iter().any(|sheet| {
            sheet.lists_providers && sheet.providers.iter().all(|provider| provider.account == Some(account))
        });
        let because = match near {
            Some(near) => format!(
                "Registered is https://{}, which is another issuer: AWS compares the whole URL, path and slashes \
                 included, and it has to equal the token's `iss`.",
                near.host_and_path
            ),
            None if lists_all => "It is not among the providers of the account.".to_owned(),
            None => {
                let because = "Whether it is registered is not told.".to_owned();
                self.say(step, Status::Unknown, because).fetch.push(fetch);
                return;
            }
        };
        let change = self.changes.new_provider(arn, &token.audience);
        let rung = self.say(step, Status::Denied, because);
        rung.aws_says = Some(format!(
            "InvalidIdentityToken: No OpenIDConnect provider found in your account for {}",
            token.issuer
        ));
        rung.changes.push(change);
    }

    /// Nobody said how the session of the first role comes about. Only a trust that asks for a token, or for another
    /// identity, makes that a question.
    pub(super) fn unsaid_entry(&mut self, role: &RoleArn) {
        let trust = self.dossier.trust(role.as_arn(), self.is_asked(role.as_arn()));
        let statements = trust
            .documents
            .iter()
            .flat_map(|document| document.named.policy().statements());
        let entries = statements
            .filter(|statement| statement.effect() == crate::Effect::Allow)
            .filter_map(|statement| statement.principals.as_ref())
            .flat_map(|principals| &principals.entries);
        let mut keys = Vec::new();
        for entry in entries {
            keys.push(entry.kind.key());
        }
        let because = if keys.contains(&"Service") || keys.is_empty() {
            return;
        } else if keys.contains(&"Federated") {
            "The role is assumed with a token, and its claims are not told: give them with --token-claims, or with \
             --iss, --aud and --sub."
        } else {
            "The role is assumed by another identity, which is not told: give it with --via."
        };
        self.say(
            format!("Session of role {}", role.name()),
            Status::Unknown,
            because.to_owned(),
        );
    }
}
