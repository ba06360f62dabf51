use std::{num::NonZeroU64, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    json::{InvalidFault, read_object},
    limit::Millis,
    when::Target,
};
use crate::trail::Service;

/// What the network between clients and this AWS is like, for all services or for one.
///
/// As JSON: `{"service": "layerBucket", "latencyMillis": 20, "bytesPerSecond": 30000000}`; every member may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<NetworkOf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency_millis: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<NonZeroU64>,
}

/// A service that clients call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Target", into = "Target")]
struct NetworkOf(Target);

impl Network {
    /// The network to every service that has none of its own. Nothing is slow on it until it is said.
    pub fn everywhere() -> Self {
        Self::default()
    }

    /// The network to one service; what is set for all services does not count there.
    pub fn to(service: Service) -> Self {
        Self {
            service: Some(NetworkOf(Target::of(service))),
            ..Self::default()
        }
    }

    /// How much later the first byte of each answer comes; an hour at most.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency_millis = Some(Millis::saturating(latency));
        self
    }

    /// How many bytes a second go to the client on each connection, TLS and headers included.
    #[must_use]
    pub fn bandwidth(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.bytes_per_second = Some(bytes_per_second);
        self
    }

    pub(super) fn target(&self) -> Option<Target> {
        self.service.map(|NetworkOf(target)| target)
    }

    pub(super) fn delay(&self) -> Option<Duration> {
        self.latency_millis
            .map(Millis::duration)
            .filter(|delay| !delay.is_zero())
    }

    pub(super) fn rate(&self) -> Option<NonZeroU64> {
        self.bytes_per_second
    }
}

impl FromStr for Network {
    type Err = InvalidFault;

    fn from_str(json: &str) -> Result<Self, InvalidFault> {
        read_object(json, "network")
    }
}

impl TryFrom<Target> for NetworkOf {
    type Error = &'static str;

    fn try_from(target: Target) -> Result<Self, &'static str> {
        match target {
            Target::Issuer => Err("`issuer` is not reached by clients: a service of this AWS is expected"),
            target => Ok(Self(target)),
        }
    }
}

impl From<NetworkOf> for Target {
    fn from(NetworkOf(target): NetworkOf) -> Self {
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_as_json() {
        let network = Network::to(Service::LayerBucket)
            .latency(Duration::from_millis(20))
            .bandwidth(NonZeroU64::new(30_000_000).unwrap());
        let json = r#"{"service":"layerBucket","latencyMillis":20,"bytesPerSecond":30000000}"#;
        assert_eq!(json.parse::<Network>().unwrap(), network);
        assert_eq!(serde_json::to_string(&network).unwrap(), json);
        assert_eq!("{}".parse::<Network>().unwrap(), Network::everywhere());
    }

    #[test]
    fn mistakes_are_named() {
        for (json, expected) in [
            (
                r#"{"service":"issuer"}"#,
                "network.service: `issuer` is not reached by clients",
            ),
            (r#"{"bytesPerSecond":0}"#, "network.bytesPerSecond: "),
            (r#"{"latencyMillis":-1}"#, "network.latencyMillis: "),
            (r#"{"latency":1}"#, "unknown field `latency`"),
        ] {
            let error = json.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
