mod circuit;

use std::{sync::Arc, time::Duration};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use reqwest::{Client, Request, Url};

use self::circuit::Circuits;
use crate::{
    calls::{Calls, Reply},
    clock::Clock,
};

/// The SDK's way out: the HTTP client that everything else of the product uses, with its resolve map and roots.
///
/// The SDK's own connector cannot be told a port for a name, which the resolve map needs.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    client: Client,
    clock: Clock,
    circuits: Arc<Circuits>,
    calls: Arc<Calls>,
    /// How long an answer may take, where the caller of the SDK is in more of a hurry than the client.
    limit: Option<Duration>,
}

impl Connector {
    pub(crate) fn shared(client: Client, clock: Clock, calls: Arc<Calls>) -> SharedHttpClient {
        SharedHttpClient::new(Self {
            client,
            clock,
            circuits: Arc::default(),
            calls,
            limit: None,
        })
    }

    /// The answer, where the endpoint is not known to be down. What kind of answer it is decides whether it counts as up.
    async fn call(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let call = self.calls.begin(request);
        let request = outgoing(request).map_err(ConnectorError::user)?;
        let endpoint = request.url().authority().to_owned();
        let pass = match self.circuits.enter(&endpoint) {
            Ok(pass) => pass,
            Err(closed) => {
                call.end(Reply::HeldBack);
                return Err(ConnectorError::user(closed.into()));
            }
        };
        let outcome = match self.limit {
            None => exchange(&self.client, &self.clock, request).await,
            Some(limit) => match tokio::time::timeout(limit, exchange(&self.client, &self.clock, request)).await {
                Ok(outcome) => outcome,
                Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
            },
        };
        if let Ok(answer) = &outcome {
            call.end(Reply::of(answer.status().as_u16()));
        }
        match &outcome {
            Ok(answer) if answer.status().as_u16() < 500 => pass.up(),
            _ => pass.down(),
        }
        outcome
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        // The SDK keeps the timeouts of a call itself, and leaves those of a connection to its connector: for instance
        // metadata, whose address does not answer outside of AWS, they are short.
        let limit = settings
            .read_timeout()
            .map(|read| read + settings.connect_timeout().unwrap_or_default());
        SharedHttpConnector::new(Self { limit, ..self.clone() })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { Self::call(&connector, &request).await })
    }
}

async fn exchange(client: &Client, clock: &Clock, request: Request) -> Result<HttpResponse, ConnectorError> {
    let is_aws = request.url().scheme() == "https";
    let asked_at = clock.now();
    let mut answer = client.execute(request).await.map_err(failure)?;
    if is_aws {
        clock.compare(answer.headers(), asked_at);
    }
    let status = StatusCode::try_from(answer.status().as_u16()).map_err(|error| ConnectorError::user(error.into()))?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failure)? {
        if body.len() + piece.len() > MAX_ANSWER {
            return Err(ConnectorError::user(
                format!("the answer is longer than {MAX_ANSWER} bytes").into(),
            ));
        }
        body.extend_from_slice(&piece);
    }
    let headers = std::mem::take(answer.headers_mut());
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &headers {
        // A header that is not text means nothing to the SDK.
        if let Ok(value) = value.to_str() {
            let _ = response
                .headers_mut()
                .try_append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}

fn outgoing(request: &HttpRequest) -> Result<Request, Box<dyn std::error::Error + Send + Sync>> {
    let mut outgoing = Request::new(request.method().parse()?, Url::parse(request.uri())?);
    for (name, value) in request.headers() {
        outgoing
            .headers_mut()
            .append(http::HeaderName::try_from(name)?, http::HeaderValue::try_from(value)?);
    }
    let body = request.body().bytes().ok_or("the request's body is a stream")?;
    *outgoing.body_mut() = Some(body.to_vec().into());
    Ok(outgoing)
}

fn failure(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        return ConnectorError::timeout(error.into());
    }
    ConnectorError::io(error.into())
}

/// Answers of STS and of ECR's API have a few kilobytes.
const MAX_ANSWER: usize = 1024 * 1024;
