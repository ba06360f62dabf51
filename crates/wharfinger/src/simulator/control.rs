use std::{fmt::Display, net::SocketAddr, str::FromStr};

use http::header;
use reqwest::{Method, Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::Failed;

/// The control API of a simulated AWS that is running.
#[derive(Clone, Debug)]
pub(super) struct Control(SocketAddr);

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Control {
    /// Asks for a document.
    pub(super) async fn show<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        document(self.send(Method::GET, path, None).await?).await
    }

    /// Asks for something to be done, which is answered with a document.
    pub(super) async fn tell<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Failed> {
        document(self.send(Method::POST, path, Some(body.to_string())).await?).await
    }

    /// Asks for an answer that is read as it comes.
    pub(super) async fn stream(&self, path: &str) -> Result<Response, Failed> {
        self.send(Method::GET, path, None).await
    }

    /// Sends a request, with a JSON document or without, that must be done.
    pub(super) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Result<Response, Failed> {
        let outgoing = net::Outgoing {
            resolve: net::Resolve::default(),
            roots: net::Roots::system(),
        };
        let client = outgoing.client().map_err(|error| Failed::Running(error.to_string()))?;
        let mut request = client.request(method, format!("http://{}{path}", self.0));
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let refusal = document::<Refusal>(response).await;
        let said = refusal.map_err(|_| format!("it answered {status}"));
        Err(match (status.as_u16(), said) {
            // What it has been asked for cannot be; anything else says nothing in these terms.
            (400 | 404, Ok(refusal)) => Failed::Input(refusal.error),
            (_, Ok(Refusal { error: said }) | Err(said)) => Failed::Running(format!(
                "{} is not the control address of a simulated AWS: {said}",
                self.0
            )),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failed {
        let why = if error.is_connect() {
            "nothing listens there".to_owned()
        } else {
            error.to_string()
        };
        Failed::Running(format!(
            "the simulated AWS at {} was not reached: {why}; start one with `wharfinger sim serve`, or name its control \
             address with --control",
            self.0
        ))
    }
}

impl FromStr for Control {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        address
            .parse()
            .map(Self)
            .map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:4568".to_owned())
    }
}

/// Reads the document that is the answer.
pub(super) async fn document<T: DeserializeOwned>(response: Response) -> Result<T, Failed> {
    let unread = |why: &dyn Display| Failed::Running(format!("the answer of the simulated AWS cannot be read: {why}"));
    let document = response.bytes().await.map_err(|error| unread(&error))?;
    serde_json::from_slice(&document).map_err(|error| unread(&error))
}
