use std::net::IpAddr;

/// A range of IP addresses in CIDR notation; a lone address is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    pub(super) fn parse(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= longest).then_some(Network { address, prefix })
    }

    /// An address of the other family is never in it.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(32 - self.prefix)
                    .unwrap_or(0)
                    == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits())
                    .checked_shr(128 - self.prefix)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, address, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.7/24", "203.0.113.9", true),
            ("203.0.113.9", "203.0.113.9", true),
            ("203.0.113.9", "203.0.113.8", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("::/0", "8.8.8.8", false),
            ("2001:db8:1234:5678::/64", "2001:DB8:1234:5678:0:0:0:1", true),
            ("2001:db8:1234:5678::/64", "2001:db8:1234:5679::1", false),
            ("::/0", "::1", true),
        ] {
            let network = Network::parse(range).unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                expected,
                "{range} {address}"
            );
        }
    }

    #[test]
    fn what_is_no_range() {
        for text in [
            "",
            "*",
            "203.0.113.0/33",
            "203.0.113/24",
            "::/129",
            "203.0.113.0/",
            "203.0.113.0/+8",
            "1.2.3.4/8/8",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
