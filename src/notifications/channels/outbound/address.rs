//! Addresses that are not the public internet: IANA's special-purpose registries as a table, and IPv4
//! addresses written as IPv6. Pure; what an operator allows is not known here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), bits)
}

const fn v6(a: u16, b: u16, c: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), bits)
}

/// IPv4 special-purpose addresses (RFC 6890), multicast (RFC 5771) and what is reserved (RFC 1112).
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 8),
    v4(10, 0, 0, 8),
    v4(100, 64, 0, 10),
    v4(127, 0, 0, 8),
    v4(169, 254, 0, 16),
    v4(172, 16, 0, 12),
    v4(192, 0, 0, 24),
    v4(192, 0, 2, 24),
    v4(192, 88, 99, 24),
    v4(192, 168, 0, 16),
    v4(198, 18, 0, 15),
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    v4(224, 0, 0, 4),
    v4(240, 0, 0, 4),
];

/// IPv6 special-purpose addresses (RFC 6890), what was site-local (RFC 3879) and multicast (RFC 4291).
const SPECIAL_V6: [Ipv6Net; 14] = [
    Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128),
    Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128),
    v6(0x64, 0xff9b, 0, 96),
    v6(0x64, 0xff9b, 1, 48),
    v6(0x100, 0, 0, 64),
    v6(0x2001, 0, 0, 23),
    v6(0x2001, 0xdb8, 0, 32),
    v6(0x2002, 0, 0, 16),
    v6(0x3fff, 0, 0, 20),
    v6(0x5f00, 0, 0, 16),
    v6(0xfc00, 0, 0, 7),
    v6(0xfe80, 0, 0, 10),
    v6(0xfec0, 0, 0, 10),
    v6(0xff00, 0, 0, 8),
];

/// Addresses at which clouds hand out credentials to whoever asks. No allow list opens them.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Returns whether the address belongs to a special-purpose range.
pub(super) fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => SPECIAL_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => SPECIAL_V6.iter().any(|range| range.contains(&address)),
    }
}

/// Returns whether a cloud's credentials are served there.
pub(super) fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address)
}

/// The IPv4 address that an IPv6 address stands for, if it does: IPv4-mapped and IPv4-compatible (RFC 4291,
/// section 2.5.5), IPv4-translated (RFC 2765), NAT64 (RFC 6052) and 6to4 (RFC 3056).
pub(super) fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let low = Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32);
    match bits >> 32 {
        0 if bits <= 1 => None,
        0 | 0xffff | 0xffff_0000 | 0x64_ff9b_0000_0000_0000_0000 => Some(low),
        _ if bits >> 112 == 0x2002 => Some(Ipv4Addr::from_bits((bits >> 80) as u32)),
        _ => None,
    }
}

/// Addresses that a connection to this one may reach: itself (an IPv4-mapped one is only the IPv4 address,
/// which is what a socket connects to), and the IPv4 address inside.
pub(super) fn reached(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let canonical = address.to_canonical();
    let inside = match canonical {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => embedded_v4(address).map(IpAddr::V4),
    };
    std::iter::once(canonical).chain(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First and last address of a range.
    fn ends(range: &str) -> (IpAddr, IpAddr) {
        let range: ipnet::IpNet = range.parse().unwrap();
        (range.network(), range.broadcast())
    }

    fn step(address: IpAddr, by: i8) -> Option<IpAddr> {
        match address {
            IpAddr::V4(address) => address
                .to_bits()
                .checked_add_signed(by.into())
                .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            IpAddr::V6(address) => address
                .to_bits()
                .checked_add_signed(by.into())
                .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        }
    }

    /// The rows as the registries write them, and whether what comes before and after is public.
    const ROWS: [(&str, bool, bool); 29] = [
        ("0.0.0.0/8", false, true),
        ("10.0.0.0/8", true, true),
        ("100.64.0.0/10", true, true),
        ("127.0.0.0/8", true, true),
        ("169.254.0.0/16", true, true),
        ("172.16.0.0/12", true, true),
        ("192.0.0.0/24", true, true),
        ("192.0.2.0/24", true, true),
        ("192.88.99.0/24", true, true),
        ("192.168.0.0/16", true, true),
        ("198.18.0.0/15", true, true),
        ("198.51.100.0/24", true, true),
        ("203.0.113.0/24", true, true),
        ("224.0.0.0/4", true, false),
        ("240.0.0.0/4", false, false),
        ("::/128", false, false),
        ("::1/128", false, true),
        ("64:ff9b::/96", true, true),
        ("64:ff9b:1::/48", true, true),
        ("100::/64", true, true),
        ("2001::/23", true, true),
        ("2001:db8::/32", true, true),
        ("2002::/16", true, true),
        ("3fff::/20", true, true),
        ("5f00::/16", true, true),
        ("fc00::/7", true, true),
        ("fe80::/10", true, false),
        ("fec0::/10", false, false),
        ("ff00::/8", false, false),
    ];

    #[test]
    fn every_row_ends_where_its_registry_says() {
        assert_eq!(ROWS.len(), SPECIAL_V4.len() + SPECIAL_V6.len());
        for (range, before, after) in ROWS {
            let (first, last) = ends(range);
            assert!(is_special(first), "{range} begins with {first}");
            assert!(is_special(last), "{range} ends with {last}");
            for (neighbour, public) in [(step(first, -1), before), (step(last, 1), after)] {
                let is_public = neighbour.is_some_and(|address| !is_special(address));
                assert_eq!(is_public, public, "{range} next to {neighbour:?}");
            }
        }
    }

    #[test]
    fn ipv4_addresses_are_found_inside_of_ipv6() {
        for (written, inside) in [
            ("::ffff:10.1.2.3", Some("10.1.2.3")),
            ("::ffff:0:10.1.2.3", Some("10.1.2.3")),
            ("::10.1.2.3", Some("10.1.2.3")),
            ("::2", Some("0.0.0.2")),
            ("64:ff9b::10.1.2.3", Some("10.1.2.3")),
            ("2002:a01:203::", Some("10.1.2.3")),
            ("2002:a01:203:ffff::1", Some("10.1.2.3")),
            ("::", None),
            ("::1", None),
            ("64:ff9c::10.1.2.3", None),
            ("2003:a01:203::", None),
            ("2606:4700::1111", None),
        ] {
            let found = embedded_v4(written.parse().unwrap());
            assert_eq!(found, inside.map(|v4| v4.parse().unwrap()), "{written}");
        }
    }
}
