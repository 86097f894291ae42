//! Destinations that an operator opens, as the configuration writes them: `192.168.1.0/24:8123`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The port of HTTPS.
pub(super) const HTTPS: u16 = 443;

/// A network, or one address, and the port that is open there: `192.168.1.0/24:8123`, `192.168.1.7` (port 443),
/// `[fd00::/8]:8123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowedDestination {
    network: IpNet,
    port: u16,
}

/// A text that is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network with a port: write it as 192.168.1.0/24:8123 or [fd00::/8]:8123")]
pub struct AllowedDestinationError(String);

impl AllowedDestination {
    /// The port that is open.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn contains(&self, address: IpAddr, port: u16) -> bool {
        self.port == port && self.network.contains(&address)
    }
}

fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    Some(network.trunc())
}

fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

fn parse(text: &str) -> Option<AllowedDestination> {
    let (network_text, port_text) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inside, rest) = rest.split_once(']')?;
            match rest {
                "" => (inside, None),
                _ => (inside, Some(rest.strip_prefix(':')?)),
            }
        }
        // More than one colon is an IPv6 network without a port.
        None => match text.split_once(':') {
            Some((network, port)) if !port.contains(':') => (network, Some(port)),
            _ => (text, None),
        },
    };
    Some(AllowedDestination {
        network: network(network_text)?,
        port: port_text.map_or(Some(HTTPS), port)?,
    })
}

impl FromStr for AllowedDestination {
    type Err = AllowedDestinationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| AllowedDestinationError(text.to_owned()))
    }
}

impl fmt::Display for AllowedDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            IpNet::V4(network) => write!(f, "{network}:{}", self.port),
            IpNet::V6(network) => write!(f, "[{network}]:{}", self.port),
        }
    }
}

impl Serialize for AllowedDestination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AllowedDestination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_and_written() {
        for (written, read) in [
            ("192.168.1.0/24:8123", "192.168.1.0/24:8123"),
            ("192.168.1.77/24:8123", "192.168.1.0/24:8123"),
            ("192.168.1.7", "192.168.1.7/32:443"),
            ("10.0.0.0/8", "10.0.0.0/8:443"),
            ("127.0.0.1:80", "127.0.0.1/32:80"),
            ("[fd00::/8]:8123", "[fd00::/8]:8123"),
            ("[fd00::7]:8123", "[fd00::7/128]:8123"),
            ("[fd00::7]", "[fd00::7/128]:443"),
            ("fd00::/8", "[fd00::/8]:443"),
        ] {
            let destination: AllowedDestination = written.parse().unwrap();
            assert_eq!(destination.to_string(), read);
            assert_eq!(read.parse(), Ok(destination));
        }
    }

    #[test]
    fn what_is_no_destination_is_named() {
        for wrong in [
            "",
            "home.example:8123",
            "192.168.1.0/33:80",
            "192.168.1.0/24:0",
            "192.168.1.0/24:+80",
            "192.168.1.0/24:65536",
            "192.168.1.0/24:",
            "[fd00::/8]8123",
            "[fd00::/8",
            "[fd00::]/8:80",
        ] {
            let error = wrong.parse::<AllowedDestination>().unwrap_err();
            assert!(error.to_string().contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn a_destination_is_a_network_and_a_port() {
        let open: AllowedDestination = "192.168.1.0/24:8123".parse().unwrap();
        let contains = |address: &str, port| open.contains(address.parse().unwrap(), port);
        assert!(contains("192.168.1.255", 8123));
        assert!(!contains("192.168.1.255", 443));
        assert!(!contains("192.168.2.0", 8123));
        assert!(!contains("::ffff:192.168.1.1", 8123));
    }
}
