//! Where a request comes from: the socket's address, unless that is a proxy which is trusted to say
//! whom it speaks for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::client_address::{ClientAddress, Peer};
use crate::http::state::AccountState;
use crate::network::Network;

/// Puts the [`ClientAddress`] into the request.
pub(in crate::http) async fn find(
    State(state): State<AccountState>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let address = client(peer, request.headers(), &state.http.trusted_proxies);
    request.extensions_mut().insert(ClientAddress(address));
    next.run(request).await
}

/// `X-Forwarded-For` grows at its end: each proxy appends whom it heard from. Read from there, the
/// first address that is no trusted proxy is the client; what stands before it, the client may have
/// made up. An entry that is no address ends the reading at the proxy that wrote it.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|proxy| proxy.contains(address));
    let mut at = peer.to_canonical();
    if trusted.is_empty() {
        return at;
    }
    let entries = headers
        .get_all("x-forwarded-for")
        .iter()
        .collect::<Vec<_>>();
    let entries = entries
        .iter()
        .rev()
        .flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    for entry in entries {
        if !is_trusted(at) {
            break;
        }
        match address_of(entry) {
            Some(address) => at = address.to_canonical(),
            None => break,
        }
    }
    at
}

/// The address of an entry, which some proxies write with a port, an IPv6 address then in brackets, with
/// brackets alone, or in quotes (as RFC 7239, section 6, has it for `Forwarded`).
fn address_of(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim().trim_matches('"');
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(socket) = entry.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let bare = entry.strip_prefix('[')?.strip_suffix(']')?;
    bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<Network> = ["10.0.0.0/8", "127.0.0.1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let at = |peer: &str, forwarded: &[&str], trusted: &[Network]| {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            client(peer.parse().unwrap(), &headers, trusted).to_string()
        };
        for (peer, forwarded, expected) in [
            ("203.0.113.9", &["1.1.1.1"][..], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (
                "10.0.0.1",
                &["6.6.6.6", "203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            ("10.0.0.1", &["203.0.113.9, junk"], "10.0.0.1"),
            ("127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("127.0.0.1", &["203.0.113.9:41234"], "203.0.113.9"),
            ("127.0.0.1", &["[2001:db8::1]:41234"], "2001:db8::1"),
            ("127.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("127.0.0.1", &["\"[2001:db8::1]:41234\""], "2001:db8::1"),
            ("127.0.0.1", &["[::ffff:203.0.113.9]:80"], "203.0.113.9"),
            (
                "10.0.0.1",
                &["203.0.113.9:5, 10.0.0.2:80, [::ffff:10.0.0.3]:80"],
                "203.0.113.9",
            ),
            ("10.0.0.1", &["203.0.113.9:port"], "10.0.0.1"),
            ("10.0.0.1", &["[203.0.113.9]"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9:"], "10.0.0.1"),
        ] {
            assert_eq!(
                at(peer, forwarded, &trusted),
                expected,
                "{peer} {forwarded:?}"
            );
        }
        assert_eq!(at("10.0.0.1", &["203.0.113.9"], &[]), "10.0.0.1");
    }
}
