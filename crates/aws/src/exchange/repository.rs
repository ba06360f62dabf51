use std::time::Duration;

use aws_sdk_ecr::config::{self, retry::RetryConfig};
use oci::RepositoryName;

use super::Exchange;
use crate::{
    RegistryHost, Session,
    explain::{
        Failure,
        repository::{MAX_POLICY, Reading},
    },
};

impl Exchange {
    /// The policy of a repository, as far as this session may read it. Somebody waits for an explanation: there is one
    /// try, and it is short.
    pub(crate) async fn repository_policy(
        &self,
        session: &Session,
        host: &RegistryHost,
        repository: &RepositoryName,
    ) -> Option<Reading> {
        let once = config::Builder::new().retry_config(RetryConfig::disabled());
        let asking = self
            .ecr(session, host)
            .get_repository_policy()
            .registry_id(host.account()?.as_str())
            .repository_name(repository.as_str())
            .customize()
            .config_override(once)
            .send();
        let answer = tokio::time::timeout(PATIENCE, asking).await.ok()?;
        match answer {
            Ok(answer) => {
                let text = answer.policy_text()?;
                (text.len() <= MAX_POLICY).then(|| Reading::Policy(text.to_owned()))
            }
            Err(error) => match Failure::of(&error) {
                Failure::Answered { code, .. } if code == "RepositoryPolicyNotFoundException" => {
                    Some(Reading::NoPolicy)
                }
                Failure::Answered { code, .. } if code == "RepositoryNotFoundException" => Some(Reading::NoRepository),
                _ => None,
            },
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
