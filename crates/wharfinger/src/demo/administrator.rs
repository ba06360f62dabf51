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
use reqwest::{Client, Response};
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
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        let answer = self
            .call(&url, ("ecr", &self.region), &headers, input.to_string(), now, operation)
            .await?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
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
        for blob in image.blobs() {
            let begun = self
                .client
                .post(format!("{base}/blobs/uploads/"))
                .basic_auth("AWS", Some(password))
                .send()
                .await?;
            let begun = accepted(begun, "beginning an upload").await?;
            let location = begun
                .headers()
                .get("location")
                .context("an upload without a location")?
                .to_str()?;
            let mut url = begun.url().join(location)?;
            url.query_pairs_mut()
                .append_pair("digest", &Digest::of(blob).to_string());
            let put = self
                .client
                .put(url)
                .basic_auth("AWS", Some(password))
                .body(blob.clone());
            accepted(put.send().await?, "uploading a blob").await?;
            progress(blob.len() as u64);
        }
        let put = self
            .client
            .put(format!("{base}/manifests/{tag}"))
            .basic_auth("AWS", Some(password));
        let put = put
            .header("content-type", MediaType::OCI_MANIFEST)
            .body(image.manifest.clone());
        accepted(put.send().await?, "putting the manifest").await?;
        Ok(())
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
