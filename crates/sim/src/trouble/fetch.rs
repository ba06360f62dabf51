use http::StatusCode;
use url::Url;

use super::{
    Trouble,
    effect::Effect,
    when::{Subject, Target},
};

/// Why STS does not get a document of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchTrouble {
    #[error("the connection ended without an answer")]
    Unreachable,
    #[error("the answer was {0}")]
    Status(StatusCode),
}

impl Trouble {
    /// What happens to STS's fetch of a document at `url`, an issuer's discovery document or its keys. Nothing is
    /// fetched where it fails here. `struck` is told the name of each rule before it strikes, for whoever does not wait
    /// until it has.
    pub(crate) async fn meet_fetch(&self, url: &Url, struck: impl Fn(&str)) -> Result<(), FetchTrouble> {
        if !self.is_active() {
            return Ok(());
        }
        let is_discovery = url.path().ends_with("/.well-known/openid-configuration");
        let subject = Subject {
            target: Target::Issuer,
            action: if is_discovery {
                "issuer:GetDiscovery"
            } else {
                "issuer:GetKeys"
            }
            .to_owned(),
            host: url.host_str().unwrap_or_default().to_owned(),
            account: None,
            repository: None,
            digest: None,
        };
        for blow in self.meet(&subject, |_| true) {
            struck(&blow.id);
            let waited = match blow.effect {
                Effect::Latency(latency) => self.wait(Some(latency.drawn(blow.number))).await,
                Effect::Hang => self.wait(None).await,
                Effect::Error(error) => return Err(FetchTrouble::Status(error.status.get())),
                _ => return Err(FetchTrouble::Unreachable),
            };
            waited.map_err(|_| FetchTrouble::Unreachable)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::Instant;

    const DISCOVERY: &str = "https://issuer.example.test/team/.well-known/openid-configuration";
    const KEYS: &str = "https://issuer.example.test/keys";

    async fn fetch(rule: &str, url: &str) -> Result<Duration, FetchTrouble> {
        let trouble = Trouble::default();
        trouble.add_fault(rule.parse().unwrap()).unwrap();
        let started = Instant::now();
        trouble.meet_fetch(&Url::parse(url).unwrap(), |_| ()).await?;
        Ok(started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn either_document_can_be_late_or_missing() {
        let late = r#"{"id":"a","when":{"service":"issuer"},"what":{"latency":{"millis":1500}}}"#;
        assert_eq!(fetch(late, DISCOVERY).await, Ok(Duration::from_millis(1500)));
        let missing = r#"{"id":"a","when":{"action":"issuer:GetKeys"},"what":{"error":{"status":404}}}"#;
        assert_eq!(
            fetch(missing, KEYS).await,
            Err(FetchTrouble::Status(StatusCode::NOT_FOUND))
        );
        assert_eq!(fetch(missing, DISCOVERY).await, Ok(Duration::ZERO));
        let gone = r#"{"id":"a","when":{"service":"issuer","host":"issuer.*"},"what":"unreachable"}"#;
        assert_eq!(fetch(gone, KEYS).await, Err(FetchTrouble::Unreachable));
        assert_eq!(fetch(gone, "https://other.example.test/keys").await, Ok(Duration::ZERO));
        let of_calls = r#"{"id":"a","what":"unreachable"}"#;
        assert_eq!(fetch(of_calls, KEYS).await, Ok(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_hangs_ends_with_this_aws() {
        let end = tokio_util::sync::CancellationToken::new();
        let trouble = Trouble::new(crate::Clock::system(), end.clone());
        let hang = r#"{"id":"a","when":{"service":"issuer"},"what":"hang"}"#;
        trouble.add_fault(hang.parse().unwrap()).unwrap();
        let url = Url::parse(KEYS).unwrap();
        let fetch = trouble.meet_fetch(&url, |_| ());
        tokio::pin!(fetch);
        let early = tokio::time::timeout(Duration::from_secs(60), &mut fetch).await;
        assert!(early.is_err());
        end.cancel();
        assert_eq!(fetch.await, Err(FetchTrouble::Unreachable));
    }
}
