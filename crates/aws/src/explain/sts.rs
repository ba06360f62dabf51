use iam::{AccountId, OidcProviderArn, RoleArn};

use crate::{AwsError, Document, Kind, RegistryHost};

use super::Failure;

/// What the token says that STS was shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    /// Whether it tags the session.
    pub(crate) is_tagged: bool,
}

/// What a refusal of AssumeRoleWithWebIdentity means.
pub(crate) fn web_identity(role: &RoleArn, claims: &Shown, host: &RegistryHost, failure: Failure) -> AwsError {
    let tried = format!(
        "sts:AssumeRoleWithWebIdentity in {} for the role {role} with a token of iss `{}`, aud `{}`, sub `{}`",
        host.region(),
        claims.iss,
        claims.aud,
        claims.sub
    );
    let general = failure.explain_generally(tried, "AWS STS");
    let Failure::Answered { code, message, .. } = &failure else {
        return general;
    };
    let account = role.account();
    let provider = format!(
        "arn:{}:iam::{account}:oidc-provider/{}",
        role.partition(),
        claims.iss.strip_prefix("https://").unwrap_or(&claims.iss)
    );
    let refused = |cause: String, fix: String| AwsError {
        kind: Kind::Refused,
        cause,
        fix,
        ..general.clone()
    };
    match (code.as_str(), message.as_str()) {
        ("InvalidIdentityToken", message) if message.starts_with("No OpenIDConnect provider found") => refused(
            format!("the account {account} has no identity provider whose URL is exactly `{}`, path and letters included", claims.iss),
            format!(
                "in that account: aws iam create-open-id-connect-provider --url {} --client-id-list {}",
                claims.iss, claims.aud
            ),
        ),
        ("InvalidIdentityToken", message) if message.starts_with("Incorrect token audience") => refused(
            format!("the identity provider in the account {account} does not list `{}` among its client ids", claims.aud),
            format!(
                "in that account: aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {provider} --client-id {}",
                claims.aud
            ),
        ),
        ("InvalidIdentityToken", message) if message.starts_with("Couldn't retrieve verification key") => refused(
            "STS could not fetch the issuer's discovery document or its key set: not public, behind a firewall, slower than 5 s, a certificate that is not publicly trusted, or keys that changed a moment ago".to_owned(),
            format!("from outside your network: curl {}/.well-known/openid-configuration, then its jwks_uri", claims.iss),
        ),
        ("InvalidIdentityToken", message) if message.contains("thumbprint") => refused(
            format!("the certificate at `{}` was renewed by another authority than the provider's thumbprints name", claims.iss),
            format!("in the account {account}: aws iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn {provider} --thumbprint-list …"),
        ),
        ("InvalidIdentityToken", _) => refused(
            "STS does not take the token as it is: another key signed it, a claim is missing, or it names other roles".to_owned(),
            format!("compare the token's claims with the identity provider {provider}; check that `{}` serves this installation's key set", claims.iss),
        ),
        ("ExpiredTokenException", _) => refused(
            "the token was too old when it arrived: this machine's clock is behind by more than a few minutes".to_owned(),
            "set the clock (timedatectl status)".to_owned(),
        ),
        ("IDPCommunicationError", _) => AwsError {
            kind: Kind::Unavailable,
            ..refused(
                "STS could not reach the issuer this time".to_owned(),
                format!("try again; if it stays, from outside your network: curl {}/.well-known/openid-configuration", claims.iss),
            )
        },
        ("IDPRejectedClaim", _) => refused(
            "the issuer's provider rejects the token's claim".to_owned(),
            format!("compare the token's claims with the identity provider {provider}"),
        ),
        ("AccessDenied", _) => AwsError {
            document: trust_policy(&provider, role, claims),
            ..refused(
                format!("the trust policy of the role does not let this token in: it names another provider, or its conditions want another `sub` than `{}` or another `aud` than `{}`; a role that does not exist looks the same", claims.sub, claims.aud),
                format!(
                    "in the account {account}: aws iam update-assume-role-policy --role-name {} --policy-document '{}'",
                    role.name(),
                    trust_policy_in_one_line(&provider, claims).unwrap_or_default()
                ),
            )
        },
        ("RegionDisabledException", _) => region_disabled(account, host, &general),
        ("ValidationError", _) => refused(
            "STS does not take a parameter of the request".to_owned(),
            format!("check the role's ARN `{role}` and its maximum session duration"),
        ),
        _ => general,
    }
}

/// A region can be switched off for STS in an account.
pub(super) fn region_disabled(account: AccountId, host: &RegistryHost, general: &AwsError) -> AwsError {
    AwsError {
        kind: Kind::Refused,
        cause: format!(
            "STS is switched off for the region {} in the account {account}",
            host.region()
        ),
        fix: format!(
            "in that account: IAM console, Account settings, activate STS for {}",
            host.region()
        ),
        ..general.clone()
    }
}

fn trust_policy(provider: &str, role: &RoleArn, claims: &Shown) -> Option<Document> {
    let text = generated(provider, claims)?.to_string();
    Some(Document {
        purpose: format!("trust policy of the role {role}"),
        text,
    })
}

fn trust_policy_in_one_line(provider: &str, claims: &Shown) -> Option<String> {
    Some(generated(provider, claims)?.compact())
}

fn generated(provider: &str, claims: &Shown) -> Option<iam::generate::Document> {
    let provider: OidcProviderArn = provider.parse().ok()?;
    Some(match claims.is_tagged {
        true => iam::generate::web_identity_trust_with_tags(&provider, &claims.aud, &claims.sub),
        false => iam::generate::web_identity_trust(&provider, &claims.aud, &claims.sub),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(status: u16, code: &str, message: &str) -> AwsError {
        let role = "arn:aws:iam::111122223333:role/wharfinger-pull".parse().unwrap();
        let claims = Shown {
            iss: "https://images.example.com/oidc".into(),
            sub: "acme".into(),
            aud: "sts.amazonaws.com".into(),
            ..Shown::default()
        };
        let host = "111122223333.dkr.ecr.us-east-1.amazonaws.com".parse().unwrap();
        let failure = Failure::Answered {
            status,
            code: code.into(),
            message: message.into(),
        };
        web_identity(&role, &claims, &host, failure)
    }

    #[test]
    fn what_was_tried_and_said_is_always_there() {
        let error = explain(400, "SomethingNew", "a message");
        for part in [
            "role/wharfinger-pull",
            "https://images.example.com/oidc",
            "`acme`",
            "us-east-1",
        ] {
            assert!(error.tried.contains(part), "{}", error.tried);
        }
        assert_eq!(error.said, "SomethingNew (HTTP 400): a message");
    }

    #[test]
    fn each_row_of_the_table_has_its_fix() {
        let invalid = "InvalidIdentityToken";
        for (status, code, message, kind, fix) in [
            (
                400,
                invalid,
                "No OpenIDConnect provider found in your account for https://x",
                Kind::Refused,
                "create-open-id-connect-provider --url https://images.example.com/oidc --client-id-list sts.amazonaws.com",
            ),
            (
                400,
                invalid,
                "Incorrect token audience",
                Kind::Refused,
                "add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn arn:aws:iam::111122223333:oidc-provider/images.example.com/oidc",
            ),
            (
                400,
                invalid,
                "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
                Kind::Refused,
                "curl https://images.example.com/oidc/.well-known/openid-configuration",
            ),
            (
                400,
                invalid,
                "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
                Kind::Refused,
                "update-open-id-connect-provider-thumbprint",
            ),
            (
                400,
                invalid,
                "Missing a required claim: aud",
                Kind::Refused,
                "compare the token's claims",
            ),
            (400, "ExpiredTokenException", "Token expired", Kind::Refused, "clock"),
            (400, "IDPCommunicationError", "", Kind::Unavailable, "try again"),
            (403, "IDPRejectedClaim", "", Kind::Refused, "claims"),
            (
                403,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
                Kind::Refused,
                "update-assume-role-policy --role-name wharfinger-pull",
            ),
            (
                403,
                "RegionDisabledException",
                "",
                Kind::Refused,
                "activate STS for us-east-1",
            ),
            (400, "ValidationError", "", Kind::Refused, "maximum session duration"),
            (400, "Throttling", "Rate exceeded", Kind::Throttled, "later"),
            (503, "ServiceUnavailable", "", Kind::Unavailable, "later"),
        ] {
            let error = explain(status, code, message);
            assert_eq!(error.kind, kind, "{code} {message}");
            assert!(error.fix.contains(fix), "{code} {message}: {}", error.fix);
        }
    }

    #[test]
    fn a_refused_token_comes_with_the_trust_policy_that_lets_it_in() {
        let document = explain(
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        )
        .document
        .unwrap();
        assert!(document.purpose.contains("role/wharfinger-pull"));
        assert!(
            document.text.contains("\"images.example.com/oidc:sub\": \"acme\""),
            "{}",
            document.text
        );
    }
}
