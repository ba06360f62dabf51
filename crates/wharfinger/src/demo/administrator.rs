use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use oci::{Digest, MediaType, RepositoryName};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::Image;

/// Somebody with the root key of an account, who does what people do in the AWS console: creates repositories, providers
/// and roles, and pushes images.
pub struct Administrator {
    client: Client,
    credentials: Credentials,
    region: String,
    registry: String,
}

/// AWS said no to the administrator.
#[derive(Debug, thiserror::Error)]
#[error("{tried} was answered with HTTP {status}: {body}")]
pub struct Refused {
    tried: String,
    /// The status.
    pub status: u16,
    body: String,
}

impl Administrator {
    /// The administrator of `account`, who works in `region`.
    pub fn new(client: Client, account: &str, region: &str, key_id: &str, secret: &SecretString) -> Self {
        Self {
            client,
            credentials: Credentials::new(key_id, secret.expose_secret(), None, None, "demo"),
            region: region.to_owned(),
            registry: format!("{account}.dkr.ecr.{region}.amazonaws.com"),
        }
    }

    /// Calls an action of IAM, which answers in XML. `now` is the time of the signature.
    ///
    /// # Errors
    /// [`Refused`], or what kept the call from being made.
    pub async fn iam(&self, action: &str, parameters: &[(&str, &str)], now: Timestamp) -> Result<String> {
        let mut body = format!("Action={action}&Version=2010-05-08");
        for (name, value) in parameters {
            body += &format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        let content_type = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        // IAM is one for the whole world, and signed for as if it were in this region.
        let answer = self
            .call(
                "https://iam.amazonaws.com/",
                ("iam", "us-east-1"),
                &[content_type],
                body,
                now,
                action,
            )
            .await?;
        Ok(answer.text().await?)
    }

    /// Calls an operation of ECR.
    ///
    /// # Errors
    /// See [`Administrator::iam`].
    pub async fn ecr(&self, operation: &str, input: Value, now: Timestamp) -> Result<Value> {
        let url = format!("https://api.ecr.{}.amazonaws.com/", self.region);
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
        self.json(&url, ("ecr", &self.region), &target, input, now).await
    }

    /// Calls an operation of ECR Public, which has one region for the whole world.
    ///
    /// # Errors
    /// See [`Administrator::iam`].
    pub async fn ecr_public(&self, operation: &str, input: Value, now: Timestamp) -> Result<Value> {
        let url = "https://api.ecr-public.us-east-1.amazonaws.com/";
        let target = format!("SpencerFrontendService.{operation}");
        self.json(url, ("ecr-public", "us-east-1"), &target, input, now).await
    }

    /// Pushes an image over the registry API and tags it; `progress` is told of each blob's size.
    ///
    /// # Errors
    /// See [`Administrator::iam`].
    pub async fn push(
        &self,
        repository: &RepositoryName,
        tag: &str,
        image: &Image,
        now: Timestamp,
        progress: impl Fn(u64),
    ) -> Result<()> {
        let login = self.ecr("GetAuthorizationToken", json!({}), now).await?;
        let token = login["authorizationData"][0]["authorizationToken"]
            .as_str()
            .context("a login without a token")?;
        let token = String::from_utf8(STANDARD.decode(token)?)?;
        let password = token.strip_prefix("AWS:").context("a token without the user AWS")?;
        let base = format!("https://{}/v2/{repository}", self.registry);
        let authorized = |request: RequestBuilder| request.basic_auth("AWS", Some(password));
        self.upload(&base, authorized, tag, image, progress).await
    }

    /// Pushes an image to ECR Public: its login is exchanged for a token of the registry first.
    ///
    /// # Errors
    /// See [`Administrator::iam`].
    pub async fn publish(&self, repository: &str, tag: &str, image: &Image, now: Timestamp) -> Result<()> {
        let login = self.ecr_public("GetAuthorizationToken", json!({}), now).await?;
        let login = login["authorizationData"]["authorizationToken"]
            .as_str()
            .context("a login without a token")?;
        let url = "https://public.ecr.aws/token/?service=public.ecr.aws&scope=aws";
        let request = self.client.get(url).header("authorization", format!("Basic {login}"));
        let answer = accepted(request.send().await?, "exchanging the login").await?;
        let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let token = answer["token"].as_str().context("an answer without a token")?;
        let base = format!("https://public.ecr.aws/v2/{repository}");
        let authorized = |request: RequestBuilder| request.bearer_auth(token);
        self.upload(&base, authorized, tag, image, |_| ()).await
    }

    /// Pushes an image with a login that somebody else has: `base` is the repository's URL, `https://HOST/v2/NAME`, and
    /// `authorized` adds the login to a request.
    ///
    /// # Errors
    /// See [`Administrator::iam`].
    pub async fn upload(
        &self,
        base: &str,
        authorized: impl Fn(RequestBuilder) -> RequestBuilder,
        tag: &str,
        image: &Image,
        progress: impl Fn(u64),
    ) -> Result<()> {
        for blob in image.blobs() {
            let begin = self.client.post(format!("{base}/blobs/uploads/"));
            let begun = authorized(begin).send().await?;
            let begun = accepted(begun, "beginning an upload").await?;
            let location = begun
                .headers()
                .get("location")
                .context("an upload without a location")?
                .to_str()?;
            let mut url = begun.url().join(location)?;
            url.query_pairs_mut()
                .append_pair("digest", &Digest::of(blob).to_string());
            let put = authorized(self.client.put(url)).body(blob.clone());
            accepted(put.send().await?, "uploading a blob").await?;
            progress(blob.len() as u64);
        }
        let put = authorized(self.client.put(format!("{base}/manifests/{tag}")))
            .header("content-type", MediaType::OCI_MANIFEST)
            .body(image.manifest.clone());
        accepted(put.send().await?, "putting the manifest").await?;
        Ok(())
    }

    async fn json(&self, url: &str, scope: (&str, &str), target: &str, input: Value, now: Timestamp) -> Result<Value> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let answer = self.call(url, scope, &headers, input.to_string(), now, target).await?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }

    async fn call(
        &self,
        url: &str,
        (service, region): (&str, &str),
        headers: &[(&str, &str)],
        body: String,
        now: Timestamp,
        tried: &str,
    ) -> Result<Response> {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(SystemTime::from(now))
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            "POST",
            url,
            headers.iter().copied(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = http::Request::post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Bytes::from(body))?;
        instructions.apply_to_request_http1x(&mut request);
        let (parts, body) = request.into_parts();
        let answer = self.client.post(url).headers(parts.headers).body(body).send().await?;
        accepted(answer, tried).await
    }
}

async fn accepted(answer: Response, tried: &str) -> Result<Response> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let (status, body) = (answer.status().as_u16(), answer.text().await?);
    bail!(Refused {
        tried: tried.to_owned(),
        status,
        body
    })
}
