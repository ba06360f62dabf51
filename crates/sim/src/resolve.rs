use std::{collections::HashMap, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolving};
use tokio::net::lookup_host;

/// Where hosts outside are found: some at addresses that were given, every other by DNS. An address brings the port
/// that stands in for the one of the URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    names: HashMap<String, SocketAddr>,
    suffixes: HashMap<String, SocketAddr>,
}

impl Hosts {
    /// Adds a host, or by `*.SUFFIX` all hosts below one.
    pub(crate) fn add(&mut self, host: &str, address: SocketAddr) {
        let (map, name) = match host.strip_prefix("*.") {
            Some(suffix) => (&mut self.suffixes, suffix),
            None => (&mut self.names, host),
        };
        map.insert(name.to_ascii_lowercase(), address);
    }

    /// The address that was given for a host: by its whole name, else by the longest suffix.
    pub(crate) fn address(&self, host: &str) -> Option<SocketAddr> {
        let host = host.to_ascii_lowercase();
        if let Some(address) = self.names.get(&host) {
            return Some(*address);
        }
        let mut parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        parents.find_map(|parent| self.suffixes.get(parent).copied())
    }
}

impl reqwest::dns::Resolve for Hosts {
    fn resolve(&self, name: Name) -> Resolving {
        let given = self.address(name.as_str());
        Box::pin(async move {
            if let Some(address) = given {
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            // Port 0 stands for the one of the URL.
            let found = lookup_host((name.as_str(), 0)).await?.collect::<Vec<_>>();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_name_counts_before_a_suffix_and_a_longer_suffix_before_a_shorter_one() {
        let mut hosts = Hosts::default();
        for (host, port) in [("*.com", 1), ("*.example.com", 2), ("a.example.com", 3)] {
            hosts.add(host, SocketAddr::from(([127, 0, 0, 1], port)));
        }
        let port = |host| hosts.address(host).map(|address| address.port());
        assert_eq!(port("A.example.com"), Some(3));
        assert_eq!(port("b.example.com"), Some(2));
        assert_eq!(port("c.b.Example.com"), Some(2));
        assert_eq!(port("example.com"), Some(1));
        assert_eq!(port("com"), None);
        assert_eq!(port("example.org"), None);
    }
}
