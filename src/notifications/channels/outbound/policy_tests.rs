//! Addresses and URLs that are refused, and those next to them that are not.

use super::*;

fn policy(allow: &[&str], deny: &[&str]) -> OutboundPolicy {
    OutboundPolicy {
        allow: allow.iter().map(|open| open.parse().unwrap()).collect(),
        deny: deny.iter().map(|own| own.parse().unwrap()).collect(),
    }
}

fn judged(policy: &OutboundPolicy, url: &str) -> Result<(), Refusal> {
    policy.check_url(&Url::parse(url).unwrap())
}

/// Hosts that are an address of the own computer or network, in the ways a URL can write them.
const PRIVATE_HOSTS: [&str; 62] = [
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "10.255.255.255",
    "012.0.0.1",
    "0xa.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "127。0。0。1",
    "127.0.0.1",
    "169.254.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "3232235521",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:0:192.168.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::a00:1]",
    "[100::1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:c0a8:1::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
];

#[test]
fn hosts_that_are_no_public_address_are_refused() {
    for host in PRIVATE_HOSTS {
        let refused = judged(&OutboundPolicy::default(), &format!("https://{host}/hook"));
        assert!(
            matches!(refused, Err(Refusal::Address(_))),
            "{host} {refused:?}"
        );
    }
}

#[test]
fn public_addresses_and_names_are_not() {
    for host in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "128.0.0.0",
        "172.32.0.0",
        "192.0.1.0",
        "223.255.255.255",
        "[2606:4700::1111]",
        "[::ffff:8.8.8.8]",
        "hooks.example.org",
        "hooks.example.org.",
        "hooks.example.org:443",
        "local.example.org",
        "notlocal.org",
        "xn--bcher-kva.example",
    ] {
        let judged = judged(&OutboundPolicy::default(), &format!("https://{host}/hook"));
        assert_eq!(judged, Ok(()), "{host}");
    }
}

#[test]
fn local_names_are_refused() {
    for host in [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "intranet",
        "printer.local",
        "printer.LOCAL.",
        "metadata.google.internal",
        "db.internal.",
        "a.localhost",
        "nas.home.arpa",
        "redis",
        "example..",
    ] {
        let refused = judged(&OutboundPolicy::default(), &format!("https://{host}/hook"));
        assert!(
            matches!(refused, Err(Refusal::LocalName(_))),
            "{host} {refused:?}"
        );
    }
}

#[test]
fn what_a_url_must_not_be() {
    for (url, why) in [
        ("http://hooks.example.org/", Refusal::Scheme),
        ("http://1.1.1.1/", Refusal::Scheme),
        ("ftp://hooks.example.org/", Refusal::Scheme),
        ("file:///etc/passwd", Refusal::Scheme),
        ("gopher://127.0.0.1:6379/_", Refusal::Scheme),
        ("data:text/plain,x", Refusal::Scheme),
        ("https://user@hooks.example.org/", Refusal::Credentials),
        ("https://:secret@hooks.example.org/", Refusal::Credentials),
        ("https://1.1.1.1@hooks.example.org/", Refusal::Credentials),
        ("https://hooks.example.org:8443/", Refusal::Port(8443)),
        ("https://hooks.example.org:80/", Refusal::Port(80)),
        ("https://1.1.1.1:22/", Refusal::Port(22)),
    ] {
        let refused = judged(&OutboundPolicy::default(), url);
        assert_eq!(refused, Err(why), "{url}");
    }
}

#[test]
fn an_operator_opens_networks_with_their_ports() {
    let open = policy(&["192.168.1.0/24:8123", "[fd00::/8]:8123"], &[]);
    for url in [
        "http://192.168.1.5:8123/api/webhook/x",
        "https://192.168.1.5:8123/",
        "http://[fd00::5]:8123/",
        "http://[::ffff:192.168.1.5]:8123/",
        "http://homeassistant.example.org:8123/",
    ] {
        assert_eq!(judged(&open, url), Ok(()), "{url}");
    }
    for url in [
        "https://192.168.1.5/",
        "http://192.168.1.5:8124/",
        "http://192.168.2.5:8123/",
        "http://[64:ff9b::192.168.1.5]:8123/",
        "http://[2002:c0a8:105::]:8123/",
        "http://127.0.0.1:8123/",
    ] {
        let refused = judged(&open, url);
        assert!(
            matches!(refused, Err(Refusal::Address(_))),
            "{url} {refused:?}"
        );
    }
    assert_eq!(
        judged(&open, "https://1.1.1.1:8123/"),
        Err(Refusal::Port(8123))
    );
    assert_eq!(judged(&open, "http://1.1.1.1:8123/"), Err(Refusal::Scheme));
}

#[test]
fn a_listed_translation_prefix_opens_no_private_address_behind_it() {
    let open = policy(&["64:ff9b::/96"], &[]);
    assert_eq!(judged(&open, "https://[64:ff9b::8.8.8.8]/"), Ok(()));
    for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254"] {
        let refused = judged(&open, &format!("https://[64:ff9b::{inside}]/"));
        assert!(matches!(refused, Err(Refusal::Address(_))), "{inside}");
    }
}

#[test]
fn no_setting_opens_where_clouds_hand_out_credentials() {
    let all = policy(
        &["0.0.0.0/0:80", "0.0.0.0/0:443", "[::/0]:80", "[::/0]:443"],
        &[],
    );
    assert_eq!(judged(&all, "http://169.254.169.253/"), Ok(()));
    for host in [
        "169.254.169.254",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "[::ffff:0:169.254.169.254]",
        "[::169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
    ] {
        for scheme in ["http", "https"] {
            let refused = judged(&all, &format!("{scheme}://{host}/latest/meta-data"));
            let Err(refusal @ Refusal::Address(_)) = refused else {
                panic!("{scheme} {host} {refused:?}");
            };
            assert!(refusal.for_admin().contains("no setting"), "{host}");
        }
    }
}

#[test]
fn the_servers_own_services_are_refused_although_listed() {
    let all = policy(
        &[
            "127.0.0.0/8:5432",
            "127.0.0.0/8:3001",
            "192.168.1.0/24:3001",
            "127.0.0.0/8:80",
        ],
        &["127.0.0.1:5432", "0.0.0.0:3001"],
    );
    for url in [
        "http://127.0.0.1:5432/",
        "http://[::ffff:127.0.0.1]:5432/",
        "http://127.0.0.1:3001/",
        "http://192.168.1.4:3001/",
    ] {
        let refused = judged(&all, url);
        assert!(matches!(refused, Err(Refusal::Address(_))), "{url}");
    }
    assert_eq!(judged(&all, "http://127.0.0.2:5432/"), Ok(()));
    assert_eq!(judged(&all, "http://127.0.0.1/"), Ok(()));
}

#[test]
fn only_administrators_read_of_the_network() {
    let refused = judged(&OutboundPolicy::default(), "https://192.168.1.5/").unwrap_err();
    assert_eq!(refused.to_string(), "address not allowed");
    let for_admin = refused.for_admin();
    assert!(for_admin.contains("192.168.1.5"), "{for_admin}");
    assert!(
        for_admin.contains("notifications.allow_private"),
        "{for_admin}"
    );
}
