use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    host::Region,
    identity::Identity,
    seal::{Purpose, Seal},
};

/// What an authorization token says: whose it is, for which region, until when. It names no account whose registry it
/// opens, because it opens every one in which its principal is allowed.
#[derive(Serialize, Deserialize)]
pub(crate) struct RegistryToken {
    pub(crate) identity: Identity,
    pub(crate) region: String,
    pub(crate) expires_millis: i64,
}

/// The password as registries get it: base64 of a JSON document in which only the times can be read.
#[derive(Serialize, Deserialize)]
struct Envelope {
    payload: String,
    datakey: String,
    version: String,
    #[serde(rename = "type")]
    kind: String,
    /// Seconds since 1970.
    expiration: i64,
}

impl RegistryToken {
    pub(crate) fn new(identity: Identity, region: &Region, expires: Timestamp) -> Self {
        Self {
            identity,
            region: region.as_str().to_owned(),
            expires_millis: expires.as_millisecond(),
        }
    }

    /// The password for the user `AWS`.
    pub(crate) fn password(&self, seal: &Seal) -> String {
        let envelope = Envelope {
            payload: seal.close(Purpose::Registry, self),
            // Real tokens carry the wrapped key of their payload; this one needs none.
            datakey: seal.close(Purpose::Registry, &"data key"),
            version: "2".to_owned(),
            kind: "DATA_KEY".to_owned(),
            expiration: self.expires_millis.div_euclid(1000),
        };
        STANDARD.encode(serde_json::to_vec(&envelope).expect("the envelope holds texts and a number"))
    }

    /// Reads a password; none where it is not one of this AWS.
    pub(crate) fn read(seal: &Seal, password: &str) -> Option<Self> {
        let envelope = STANDARD.decode(password).ok()?;
        let envelope = serde_json::from_slice::<Envelope>(&envelope).ok()?;
        seal.open(Purpose::Registry, &envelope.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SealKey;

    #[test]
    fn a_password_is_read_back_by_the_aws_that_made_it() {
        let seal = Seal::new(&SealKey::generate());
        let expires = "2026-11-20T12:00:00Z".parse().unwrap();
        let identity = Identity::Root("111122223333".parse().unwrap());
        let password = RegistryToken::new(identity.clone(), &Region::us_east_1(), expires).password(&seal);
        let token = RegistryToken::read(&seal, &password).unwrap();
        assert_eq!((token.identity, token.region.as_str()), (identity, "us-east-1"));
        assert_eq!(token.expires_millis, expires.as_millisecond());
        assert!(RegistryToken::read(&Seal::new(&SealKey::generate()), &password).is_none());
        assert!(RegistryToken::read(&seal, "secret").is_none());
    }
}
