//! The OCI distribution specification 1.1, clause by clause: what a registry that delivers has to answer, over HTTP/1.1
//! and over HTTP/2.

use oci::{Digest, MediaType};

use crate::{
    aws::REGISTRY,
    wharf::{PROXY, Wharf},
};

/// A request, and what the specification, or where it is silent HTTP's, says of the answer.
struct Clause {
    /// The end of the specification's table, or the section.
    of: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    status: u16,
    /// Headers that the answer has; a value of `-` stands for one that it has not.
    has: Vec<(&'static str, String)>,
    /// The code in the error's envelope, or else the body.
    body: Expected,
}

enum Expected {
    Code(&'static str),
    Bytes(Vec<u8>),
    Any,
}

fn clause(of: &'static str, method: &'static str, path: impl Into<String>, status: u16) -> Clause {
    Clause {
        of,
        method,
        path: path.into(),
        headers: Vec::new(),
        status,
        has: Vec::new(),
        body: Expected::Any,
    }
}

impl Clause {
    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn has(mut self, name: &'static str, value: impl ToString) -> Self {
        self.has.push((name, value.to_string()));
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.body = Expected::Bytes(bytes.to_vec());
        self
    }

    fn code(mut self, code: &'static str) -> Self {
        self.body = Expected::Code(code);
        self
    }
}

const LAYER: &[u8] = b"0123456789";

fn clauses(manifest: &Digest, bytes: &[u8], layer: &Digest) -> Vec<Clause> {
    let (app, tag) = ("prod/team/app", "prod/team/app/manifests/1");
    let by_digest = format!("{app}/manifests/{manifest}");
    let blob = format!("{app}/blobs/{layer}");
    let missing = Digest::of(b"missing");
    let quoted = |digest: &Digest| format!("\"{digest}\"");
    let whole = |of, method, path: &str| {
        clause(of, method, path, 200)
            .has("content-type", MediaType::OCI_MANIFEST)
            .has("content-length", bytes.len())
            .has("docker-content-digest", manifest)
            .has("etag", quoted(manifest))
    };
    let part = |range: &str| clause("end-2, Range", "GET", &blob, 206).with("range", range);
    let mut all = vec![
        clause("end-1", "GET", "", 200).has("docker-distribution-api-version", "registry/2.0"),
        clause("end-1", "HEAD", "", 200).bytes(b""),
        // Pulling manifests
        whole("end-3", "GET", tag).bytes(bytes),
        whole("end-3", "HEAD", tag).bytes(b""),
        whole("end-3", "GET", &by_digest).bytes(bytes),
        whole("end-3", "HEAD", &by_digest).bytes(b""),
        whole("end-3", "GET", &by_digest.replace(':', "%3A")).bytes(bytes),
        whole("end-3, no ranges of manifests", "GET", tag)
            .with("range", "bytes=0-1")
            .bytes(bytes),
        clause("end-3", "GET", format!("{app}/manifests/2"), 404).code("MANIFEST_UNKNOWN"),
        clause("end-3", "HEAD", format!("{app}/manifests/2"), 404).bytes(b""),
        clause("end-3", "GET", format!("{app}/manifests/{missing}"), 404).code("MANIFEST_UNKNOWN"),
        // Pulling blobs
        clause("end-2", "GET", &blob, 200)
            .has("content-length", LAYER.len())
            .has("docker-content-digest", layer)
            .has("accept-ranges", "bytes")
            .bytes(LAYER),
        clause("end-2", "HEAD", &blob, 200)
            .has("content-length", LAYER.len())
            .has("docker-content-digest", layer)
            .bytes(b""),
        clause("end-2", "GET", format!("{app}/blobs/{missing}"), 404).code("BLOB_UNKNOWN"),
        clause("end-2", "HEAD", format!("{app}/blobs/{missing}"), 404).bytes(b""),
        part("bytes=2-4")
            .has("content-range", "bytes 2-4/10")
            .has("content-length", 3)
            .bytes(b"234"),
        part("bytes=-2").has("content-range", "bytes 8-9/10").bytes(b"89"),
        part("bytes=1-").with("if-range", quoted(layer)).bytes(&LAYER[1..]),
        clause("end-2, Range", "HEAD", &blob, 200)
            .with("range", "bytes=2-4")
            .bytes(b""),
        clause("end-2, Range", "GET", &blob, 416)
            .with("range", "bytes=10-")
            .has("content-range", "bytes */10"),
        // RFC 9110 §13
        clause("If-Range", "GET", &blob, 200)
            .with("range", "bytes=1-")
            .with("if-range", quoted(&missing))
            .has("content-range", "-")
            .bytes(LAYER),
        clause("If-Range", "GET", &blob, 200)
            .with("range", "bytes=1-")
            .with("if-range", "Sat, 29 Oct 1994 19:43:31 GMT")
            .bytes(LAYER),
        clause("If-None-Match", "GET", &blob, 200)
            .with("if-none-match", quoted(&missing))
            .bytes(LAYER),
        clause("If-None-Match", "GET", tag, 200)
            .with("if-none-match", quoted(&missing))
            .bytes(bytes),
        clause("If-None-Match", "GET", format!("{app}/manifests/2"), 404).with("if-none-match", "*"),
        clause("If-None-Match", "GET", format!("{app}/blobs/{missing}"), 404).with("if-none-match", quoted(&missing)),
        // Content discovery
        clause("end-8a", "GET", format!("{app}/tags/list"), 200)
            .has("content-type", "application/json")
            .bytes(br#"{"name":"prod/team/app","tags":["1"]}"#),
        clause("end-8b", "GET", format!("{app}/tags/list?n=0"), 200)
            .has("link", "-")
            .bytes(br#"{"name":"prod/team/app","tags":[]}"#),
        clause("end-8a", "GET", "prod/none/tags/list", 404).code("NAME_UNKNOWN"),
        clause("end-12a", "GET", format!("{app}/referrers/{manifest}"), 200)
            .has("content-type", MediaType::OCI_INDEX)
            .has("oci-filters-applied", "-"),
        clause(
            "end-12b",
            "GET",
            format!("{app}/referrers/{manifest}?artifactType=a/b"),
            200,
        )
        .has("content-type", MediaType::OCI_INDEX)
        .has("oci-filters-applied", "artifactType"),
        clause("end-12a", "GET", format!("{app}/referrers/latest"), 400).code("DIGEST_INVALID"),
        clause("Docker's catalog", "GET", "_catalog", 404).code("UNSUPPORTED"),
        // Names and references
        clause("<name>", "GET", "prod/Team/manifests/1", 400).code("NAME_INVALID"),
        clause("<name>", "GET", "prod/team..app/manifests/1", 400).code("NAME_INVALID"),
        clause("<name>", "GET", "unknown/app/manifests/1", 404).code("NAME_UNKNOWN"),
        clause("<reference>", "GET", format!("{app}/manifests/.1"), 404).code("MANIFEST_UNKNOWN"),
        clause("<digest>", "GET", format!("{app}/blobs/sha256:0"), 400).code("DIGEST_INVALID"),
        clause("end points", "GET", "prod/team/app", 404).code("UNSUPPORTED"),
    ];
    for value in [quoted(layer), format!("W/{}", quoted(layer)), "*".to_owned()] {
        let unchanged = |method| {
            clause("If-None-Match", method, &blob, 304)
                .with("if-none-match", &value)
                .has("etag", quoted(layer))
                .has("docker-content-digest", layer)
                .bytes(b"")
        };
        all.extend([
            unchanged("GET"),
            unchanged("HEAD"),
            unchanged("GET").with("range", "bytes=1-"),
        ]);
    }
    for path in [tag, &by_digest] {
        let unchanged = clause("If-None-Match", "GET", path, 304);
        let unchanged = unchanged.with("if-none-match", format!("\"x\", {}", quoted(manifest)));
        all.push(unchanged.has("etag", quoted(manifest)).bytes(b""));
    }
    // Pushing, which is not what this registry is for.
    for (of, method, path) in [
        ("end-4a", "POST", format!("{app}/blobs/uploads/")),
        ("end-4b", "POST", format!("{app}/blobs/uploads/?digest={layer}")),
        ("end-5", "PATCH", format!("{app}/blobs/uploads/1")),
        ("end-6", "PUT", format!("{app}/blobs/uploads/1?digest={layer}")),
        ("end-7", "PUT", tag.to_owned()),
        ("end-9", "DELETE", by_digest.clone()),
        ("end-10", "DELETE", blob.clone()),
        (
            "end-11",
            "POST",
            format!("{app}/blobs/uploads/?mount={layer}&from=prod/other"),
        ),
        ("end-13", "GET", format!("{app}/blobs/uploads/1")),
    ] {
        all.push(
            clause(of, method, path, 405)
                .code("UNSUPPORTED")
                .has("allow", "GET, HEAD"),
        );
    }
    all
}

#[tokio::test]
async fn every_clause_holds_over_both_versions_of_http() {
    let wharf = Wharf::build().await;
    let (manifest, layer) = wharf.aws.push(&format!("{REGISTRY}/team/app"), "1", LAYER);
    let bytes = wharf.get("prod/team/app/manifests/1").await.bytes().await.unwrap();
    let clauses = clauses(&manifest, &bytes, &layer);
    // Twice: the second time much is answered as before.
    for version in [1, 2, 1, 2] {
        for clause in &clauses {
            let request = match version {
                1 => wharf.request(clause.method, &clause.path),
                _ => wharf.secure(clause.method, PROXY, &clause.path),
            };
            let request = clause
                .headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, value));
            let answer = request.send().await.unwrap();
            let what = format!(
                "HTTP/{version}, {}: {} {} {:?}",
                clause.of, clause.method, clause.path, clause.headers
            );
            assert_eq!(answer.version() == reqwest::Version::HTTP_2, version == 2, "{what}");
            check(clause, answer, &what).await;
        }
    }
}

async fn check(clause: &Clause, answer: reqwest::Response, what: &str) {
    assert_eq!(answer.status(), clause.status, "{what}");
    for (name, value) in &clause.has {
        let found = answer.headers().get(*name).map_or("-", |value| value.to_str().unwrap());
        assert_eq!(found, value, "{what}: {name}");
    }
    assert_eq!(
        answer.headers()["docker-distribution-api-version"],
        "registry/2.0",
        "{what}"
    );
    let body = answer.bytes().await.unwrap();
    match &clause.body {
        Expected::Any => {}
        Expected::Bytes(bytes) => assert_eq!(body, *bytes, "{what}"),
        Expected::Code(code) => {
            let envelope: oci::ErrorEnvelope = serde_json::from_slice(&body).unwrap();
            assert_eq!(envelope.errors[0].code, *code, "{what}");
            assert!(!envelope.errors[0].message.is_empty(), "{what}");
        }
    }
}
