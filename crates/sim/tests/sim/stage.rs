//! A simulated AWS, an issuer, and a client that finds every host name at the simulator.

use std::{net::SocketAddr, path::Path, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use iam::AccountId;
use jiff::Timestamp;
use reqwest::{
    Client, Request, RequestBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};
use sim::{Clock, Sim};
use tempfile::TempDir;

use crate::{
    issuer::{self, Issuer},
    signing::{Keys, Scope, post},
};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const AUDIENCE: &str = "sts.amazonaws.com";
pub(crate) const SUBJECT: &str = "team:app";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/puller";
pub(crate) const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/issuer.example.test/team";
pub(crate) const REGISTRY: &str = "https://111122223333.dkr.ecr.us-east-1.amazonaws.com";

pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) clock: Clock,
    pub(crate) issuer: Issuer,
    pub(crate) http: Client,
    pub(crate) dir: TempDir,
}

/// An answer whose body has been read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    /// A stage whose simulator is changed before it starts.
    pub(crate) async fn with(change: impl FnOnce(sim::Builder) -> sim::Builder) -> Self {
        let issuer = Issuer::start().await;
        let clock = Clock::stopped_at("2026-11-20T12:00:00Z".parse().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let builder = Self::builder(&issuer, &clock, dir.path());
        let sim = change(builder).start().await.unwrap();
        Self::around(sim, clock, issuer, dir)
    }

    /// The simulator of a stage.
    pub(crate) fn builder(issuer: &Issuer, clock: &Clock, dir: &Path) -> sim::Builder {
        Sim::builder()
            .data_dir(dir)
            .clock(clock.clone())
            .resolve(issuer::HOST, issuer.address)
            .trust_pem(&issuer.ca_pem)
    }

    pub(crate) fn around(sim: Sim, clock: Clock, issuer: Issuer, dir: TempDir) -> Self {
        let http = client(&sim);
        Self {
            sim,
            clock,
            issuer,
            http,
            dir,
        }
    }

    /// A stage with the provider, the role `puller` that trusts it, a repository `team/app`, and what the role may do.
    pub(crate) async fn furnished() -> Self {
        Self::furnished_with(|builder| builder).await
    }

    pub(crate) async fn furnished_with(change: impl FnOnce(sim::Builder) -> sim::Builder) -> Self {
        let stage = Self::with(change).await;
        stage.furnish().await;
        stage
    }

    pub(crate) async fn furnish(&self) {
        self.iam(&[
            ("Action", "CreateOpenIDConnectProvider"),
            ("Url", issuer::URL),
            ("ClientIDList.member.1", AUDIENCE),
        ])
        .await
        .ok();
        self.create_role("puller", &trust(SUBJECT)).await.ok();
        self.allow("puller", &pull_permissions("team/app")).await;
        self.create_repository(ACCOUNT, "team/app").await;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn root(&self, account: &str) -> Keys {
        self.sim.root_credentials(&account.parse::<AccountId>().unwrap()).into()
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        Answer::read(self.http.execute(request).await.unwrap()).await
    }

    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    /// A signed Query request.
    pub(crate) async fn query(&self, service: &str, params: &[(&str, &str)], keys: &Keys) -> Answer {
        let (host, version) = query_service(service);
        let body = form(params, version);
        let scope = Scope {
            service,
            region: REGION,
            time: self.now(),
        };
        let content_type = ("content-type", "application/x-www-form-urlencoded");
        let url = format!("https://{host}/");
        self.send(post(&url, &[content_type], body.as_bytes(), keys, scope))
            .await
    }

    /// A signed IAM request by the root of [`ACCOUNT`].
    pub(crate) async fn iam(&self, params: &[(&str, &str)]) -> Answer {
        self.query("iam", params, &self.root(ACCOUNT)).await
    }

    /// An unsigned STS request.
    pub(crate) async fn sts(&self, params: &[(&str, &str)]) -> Answer {
        let body = form(params, query_service("sts").1);
        let request = self
            .http
            .post("https://sts.us-east-1.amazonaws.com/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.send(request.build().unwrap()).await
    }

    /// `AssumeRoleWithWebIdentity` for [`ROLE`].
    pub(crate) async fn assume(&self, token: &str) -> Answer {
        self.sts(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "wharf"),
            ("WebIdentityToken", token),
        ])
        .await
    }

    /// The claims that the role trusts.
    pub(crate) fn claims(&self) -> Value {
        let now = self.now().as_second();
        json!({"iss": issuer::URL, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 600})
    }

    /// A session of the role `puller`.
    pub(crate) async fn session(&self) -> Keys {
        let answer = self.assume(&self.issuer.token(&self.claims())).await.ok();
        Keys {
            id: answer.element("AccessKeyId"),
            secret: answer.element("SecretAccessKey"),
            token: Some(answer.element("SessionToken")),
        }
    }

    /// A signed call of the ECR API.
    pub(crate) async fn ecr(&self, operation: &str, input: &Value, keys: &Keys) -> Answer {
        let scope = Scope {
            service: "ecr",
            region: REGION,
            time: self.now(),
        };
        let url = "https://api.ecr.us-east-1.amazonaws.com/";
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &target),
        ];
        self.send(post(url, &headers, input.to_string().as_bytes(), keys, scope))
            .await
    }

    /// An authorization token, as `Basic …`.
    pub(crate) async fn login(&self, keys: &Keys) -> String {
        let answer = self.ecr("GetAuthorizationToken", &json!({}), keys).await.ok();
        let token = answer.json()["authorizationData"][0]["authorizationToken"].clone();
        format!("Basic {}", token.as_str().unwrap())
    }

    pub(crate) async fn create_role(&self, name: &str, trust: &str) -> Answer {
        self.iam(&[
            ("Action", "CreateRole"),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", trust),
        ])
        .await
    }

    /// Gives a role its one inline policy.
    pub(crate) async fn allow(&self, role: &str, policy: &str) {
        self.iam(&[
            ("Action", "PutRolePolicy"),
            ("RoleName", role),
            ("PolicyName", "permissions"),
            ("PolicyDocument", policy),
        ])
        .await
        .ok();
    }

    pub(crate) async fn create_repository(&self, account: &str, name: &str) {
        self.ecr(
            "CreateRepository",
            &json!({"repositoryName": name}),
            &self.root(account),
        )
        .await
        .ok();
    }

    /// The login of an account's root.
    pub(crate) async fn root_login(&self, account: &str) -> String {
        self.login(&self.root(account)).await
    }
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.unwrap(),
        }
    }

    /// The answer, which must be a success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(self.status < 300, "{} {}", self.status, self.text());
        self
    }

    /// The answer must be the error of a Query service.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, message: &str) {
        assert_eq!(
            (
                self.status,
                self.element("Code").as_str(),
                self.element("Message").as_str()
            ),
            (status, code, message)
        );
        assert_eq!(self.header("content-type"), "text/xml");
        assert_eq!(self.element("Type"), "Sender");
        assert_eq!(self.header("x-amzn-requestid"), self.element("RequestId"));
    }

    /// The answer must be an error of the ECR API.
    #[track_caller]
    pub(crate) fn faulted(&self, code: &str, message: &str) {
        assert_eq!(self.status, 400, "{}", self.text());
        assert_eq!(self.json(), json!({"__type": code, "message": message}));
        assert_eq!(self.header("content-type"), "application/x-amz-json-1.1");
    }

    /// The answer must be an error of the registry.
    #[track_caller]
    pub(crate) fn denied(&self, status: u16, code: &str, message: &str) {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.json(), json!({"errors": [{"code": code, "message": message}]}));
        assert_eq!(self.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(self.header("docker-distribution-api-version"), "registry/2.0");
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The text of the first XML element of a name; the only entities are those that the tests meet.
    pub(crate) fn element(&self, name: &str) -> String {
        let text = self.text();
        let content = text
            .split_once(&format!("<{name}>"))
            .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")))
            .map_or("", |(content, _)| content);
        content
            .replace("&apos;", "'")
            .replace("&quot;", "\"")
            .replace("&gt;", ">")
            .replace("&lt;", "<")
            .replace("&amp;", "&")
    }
}

/// A trust policy for one subject of the test issuer.
pub(crate) fn trust(subject: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            "issuer.example.test/team:aud": AUDIENCE,
            "issuer.example.test/team:sub": subject,
        }},
    }]})
    .to_string()
}

/// What a pull of one repository takes.
pub(crate) fn pull_permissions(repository: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": format!("arn:aws:ecr:*:*:repository/{repository}"),
        },
    ]})
    .to_string()
}

/// `Basic` with a user and a password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn query_service(service: &str) -> (&'static str, &'static str) {
    match service {
        "iam" => ("iam.amazonaws.com", "2010-05-08"),
        _ => ("sts.us-east-1.amazonaws.com", "2011-06-15"),
    }
}

fn form(params: &[(&str, &str)], version: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("Version", version)
        .extend_pairs(params)
        .finish()
}

/// A client that trusts the simulator's authority alone and follows no redirect.
pub(crate) fn client(sim: &Sim) -> Client {
    client_offering(sim, &[])
}

/// One that offers these versions of HTTP in the TLS handshake.
#[expect(clippy::disallowed_methods, reason = "a test stands outside of the product")]
pub(crate) fn client_offering(sim: &Sim, protocols: &[&str]) -> Client {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(sim.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let mut tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(Everywhere(sim.addr())))
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// Finds every host at one address.
struct Everywhere(SocketAddr);

impl Resolve for Everywhere {
    fn resolve(&self, _: Name) -> Resolving {
        let address = self.0;
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}
