use std::{collections::BTreeMap, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolving};

/// Where names are found that the system's resolver does not know, or knows otherwise: `NAME=ADDRESS:PORT` or
/// `*.SUFFIX=ADDRESS:PORT`, as curl's `--resolve`.
///
/// A whole name counts before a suffix, and a longer suffix before a shorter one. The port replaces the port that the
/// URL's scheme implies; a port written in the URL stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolve {
    names: BTreeMap<String, SocketAddr>,
    suffixes: BTreeMap<String, SocketAddr>,
}

/// An entry that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{entry}` {reason}; expected NAME=ADDRESS:PORT or *.SUFFIX=ADDRESS:PORT, such as sts.us-east-1.amazonaws.com=10.0.3.7:443"
)]
pub struct InvalidResolve {
    entry: String,
    reason: &'static str,
}

impl Resolve {
    /// Reads the entries.
    ///
    /// # Errors
    /// [`InvalidResolve`] for the first entry that is not one, or that repeats a name.
    pub fn parse<E: AsRef<str>>(entries: impl IntoIterator<Item = E>) -> Result<Self, InvalidResolve> {
        let mut resolve = Self::default();
        for entry in entries {
            let entry = entry.as_ref();
            let invalid = |reason| InvalidResolve {
                entry: entry.chars().take(200).collect(),
                reason,
            };
            let (name, address) = entry.split_once('=').ok_or_else(|| invalid("has no `=`"))?;
            let address = address
                .parse()
                .map_err(|_| invalid("has no IP address with a port behind the `=`"))?;
            let (map, name) = match name.strip_prefix("*.") {
                Some(suffix) => (&mut resolve.suffixes, suffix),
                None => (&mut resolve.names, name),
            };
            if !is_name(name) {
                return Err(invalid("has no host name before the `=`"));
            }
            if map.insert(name.to_ascii_lowercase(), address).is_some() {
                return Err(invalid("names a host that an earlier entry names"));
            }
        }
        Ok(resolve)
    }

    /// The address that is given for the name, if one is.
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if let Some(address) = self.names.get(&name) {
            return Some(*address);
        }
        let mut rest = name.as_str();
        while let Some((_, suffix)) = rest.split_once('.') {
            if let Some(address) = self.suffixes.get(suffix) {
                return Some(*address);
            }
            rest = suffix;
        }
        None
    }
}

impl reqwest::dns::Resolve for Resolve {
    fn resolve(&self, name: Name) -> Resolving {
        let given = self.address(name.as_str());
        Box::pin(async move {
            if let Some(address) = given {
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            // Port 0 stands for the port that the URL's scheme implies.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_most_specific_entry_counts() {
        let resolve = Resolve::parse([
            "*.com=127.0.0.1:1",
            "*.example.com=127.0.0.1:2",
            "a.example.com=127.0.0.1:3",
        ])
        .unwrap();
        let port = |name| resolve.address(name).map(|address| address.port());
        assert_eq!(port("a.example.com"), Some(3));
        assert_eq!(port("A.EXAMPLE.com."), Some(3));
        assert_eq!(port("b.example.com"), Some(2));
        assert_eq!(port("c.b.example.com"), Some(2));
        assert_eq!(port("example.com"), Some(1));
        assert_eq!(port("com"), None);
        assert_eq!(port("example.org"), None);
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for entry in [
            "",
            "a",
            "a=",
            "a=b:1",
            "a=127.0.0.1",
            "=127.0.0.1:1",
            "*=127.0.0.1:1",
            "*.=127.0.0.1:1",
            "a b=127.0.0.1:1",
            "a..b=127.0.0.1:1",
            "https://a=127.0.0.1:1",
        ] {
            assert!(Resolve::parse([entry]).is_err(), "{entry}");
        }
        assert!(Resolve::parse(["a=127.0.0.1:1", "A=127.0.0.1:2"]).is_err());
    }

    proptest! {
        #[test]
        fn no_entry_and_no_name_panics(entry in "\\PC{0,40}", name in "\\PC{0,40}") {
            if let Ok(resolve) = Resolve::parse([entry]) {
                resolve.address(&name);
            }
        }
    }
}
