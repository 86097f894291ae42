//! Which URLs and addresses may be reached. Pure: it looks nothing up.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

use super::address::{is_metadata, is_special, reached};
use super::allowed::{AllowedDestination, HTTPS};

/// Why no request is made. The text is for any user, who learns nothing of the server's network by it;
/// [`Refusal::for_admin`] names the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another scheme than `https`, or `http` to where the operator has not allowed it.
    #[error("the URL must begin with https://")]
    Scheme,
    /// A user name or password in the URL.
    #[error("the URL must not contain a user name or password")]
    Credentials,
    /// The host is a name of the own computer or network.
    #[error("address not allowed")]
    LocalName(String),
    /// The host, or an address it has, is not on the public internet.
    #[error("address not allowed")]
    Address(IpAddr),
    /// A port other than 443.
    #[error("port not allowed: use 443")]
    Port(u16),
}

impl Refusal {
    /// The refusal in words for an administrator, with the setting that lifts it.
    #[must_use]
    pub fn for_admin(&self) -> String {
        match self {
            Self::LocalName(name) => format!(
                "{self}: {name} is a local name; use the host's address, and list it in notifications.allow_private"
            ),
            Self::Address(address) if reached(*address).any(is_metadata) => {
                format!("{self}: {address} serves a cloud's credentials, which no setting opens")
            }
            Self::Address(address) => format!(
                "{self}: {address} is not public; list it with its port in notifications.allow_private to allow it"
            ),
            Self::Port(_) | Self::Scheme => format!(
                "{self}, or list the address with its port in notifications.allow_private to allow it"
            ),
            Self::Credentials => self.to_string(),
        }
    }
}

/// Destinations that are open besides the public internet, and those that are closed in any case.
#[derive(Debug, Clone, Default)]
pub struct OutboundPolicy {
    /// Opened by the operator: private networks, other ports, and plain HTTP there.
    pub allow: Vec<AllowedDestination>,
    /// The server's own: where it listens, its database, its Redis. An unspecified address (`0.0.0.0:3001`)
    /// stands for all addresses.
    pub deny: Vec<SocketAddr>,
}

/// Suffixes of names that mean the own computer or network (RFC 6761, RFC 6762, RFC 8375, ICANN's
/// `.internal`).
const LOCAL_SUFFIXES: [&str; 4] = [".local", ".internal", ".localhost", ".home.arpa"];

fn is_local(name: &str) -> bool {
    // A full stop at the end only says that the name is complete.
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    !name.contains('.')
        || name.ends_with('.')
        || LOCAL_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

impl OutboundPolicy {
    /// Judges a URL by what it says. A host that is an address is judged as one: in brackets, decimal, octal
    /// or hexadecimal, as it was parsed. Addresses of a name are judged when they are known.
    ///
    /// # Errors
    /// Why nothing is sent there.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        let is_encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(Refusal::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let port = url.port_or_known_default().unwrap_or(HTTPS);
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(address.into(), port, is_encrypted),
            Some(Host::Ipv6(address)) => self.check_address(address.into(), port, is_encrypted),
            Some(Host::Domain(name)) if is_local(name) => Err(Refusal::LocalName(name.to_owned())),
            // Where nothing with this port is allowed, no answer of a name server can help.
            Some(Host::Domain(_)) if !self.allow.iter().any(|open| open.port() == port) => {
                Self::check_public(port, is_encrypted)
            }
            Some(Host::Domain(_)) => Ok(()),
            None => Err(Refusal::Scheme),
        }
    }

    /// Judges an address that would be connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check_address(
        &self,
        address: IpAddr,
        port: u16,
        is_encrypted: bool,
    ) -> Result<(), Refusal> {
        for reached in reached(address) {
            let is_listed = || self.allow.iter().any(|open| open.contains(reached, port));
            if is_metadata(reached) || self.is_own(reached, port) {
                return Err(Refusal::Address(address));
            }
            if is_special(reached) && !is_listed() {
                return Err(Refusal::Address(address));
            }
        }
        let canonical = address.to_canonical();
        if self.allow.iter().any(|open| open.contains(canonical, port)) {
            return Ok(());
        }
        Self::check_public(port, is_encrypted)
    }

    const fn check_public(port: u16, is_encrypted: bool) -> Result<(), Refusal> {
        if !is_encrypted {
            return Err(Refusal::Scheme);
        }
        if port != HTTPS {
            return Err(Refusal::Port(port));
        }
        Ok(())
    }

    fn is_own(&self, address: IpAddr, port: u16) -> bool {
        self.deny.iter().any(|own| {
            own.port() == port && (own.ip().is_unspecified() || own.ip().to_canonical() == address)
        })
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
