use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use tokio::time;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// What the connection said; without the URL, which may carry a signature.
    #[error(transparent)]
    Failed(reqwest::Error),
    /// Nothing was said.
    #[error("no answer began within {} s", LONGEST_WAIT.as_secs())]
    Late,
}

/// Sends a request, and waits until its answer begins.
///
/// A connection that hangs is given up long before the client's own limit for silence, which has to leave time for the
/// middle of a layer: everybody who wants the same waits for this one answer, also when AWS is well again.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, Unanswered> {
    match time::timeout(LONGEST_WAIT, request.send()).await {
        Ok(answer) => answer.map_err(|error| Unanswered::Failed(error.without_url())),
        Err(_) => Err(Unanswered::Late),
    }
}

impl Unanswered {
    /// Whether another attempt may have an answer.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Failed(error) => error.is_connect() || error.is_request(),
            Self::Late => true,
        }
    }
}

/// ECR and S3 begin within a second, and within a few where they are throttled or far away.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use net::{Outgoing, Resolve, Roots};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_that_accepts_and_says_nothing_is_not_waited_for_for_long() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let outgoing = Outgoing {
            resolve: Resolve::default(),
            roots: Roots::system(),
        };
        let client = outgoing.client().unwrap();
        let begun = time::Instant::now();
        let unanswered = send(client.get(url)).await.unwrap_err();
        assert!(unanswered.may_pass());
        assert_eq!(unanswered.to_string(), "no answer began within 15 s");
        assert_eq!(begun.elapsed().as_secs(), LONGEST_WAIT.as_secs());
    }
}
