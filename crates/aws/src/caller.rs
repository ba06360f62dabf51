use std::sync::Arc;

use iam::RoleArn;
use oci::Digest;

use crate::{Chain, Secret, SessionName, Source};

/// As whom AWS is called: everything on which it depends which login comes out. Two that are equal share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// How the identity comes about.
    pub chain: Arc<Chain>,
    /// The role of a web identity: the source's own, or the one that the client named out of those allowed.
    pub role: Option<RoleArn>,
    /// The subject of the own issuer's token.
    pub subject: String,
    /// The name of the role sessions.
    pub session_name: SessionName,
    /// The tags of the session.
    pub tags: Vec<(String, String)>,
    /// The source identity of the session.
    pub source_identity: Option<String>,
    /// A policy that narrows the last session.
    pub session_policy: Option<Arc<str>>,
}

impl Caller {
    /// The role whose session the hop at this place begins with, where it is one of the chain's.
    pub(crate) fn role_before(&self, at: usize) -> Option<&RoleArn> {
        match at.checked_sub(1) {
            Some(before) => self.chain.hops.get(before).map(|hop| &hop.role_arn),
            None => self.role.as_ref(),
        }
    }

    /// The role of the session at the chain's end.
    pub(crate) fn last_role(&self) -> Option<&RoleArn> {
        self.role_before(self.chain.hops.len())
    }

    /// A name for what this caller may see, which is the same whenever the caller is: 16 hexadecimal digits. No secret
    /// goes into it, and a key that is exchanged for another of the same id changes nothing.
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        let mut add = |part: &str| {
            text.push_str(part);
            text.push('\0');
        };
        match &self.chain.source {
            Source::WebIdentity(identity) => {
                add("webIdentity");
                add(self.role.as_ref().map_or("", RoleArn::as_str));
                add(&identity.audience);
                add(&self.subject);
                add(&format!("{:?}", identity.token));
            }
            Source::AccessKey(key) => {
                add("accessKey");
                match &key.access_key_id {
                    Secret::Inline(id) => add(secrecy::ExposeSecret::expose_secret(id)),
                    Secret::Elsewhere(place) => add(&format!("{place:?}")),
                }
            }
            Source::Ambient {} => add("ambient"),
            Source::Anonymous {} => add("anonymous"),
        }
        // Policies can tell sessions of one role apart by it (`aws:userid`).
        add(self.session_name.as_str());
        for hop in &self.chain.hops {
            add(hop.role_arn.as_str());
            add(hop.external_id.as_deref().unwrap_or_default());
        }
        for (key, value) in &self.tags {
            add(key);
            add(value);
        }
        add(self.source_identity.as_deref().unwrap_or_default());
        add(self.session_policy.as_deref().unwrap_or_default());
        Digest::of(text.as_bytes()).hex()[..16].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn caller(source: serde_json::Value) -> Caller {
        let source = serde_json::from_value(source).unwrap();
        Caller {
            chain: Arc::new(Chain::new(source, Vec::new(), None).unwrap()),
            role: None,
            subject: "acme".into(),
            session_name: SessionName::of(&["acme"]),
            tags: Vec::new(),
            source_identity: None,
            session_policy: None,
        }
    }

    #[test]
    fn whoever_may_see_something_else_has_another_fingerprint() {
        let key = |id: &str, secret: &str| {
            caller(json!({"accessKey": {"accessKeyId": id, "secretAccessKey": secret}})).fingerprint()
        };
        assert_eq!(key("AKIA1", "a"), key("AKIA1", "b"));
        let ambient = caller(json!({"ambient": {}}));
        let change = |change: &dyn Fn(&mut Caller)| {
            let mut changed = ambient.clone();
            change(&mut changed);
            changed.fingerprint()
        };
        let others = [
            ambient.fingerprint(),
            key("AKIA1", "a"),
            key("AKIA2", "a"),
            change(&|caller| caller.tags.push(("team".into(), "acme".into()))),
            change(&|caller| caller.tags.push(("teamacme".into(), "".into()))),
            change(&|caller| caller.session_name = SessionName::of(&["acme", "ci"])),
            change(&|caller| caller.source_identity = Some("x".into())),
            change(&|caller| caller.session_policy = Some("x".into())),
        ];
        for (at, one) in others.iter().enumerate() {
            assert_eq!(one.len(), 16);
            assert!(others[at + 1..].iter().all(|other| other != one), "{at}");
        }
    }
}
