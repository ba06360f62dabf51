use iam::{OidcProviderArn, RoleArn};

use super::{Failure, credential, text::quoted, trust};
use crate::{AwsError, Cause, RegistryHost};

/// What the token says that STS was shown. All of it is empty where a token of somebody else cannot be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) sub: String,
    /// Whether it tags the session.
    pub(crate) is_tagged: bool,
    /// Whether it gives the session a source identity.
    pub(crate) has_source_identity: bool,
    /// Whether another issuer made it.
    pub(crate) is_foreign: bool,
}

/// What a refusal of AssumeRoleWithWebIdentity means.
pub(crate) fn web_identity(role: &RoleArn, claims: &Shown, host: &RegistryHost, failure: &Failure) -> AwsError {
    let call = format!("sts:AssumeRoleWithWebIdentity in {} for the role {role}", host.region());
    let tried = match claims.is_readable() {
        true => format!(
            "{call} with a token of iss `{}`, aud `{}`, sub `{}`",
            claims.iss, claims.aud, claims.sub
        ),
        false => format!("{call} with a token whose claims cannot be read here"),
    };
    failure.explained(&tried, "AWS STS", |code, message| match code {
        "InvalidIdentityToken" | "InvalidIdentityTokenException" => invalid(role, claims, message),
        "ExpiredToken" | "ExpiredTokenException" => expired(claims),
        code if code.starts_with("IDPCommunicationError") => unreachable_issuer(claims),
        "IDPRejectedClaim" | "IDPRejectedClaimException" => vec![Cause::new(
            "the issuer does not stand by the token any more: it was revoked, or its subject is gone",
            "look at the issuer's own log",
            "get a new token from the issuer; if it is refused too, make the subject valid there",
        )],
        "AccessDenied" | "AccessDeniedException" => trust::web_identity(role, claims),
        "RegionDisabledException" => credential::region_disabled(role.account(), host),
        "ValidationError" => vec![Cause::new(
            "STS does not take a parameter of the request: a token has 4 to 20,000 characters, a session's name 2 to 64",
            "the message says which parameter it is",
            format!("check the token, the role's ARN `{role}` and the session's name"),
        )],
        "InternalFailure" if claims.is_foreign => vec![Cause::new(
            "STS stumbles over the token: a claim has the value null",
            "decode the token's second part: its claims are JSON in base64url",
            "make the issuer leave such claims out",
        )],
        other => credential::session_policy(other),
    })
}

fn invalid(role: &RoleArn, claims: &Shown, message: &str) -> Vec<Cause> {
    if message.starts_with("No OpenIDConnect provider found") {
        return no_provider(role, claims);
    }
    if message.starts_with("Incorrect token audience") {
        return audience(role, claims);
    }
    if message.starts_with("Couldn't retrieve verification key") {
        return no_key(claims);
    }
    if message.contains("thumbprint") {
        let provider = claims.provider_text(role);
        return vec![Cause::new(
            "the certificate of the issuer's host was renewed by another authority than the provider's thumbprints name",
            format!(
                "aws iam get-open-id-connect-provider --open-id-connect-provider-arn {provider} --query ThumbprintList; compare it with the SHA-1 fingerprint of the last certificate that openssl s_client -showcerts shows for the host of jwks_uri"
            ),
            format!(
                "in the account {}: aws iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn {provider} --thumbprint-list FINGERPRINT (40 hexadecimal digits, of the topmost intermediate authority's certificate)",
                role.account()
            ),
        )];
    }
    if let Some(claim) = message.strip_prefix("Missing a required claim: ") {
        return vec![Cause::new(
            format!("the issuer leaves the claim `{claim}` out; STS needs iss, sub, aud, iat and exp"),
            "decode the token's second part: its claims are JSON in base64url",
            format!("make the issuer put `{claim}` into its tokens"),
        )];
    }
    unfit(role, claims)
}

fn no_provider(role: &RoleArn, claims: &Shown) -> Vec<Cause> {
    let account = role.account();
    let mut causes = Vec::new();
    match claims.provider(role) {
        Some(Ok(provider)) => causes.push(Cause::new(
            format!("the account {account} has no identity provider whose URL is exactly `{}`: the path, a slash at its end and capital letters count", claims.iss),
            format!("in the account {account}: aws iam list-open-id-connect-providers; expected is {provider}"),
            format!(
                "in that account: aws iam create-open-id-connect-provider --url {} --client-id-list {}",
                quoted(&claims.iss),
                quoted(&claims.aud)
            ),
        )),
        Some(Err(why)) => causes.push(Cause::new(
            format!("IAM can have no provider for such an issuer: {why}"),
            "compare the token's `iss` with the rules: https, no port, no query, at most 255 characters",
            "give the issuer a public URL that IAM takes",
        )),
        None => causes.push(Cause::new(
            format!("the account {account} has no identity provider for the issuer that the message names"),
            format!("in the account {account}: aws iam list-open-id-connect-providers"),
            "in that account: aws iam create-open-id-connect-provider, with the very URL of the message",
        )),
    }
    causes.push(Cause::new(
        format!("the provider was created in another account; STS looks in the role's own, {account}"),
        format!("compare the account of the provider's ARN with that of {role}"),
        format!("create the provider in the account {account} too, or name a role of the provider's account"),
    ));
    causes
}

fn audience(role: &RoleArn, claims: &Shown) -> Vec<Cause> {
    let (account, provider) = (role.account(), claims.provider_text(role));
    let aud = match claims.is_readable() {
        true => format!("`{}`", claims.aud),
        false => "the token's `aud`".to_owned(),
    };
    let client = match claims.is_readable() {
        true => quoted(&claims.aud),
        false => "AUDIENCE".to_owned(),
    };
    vec![
        Cause::new(
            format!("the identity provider in the account {account} does not list {aud} among its client ids"),
            format!(
                "in that account: aws iam get-open-id-connect-provider --open-id-connect-provider-arn {provider} --query ClientIDList"
            ),
            format!(
                "in that account: aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {provider} --client-id {client}"
            ),
        ),
        match claims.is_foreign {
            true => Cause::new(
                "the token was made for somebody else; where it has `azp`, that counts instead of `aud`",
                "decode the token's second part: its claims are JSON in base64url",
                "have the token made for a client id of the provider, such as `audience: sts.amazonaws.com` of a projected serviceAccountToken",
            ),
            false => Cause::new(
                "the source asks for another audience than the provider was set up for",
                "compare `audience` of the upstream's source with the provider's client ids",
                "set `audience` to one of the provider's client ids",
            ),
        },
    ]
}

fn no_key(claims: &Shown) -> Vec<Cause> {
    let curl = claims.discovery();
    vec![
        Cause::new(
            "the issuer's discovery document or its key set cannot be fetched by STS: not public, or behind a firewall",
            format!("from outside your network: {curl}, then its jwks_uri"),
            format!("let the whole internet read both, without a login; then {curl} has to work from anywhere"),
        ),
        Cause::new(
            "the token was signed by a key that the key set does not have: keys that changed a moment ago, or two installations with one URL",
            "compare `kid` in the token's first part with those in the key set",
            "publish a key long before signing with it; give every installation a URL of its own",
        ),
        Cause::new(
            "the issuer answers slower than within 5 s, or with a limit on requests",
            format!("time {curl}; the issuer's access log"),
            "serve the two documents as static objects, from any HTTPS host",
        ),
        Cause::new(
            "the certificate of the issuer's host is not publicly trusted, or its chain is incomplete",
            format!("{curl} from a machine without own CAs"),
            "serve the whole chain of a public authority, or register the authority's thumbprint with the provider",
        ),
    ]
}

fn unfit(role: &RoleArn, claims: &Shown) -> Vec<Cause> {
    let (provider, curl) = (claims.provider_text(role), claims.discovery());
    vec![
        Cause::new(
            "another key signed the token than the issuer shows: two installations with one URL, or an old key set",
            format!("{curl}: the key set at its jwks_uri has to have the `kid` of the token's first part"),
            "give every installation a URL of its own, and publish the key that signs",
        ),
        Cause::new(
            format!("the token is for other roles: its claim `https://aws.amazon.com/roles` does not name {role}"),
            "decode the token's second part: its claims are JSON in base64url",
            "have the role put into that claim, or the claim left out",
        ),
        Cause::new(
            "STS does not take the algorithm or the form of the key: RS256 to RS512 and ES256 to ES512 count, every key needs `kid`, and neither `use: enc` nor `key_ops` is taken",
            format!("look at the key set behind {curl}"),
            "publish a key of one of these algorithms, with `kid` and `use: sig`",
        ),
        Cause::new(
            "a claim is missing or not of its type, or the token is valid only later",
            format!(
                "compare the token's claims iss, sub, aud, iat, nbf and exp with the clock and with the provider {provider}"
            ),
            "correct the issuer; set its clock",
        ),
    ]
}

fn expired(claims: &Shown) -> Vec<Cause> {
    let slow = credential::clock(
        "the token was too old when it arrived: this machine's clock is behind by more than a few minutes",
    );
    if !claims.is_foreign {
        return vec![slow];
    }
    let stale = Cause::new(
        "the token's file was not renewed in time",
        "`exp` in the token's second part, in seconds since 1970, against date +%s",
        "have the file renewed by what writes it: the kubelet does so for a projected serviceAccountToken, nobody does so for a copy of it",
    );
    let clock = credential::clock("the clock of the machine that made the token is behind");
    vec![stale, clock]
}

fn unreachable_issuer(claims: &Shown) -> Vec<Cause> {
    let curl = claims.discovery();
    vec![
        Cause::new(
            "STS could not reach the issuer this time",
            format!("from outside your network: {curl}"),
            "try again",
        ),
        Cause::new(
            "the issuer is too slow, or limits how often it is asked",
            format!("time {curl}; the issuer's access log"),
            "serve the discovery document and the key set as static objects, from any HTTPS host",
        ),
    ]
}

impl Shown {
    pub(super) fn is_readable(&self) -> bool {
        !self.iss.is_empty()
    }

    /// The provider that the role's account needs for the issuer; an error where IAM takes none for it, nothing where
    /// the issuer is not known.
    pub(super) fn provider(&self, role: &RoleArn) -> Option<Result<OidcProviderArn, iam::ArnError>> {
        self.is_readable()
            .then(|| OidcProviderArn::of_issuer(role.partition(), role.account(), &self.iss))
    }

    fn provider_text(&self, role: &RoleArn) -> String {
        match self.provider(role) {
            Some(Ok(provider)) => quoted(provider.as_str()),
            _ => format!(
                "arn:{}:iam::{}:oidc-provider/HOST/PATH",
                role.partition(),
                role.account()
            ),
        }
    }

    /// The command that reads the issuer's discovery document.
    fn discovery(&self) -> String {
        let issuer = match self.is_readable() {
            true => self.iss.trim_end_matches('/'),
            false => "ISSUER",
        };
        format!("curl {}", quoted(&format!("{issuer}/.well-known/openid-configuration")))
    }
}

#[cfg(test)]
mod tests;
