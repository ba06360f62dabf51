use aws_config::{default_provider::credentials::DefaultCredentialsChain, provider_config::ProviderConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_sts::config::Region;
use aws_smithy_async::rt::sleep::TokioSleep;
use jiff::Timestamp;

use super::Exchange;
use crate::{AwsError, RegistryHost, Session, explain};

impl Exchange {
    /// What this machine has been given, looked for where the SDKs of AWS look, in their order: environment, profile (SSO
    /// and processes included), web identity file, ECS and EKS, instance metadata.
    pub(super) async fn ambient(&self, host: &RegistryHost) -> Result<Session, AwsError> {
        let region = Region::new(host.region().to_owned());
        let config = ProviderConfig::without_region()
            .with_http_client(self.http.clone())
            .with_time_source(self.clock.clone())
            .with_sleep_impl(TokioSleep::new())
            .with_region(Some(region.clone()));
        let chain = DefaultCredentialsChain::builder()
            .region(region)
            .configure(config)
            .build();
        let credentials = chain
            .await
            .provide_credentials()
            .await
            .map_err(|error| explain::source::no_ambient(&error))?;
        let expires_at = credentials
            .expiry()
            .and_then(|expiry| Timestamp::try_from(expiry).ok())
            .map(|expiry| self.clock.translate(expiry));
        Ok(Session {
            principal: format!("this machine's own key {}", credentials.access_key_id()),
            expires_at,
            credentials,
        })
    }
}
