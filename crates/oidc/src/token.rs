use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Serialize;

/// The longest that a token lives. STS needs it for the one exchange that follows its minting.
pub const MAX_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// On whose behalf: what the trust policy compares with `HOST/PATH:sub`.
    pub subject: String,
    /// For whom: a client id of the identity provider in AWS.
    pub audience: String,
    /// The ARN of the one role that the token may buy.
    pub role: Option<String>,
}

/// What a token says. Not a secret: without the signature nobody can use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The issuer's URL.
    pub iss: String,
    /// The subject.
    pub sub: String,
    /// The audience.
    pub aud: String,
    /// When it was minted, in seconds since 1970.
    pub iat: i64,
    /// Before when it does not count, in seconds since 1970.
    pub nbf: i64,
    /// From when on it does not count, in seconds since 1970.
    pub exp: i64,
    /// Its own name, 128 random bits in hexadecimal digits.
    pub jti: String,
    /// The roles that it may buy. STS compares before it looks at any trust policy.
    #[serde(rename = "https://aws.amazon.com/roles", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// A token and what it says.
#[derive(Debug)]
pub struct Minted {
    /// The token in compact form (RFC 7515 §3.1).
    pub token: SecretString,
    /// Its claims.
    pub claims: Claims,
}
