//! An AWS that answers as it is told and remembers what it was asked.

mod lists;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use net::{Body, Certificate, Limits, Listener};
use oci::{ByteRange, Digest, ErrorCode, ErrorEnvelope, MediaType};
use tokio::sync::{oneshot, watch};

pub(crate) const REGISTRY: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
pub(crate) const OTHER_REGISTRY: &str = "444455556666.dkr.ecr.us-east-1.amazonaws.com";
pub(crate) const PUBLIC: &str = "public.ecr.aws";
pub(crate) const BUCKET: &str = "prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
}

type Referrers = BTreeMap<(String, Digest), Vec<serde_json::Value>>;

/// What the registry answers instead of what it has, for a path and once for each entry.
type Orders = Mutex<HashMap<String, Vec<Response<Bytes>>>>;

pub(crate) struct Aws {
    pub(crate) address: SocketAddr,
    pub(crate) ca: String,
    state: Arc<State>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    /// Changes with each request.
    news: watch::Sender<()>,
    /// Content of repositories: `HOST/REPOSITORY` and what stands in it by tag or digest.
    manifests: Mutex<HashMap<(String, String), (String, Bytes)>>,
    blobs: Mutex<HashMap<(String, Digest), Bytes>>,
    orders: Orders,
    /// What the registry answers to everything, in place of what it has.
    mood: Mutex<Option<(u16, String)>>,
    /// By place and subject what the referrers API has; without it, there is no such API.
    referrers: Mutex<Option<Referrers>>,
    /// The policy that every repository has; without one, who asks for it is refused.
    policy: Mutex<Option<String>>,
    /// The password that is accepted at present; each login is given the next.
    logins: Mutex<u64>,
}

impl Aws {
    pub(crate) async fn start(folder: &std::path::Path) -> Self {
        let names = [
            "sts.us-east-1.amazonaws.com",
            "api.ecr.us-east-1.amazonaws.com",
            REGISTRY,
            OTHER_REGISTRY,
            PUBLIC,
            BUCKET,
        ];
        let pair = rcgen::generate_simple_self_signed(names.map(str::to_owned)).unwrap();
        let (chain, key) = (folder.join("aws.crt"), folder.join("aws.key"));
        std::fs::write(&chain, pair.cert.pem()).unwrap();
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        let certificate = Certificate::load(&chain, &key).unwrap();
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Some(&certificate), Limits::default())
            .await
            .unwrap();
        let (address, state) = (listener.address(), Arc::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let answering = state.clone();
        let handler = move |request| {
            let response = answering.answer(&request).map(Body::from);
            async move { response }
        };
        tokio::spawn(listener.serve(handler, async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            ca: pair.cert.pem(),
            state,
            _stop: stop,
        }
    }

    /// Puts an image with one layer into a repository; returns the digests of manifest and layer.
    pub(crate) fn push(&self, place: &str, tag: &str, layer: &'static [u8]) -> (Digest, Digest) {
        let config = Bytes::from_static(b"{}");
        let layer = Bytes::from_static(layer);
        let descriptor = |media_type: &'static str, blob: &Bytes| {
            oci::Descriptor::new(media_type, Digest::of(blob), blob.len() as u64)
        };
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": descriptor(MediaType::OCI_CONFIG, &config),
            "layers": [descriptor(MediaType::OCI_LAYER_GZIP, &layer)],
        });
        for blob in [&config, &layer] {
            self.state
                .blobs
                .lock()
                .unwrap()
                .insert((place.to_owned(), Digest::of(blob)), blob.clone());
        }
        let manifest = Bytes::from(manifest.to_string());
        self.push_manifest(place, tag, MediaType::OCI_MANIFEST, manifest.clone());
        (Digest::of(&manifest), Digest::of(&layer))
    }

    pub(crate) fn push_manifest(&self, place: &str, tag: &str, media_type: &str, manifest: Bytes) {
        for reference in [tag.to_owned(), Digest::of(&manifest).to_string()] {
            self.state
                .manifests
                .lock()
                .unwrap()
                .insert((place.to_owned(), reference), (media_type.to_owned(), manifest.clone()));
        }
    }

    pub(crate) fn push_blob(&self, place: &str, blob: &Bytes) {
        let key = (place.to_owned(), Digest::of(blob));
        self.state.blobs.lock().unwrap().insert(key, blob.clone());
    }

    /// Waits until the bucket was asked for the blob.
    pub(crate) async fn sent(&self, blob: &Digest) {
        let mut news = self.state.news.subscribe();
        let asked = async {
            while self.count(BUCKET, &blob.to_string()) == 0 {
                news.changed().await.unwrap();
            }
        };
        let limit = std::time::Duration::from_secs(30);
        assert!(
            tokio::time::timeout(limit, asked).await.is_ok(),
            "nobody asks for {blob}"
        );
    }

    pub(crate) fn remove(&self, place: &str, reference: &str) {
        let key = (place.to_owned(), reference.to_owned());
        self.state.manifests.lock().unwrap().remove(&key);
    }

    /// The next request for the path is answered so.
    pub(crate) fn order(&self, path: &str, response: Response<Bytes>) {
        self.state
            .orders
            .lock()
            .unwrap()
            .entry(path.to_owned())
            .or_default()
            .insert(0, response);
    }

    /// The registry answers so to everything, from now on; with nothing, what it has again.
    pub(crate) fn registry_answers(&self, answer: Option<(u16, &str)>) {
        *self.state.mood.lock().unwrap() = answer.map(|(status, body)| (status, body.to_owned()));
    }

    /// What the registry was asked for by this method.
    pub(crate) fn asked(&self, method: &str) -> usize {
        let is_so = |seen: &&Seen| seen.host == REGISTRY && seen.method == method;
        self.seen().iter().filter(is_so).count()
    }

    /// Every repository has this policy, and lets everybody read it.
    pub(crate) fn set_policy(&self, policy: &str) {
        *self.state.policy.lock().unwrap() = Some(policy.to_owned());
    }

    /// How often a repository's policy was asked for.
    pub(crate) fn policy_questions(&self) -> usize {
        self.seen().iter().filter(|seen| asks_for_policy(&seen.headers)).count()
    }

    /// No login that was given so far is accepted any more.
    pub(crate) fn revoke_logins(&self) {
        *self.state.logins.lock().unwrap() += 1;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// How many requests came for a host whose path ends so.
    pub(crate) fn count(&self, host: &str, end: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.host == host && seen.path.ends_with(end))
            .count()
    }

    pub(crate) fn exchanges(&self) -> usize {
        self.count("sts.us-east-1.amazonaws.com", "/")
    }
}

impl State {
    fn answer(&self, request: &Request<()>) -> Response<Bytes> {
        let host = request.uri().host().map(str::to_owned);
        let host = host
            .or_else(|| Some(request.headers().get("host")?.to_str().ok()?.to_owned()))
            .unwrap();
        let path = request.uri().path().to_owned();
        self.seen.lock().unwrap().push(Seen {
            method: request.method().to_string(),
            host: host.clone(),
            path: path.clone(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
        });
        self.news.send_replace(());
        if let Some(order) = self.orders.lock().unwrap().get_mut(&path).and_then(Vec::pop) {
            return order;
        }
        match host.as_str() {
            "sts.us-east-1.amazonaws.com" => answer(200, &[("content-type", "text/xml")], SESSION),
            "api.ecr.us-east-1.amazonaws.com" if asks_for_policy(request.headers()) => self.repository_policy(),
            "api.ecr.us-east-1.amazonaws.com" => {
                let token = STANDARD.encode(format!("AWS:password-{}", self.logins.lock().unwrap()));
                let body = format!(
                    r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":4000000000.0,"proxyEndpoint":"https://{REGISTRY}"}}]}}"#
                );
                answer(200, &[("content-type", "application/x-amz-json-1.1")], body)
            }
            BUCKET => self.layer(request.headers(), &path),
            PUBLIC if path == "/token/" => answer(200, &[], r#"{"token":"public-token","expires_in":3600}"#),
            registry => self.registry(registry, request),
        }
    }

    fn repository_policy(&self) -> Response<Bytes> {
        let json = [("content-type", "application/x-amz-json-1.1")];
        match &*self.policy.lock().unwrap() {
            Some(policy) => answer(200, &json, serde_json::json!({ "policyText": policy }).to_string()),
            None => answer(400, &json, r#"{"__type":"AccessDeniedException","message":"no"}"#),
        }
    }

    fn registry(&self, host: &str, request: &Request<()>) -> Response<Bytes> {
        let (path, headers) = (request.uri().path(), request.headers());
        let login = match host {
            PUBLIC => "Bearer public-token".to_owned(),
            _ => format!(
                "Basic {}",
                STANDARD.encode(format!("AWS:password-{}", self.logins.lock().unwrap()))
            ),
        };
        if headers.get("authorization").is_none_or(|value| value != login.as_str()) {
            return answer(401, &[], "Not Authorized\n");
        }
        if let Some((status, body)) = &*self.mood.lock().unwrap() {
            return answer(*status, &[], body.clone());
        }
        let rest = path.strip_prefix("/v2/").unwrap();
        if let Some((repository, reference)) = rest.split_once("/manifests/") {
            let manifests = self.manifests.lock().unwrap();
            let found = manifests.get(&(format!("{host}/{repository}"), reference.to_owned()));
            return match found {
                Some((media_type, bytes)) if is_unknown(headers, reference, media_type) => converted(headers, bytes),
                Some((media_type, bytes)) => answer(
                    200,
                    &[
                        ("content-type", media_type),
                        ("docker-content-digest", &Digest::of(bytes).to_string()),
                    ],
                    bytes.clone(),
                ),
                None => refusal(ErrorCode::ManifestUnknown, "Requested image not found"),
            };
        }
        if let Some(listed) = self.list(host, rest, request.uri().query().unwrap_or_default()) {
            return listed;
        }
        let (repository, digest) = rest.split_once("/blobs/").unwrap();
        // aws/containers-roadmap#2671
        if host == PUBLIC && request.method() == "HEAD" {
            return answer(401, &[], "Not Authorized\n");
        }
        if self
            .blobs
            .lock()
            .unwrap()
            .contains_key(&(format!("{host}/{repository}"), digest.parse().unwrap()))
        {
            let location = format!("https://{BUCKET}/{host}/{repository}/{digest}?X-Amz-Signature=signature");
            return answer(307, &[("location", &location)], "");
        }
        refusal(ErrorCode::BlobUnknown, "Layer not found")
    }

    fn layer(&self, headers: &HeaderMap, path: &str) -> Response<Bytes> {
        if headers.contains_key("authorization") {
            return answer(400, &[], "Only one auth mechanism allowed");
        }
        let (place, digest) = path[1..].rsplit_once('/').unwrap();
        let blob = self.blobs.lock().unwrap()[&(place.to_owned(), digest.parse().unwrap())].clone();
        let range = headers
            .get("range")
            .and_then(|value| ByteRange::from_header(value.to_str().ok()?));
        let Some(range) = range else {
            return answer(200, &[], blob);
        };
        let size = blob.len() as u64;
        let range = range.within(size).unwrap();
        let content_range = ByteRange::content_range(&range, size);
        let part = blob.slice(range.start as usize..range.end as usize);
        answer(206, &[("content-range", &content_range)], part)
    }
}

/// Whether the client asks by tag and understands other types only.
fn is_unknown(headers: &HeaderMap, reference: &str, media_type: &str) -> bool {
    let accept = headers.get("accept").map_or("*/*", |value| value.to_str().unwrap());
    !reference.contains(':') && !accept.contains("*/*") && !accept.contains(media_type)
}

/// The manifest in Docker's words for whoever understands those.
fn converted(headers: &HeaderMap, manifest: &Bytes) -> Response<Bytes> {
    if headers["accept"] != MediaType::DOCKER_MANIFEST {
        return refusal(ErrorCode::ManifestUnknown, "Requested image not found");
    }
    let text = std::str::from_utf8(manifest).unwrap();
    let text = text.replace(MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST);
    let digest = Digest::of(text.as_bytes()).to_string();
    let headers = [
        ("content-type", MediaType::DOCKER_MANIFEST),
        ("docker-content-digest", &digest),
    ];
    answer(200, &headers, text)
}

fn asks_for_policy(headers: &HeaderMap) -> bool {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    target.is_some_and(|target| target.ends_with(".GetRepositoryPolicy"))
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

pub(crate) fn refusal(code: ErrorCode, message: &str) -> Response<Bytes> {
    answer(
        code.status(),
        &[("content-type", "application/json")],
        serde_json::to_vec(&ErrorEnvelope::new(code, message)).unwrap(),
    )
}

const SESSION: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>the-secret-access-key</SecretAccessKey><SessionToken>the-session-token</SessionToken><Expiration>2096-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/pull/s</Arn></AssumedRoleUser></AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"#;
