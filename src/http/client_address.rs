//! The address that a request comes from, for limits and records.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;

use crate::network::counted_as;

/// The other end of the socket; the server puts it into each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// The client's address, for limits and records; in every request's extensions, and an extractor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Key that limits count by.
    #[must_use]
    pub fn limit_key(self) -> String {
        counted_as(self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(of(&parts.extensions))
    }
}

/// Of a request with these extensions.
pub(in crate::http) fn of(extensions: &Extensions) -> ClientAddress {
    let found = extensions.get::<ClientAddress>().copied();
    found.unwrap_or(ClientAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_cannot_choose_another_key() {
        let key = |text: &str| ClientAddress(text.parse().unwrap()).limit_key();
        assert_eq!(key("2001:db8:0:7:1:2:3:4"), "2001:db8:0:7::/64");
        assert_eq!(key("2001:db8:0:7:ffff::"), "2001:db8:0:7::/64");
        assert_ne!(key("2001:db8:0:8::1"), "2001:db8:0:7::/64");
        assert_eq!(key("::ffff:1.2.3.4"), "1.2.3.4");
    }
}
