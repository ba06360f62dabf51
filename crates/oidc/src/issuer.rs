use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use crate::{Claims, IssuerUrl, KeyError, MAX_LIFETIME, Minted, SessionTags, SigningKey, Wanted};

/// An issuer of OpenID Connect tokens: its URL, its key, and the two documents that make it known.
#[derive(Debug)]
pub struct Issuer {
    url: IssuerUrl,
    key: SigningKey,
}

impl Issuer {
    /// The issuer at `url` that signs with `key`.
    pub fn new(url: IssuerUrl, key: SigningKey) -> Self {
        Self { url, key }
    }

    /// The issuer's URL.
    pub fn url(&self) -> &IssuerUrl {
        &self.url
    }

    /// A new token, valid from now on for [`MAX_LIFETIME`].
    ///
    /// # Errors
    /// [`KeyError::Sign`] where the random source or the signature fails.
    pub fn mint(&self, wanted: Wanted, now: Timestamp) -> Result<Minted, KeyError> {
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| KeyError::Sign)?;
        let now = now.as_second();
        let claims = Claims {
            iss: self.url.as_str().to_owned(),
            sub: wanted.subject,
            aud: wanted.audience,
            iat: now,
            nbf: now,
            exp: now + MAX_LIFETIME.as_secs(),
            jti: hex::encode(id),
            roles: wanted.role.into_iter().collect(),
            tags: SessionTags::of(wanted.tags),
            source_identity: wanted.source_identity,
        };
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key.id() });
        let payload = serde_json::to_vec(&claims).map_err(|_| KeyError::Sign)?;
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes())?);
        Ok(Minted {
            token: SecretString::from(format!("{signed}.{signature}")),
            claims,
        })
    }

    /// The path of the discovery document on the issuer's host.
    pub fn discovery_path(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.url.path())
    }

    /// The path of the key set on the issuer's host.
    pub fn jwks_path(&self) -> String {
        format!("{}/.well-known/jwks.json", self.url.path())
    }

    /// The discovery document (OpenID Connect Discovery §3), as far as an issuer of tokens without a login has one.
    pub fn discovery(&self) -> String {
        json!({
            "issuer": self.url.as_str(),
            "jwks_uri": format!("https://{}{}", self.url.host(), self.jwks_path()),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["iss", "sub", "aud", "iat", "nbf", "exp", "jti"],
        })
        .to_string()
    }

    /// The key set (RFC 7517 §5).
    pub fn jwks(&self) -> String {
        json!({ "keys": [self.key.jwk()] }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
    use secrecy::ExposeSecret;

    fn issuer() -> Issuer {
        Issuer::new(
            "https://issuer.example.com/a".parse().unwrap(),
            SigningKey::generate().unwrap(),
        )
    }

    fn wanted() -> Wanted {
        Wanted {
            subject: "acme".into(),
            audience: "sts.amazonaws.com".into(),
            role: Some("arn:aws:iam::111122223333:role/pull".into()),
            ..Wanted::default()
        }
    }

    #[test]
    fn a_token_verifies_against_the_published_key_set() {
        let issuer = issuer();
        let minted = issuer.mint(wanted(), Timestamp::now()).unwrap();
        let token = minted.token.expose_secret();
        let keys: JwkSet = serde_json::from_str(&issuer.jwks()).unwrap();
        let header = decode_header(token).unwrap();
        let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&["sts.amazonaws.com"]);
        let claims = decode::<serde_json::Value>(token, &key, &validation).unwrap().claims;
        assert_eq!(claims["iss"], "https://issuer.example.com/a");
        assert_eq!(
            claims["https://aws.amazon.com/roles"],
            json!(["arn:aws:iam::111122223333:role/pull"])
        );
    }

    #[test]
    fn a_token_lives_five_minutes_and_has_a_name_of_its_own() {
        let (issuer, now) = (issuer(), Timestamp::from_second(1_700_000_000).unwrap());
        let (one, other) = (issuer.mint(wanted(), now).unwrap(), issuer.mint(wanted(), now).unwrap());
        assert_eq!(one.claims.exp - one.claims.iat, 300);
        assert_eq!(one.claims.iat, 1_700_000_000);
        assert_ne!(one.claims.jti, other.claims.jti);
    }

    #[test]
    fn tags_and_source_identity_stand_where_sts_reads_them() {
        let plain = issuer().mint(wanted(), Timestamp::now()).unwrap().claims;
        assert_eq!(
            (plain.tags.is_none(), plain.source_identity.is_none()),
            (true, true),
            "an empty claim would want sts:TagSession of the trust policy"
        );
        let wanted = Wanted {
            tags: vec![("team".into(), "acme".into()), ("client".into(), "ci".into())],
            source_identity: Some("acme-ci".into()),
            ..wanted()
        };
        let claims = serde_json::to_value(issuer().mint(wanted, Timestamp::now()).unwrap().claims).unwrap();
        assert_eq!(
            claims["https://aws.amazon.com/tags"],
            json!({
                "principal_tags": { "client": ["ci"], "team": ["acme"] },
                "transitive_tag_keys": ["client", "team"],
            })
        );
        assert_eq!(claims["https://aws.amazon.com/source_identity"], "acme-ci");
    }

    #[test]
    fn the_discovery_document_names_the_key_set_below_the_path() {
        let issuer = issuer();
        let document: serde_json::Value = serde_json::from_str(&issuer.discovery()).unwrap();
        assert_eq!(document["issuer"], "https://issuer.example.com/a");
        assert_eq!(
            document["jwks_uri"],
            "https://issuer.example.com/a/.well-known/jwks.json"
        );
        assert_eq!(issuer.jwks_path(), "/a/.well-known/jwks.json");
    }

    #[test]
    fn neither_token_nor_key_is_shown() {
        let issuer = issuer();
        let minted = issuer.mint(wanted(), Timestamp::now()).unwrap();
        let shown = format!("{minted:?} {issuer:?}");
        assert!(!shown.contains(minted.token.expose_secret()), "{shown}");
    }
}
