//! A network without anybody in it, and somebody who asks.

use std::sync::{Arc, Mutex};

use aws::{Caller, Chain, Hop, SessionName};
use reqwest::{
    Client,
    dns::{Name, Resolve, Resolving},
};
use serde_json::json;

/// Remembers which names were looked up, and knows none.
#[derive(Clone, Default)]
pub(crate) struct Nowhere(Arc<Mutex<Vec<String>>>);

impl Nowhere {
    /// The names, in the order in which they were looked up.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Resolve for Nowhere {
    fn resolve(&self, name: Name) -> Resolving {
        self.0.lock().unwrap().push(name.as_str().to_owned());
        Box::pin(async { Err("there is nothing".into()) })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the client of `net` finds names where it is told, and tells nobody"
)]
pub(crate) fn client(nowhere: Nowhere) -> Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(nowhere)
        .no_proxy()
        .build()
        .unwrap()
}

/// A user's key, and the roles that are assumed with it.
pub(crate) fn caller(hops: Vec<Hop>) -> Arc<Caller> {
    let source = json!({ "accessKey": { "accessKeyId": "AKIA", "secretAccessKey": "x" } });
    let source = serde_json::from_value(source).unwrap();
    Arc::new(Caller {
        chain: Arc::new(Chain::new(source, hops, None).unwrap()),
        role: None,
        subject: String::new(),
        session_name: SessionName::of(&["test"]),
        tags: Vec::new(),
        source_identity: None,
        session_policy: None,
    })
}
