//! The guarded client: redirects, names that answer differently each time, answers without an end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use coinsphere_channels::{Lookup, OutboundError, OutboundRequest, Refusal};
use hyper::header::{HeaderMap, HeaderName, LOCATION};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::server::{Server, answer};
use crate::{client, client_within, no_lookup};

fn request(url: &str) -> OutboundRequest {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-test"), "1".parse().unwrap());
    OutboundRequest {
        url: url.parse().unwrap(),
        headers,
        body: Bytes::from_static(b"body"),
    }
}

/// Gives each lookup the next of these answers, the last one for ever.
fn answers(answers: &[&[&str]]) -> (Lookup, Arc<Mutex<Vec<String>>>) {
    let answers: Vec<Vec<IpAddr>> = answers
        .iter()
        .map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect())
        .collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |name| {
        let mut names = names.lock().unwrap();
        let answer = answers[names.len().min(answers.len() - 1)].clone();
        names.push(name);
        Box::pin(async move { io::Result::Ok(answer) })
    });
    (lookup, asked)
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = Server::start(|_| answer(202, "taken")).await;
    let client = client(&[server.allowed()], no_lookup());
    let got = client.send(request(&server.url("/hook?a=b#part"))).await;
    let got = got.unwrap();
    assert_eq!((got.status.as_u16(), &got.body[..]), (202, &b"taken"[..]));
    let received = server.only();
    assert_eq!(received.method, "POST");
    assert_eq!(received.target, "/hook?a=b");
    assert_eq!(received.header("x-test"), "1");
    assert_eq!(received.header("host"), server.allowed());
    assert_eq!(received.body, "body");
}

#[tokio::test]
async fn redirects_are_answers_and_never_followed() {
    let inside = Server::start(|_| answer(200, "secret")).await;
    let targets = [
        inside.url("/"),
        format!("//{}/", inside.allowed()),
        "/elsewhere".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[::1]/".to_owned(),
        "https://localhost/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for target in targets {
        for status in [301, 302, 303, 307, 308] {
            let location = target.clone();
            let redirecting = Server::start(move |_| {
                let mut redirect = answer(status, "");
                redirect
                    .headers_mut()
                    .insert(LOCATION, location.parse().unwrap());
                redirect
            })
            .await;
            // Even to where the operator allows requests.
            let client = client(&[redirecting.allowed(), inside.allowed()], no_lookup());
            let got = client
                .send(request(&redirecting.url("/hook")))
                .await
                .unwrap();
            assert_eq!(got.status.as_u16(), status, "{target}");
            assert_eq!(redirecting.received().len(), 1, "{target}");
        }
    }
    assert_eq!(inside.received().len(), 0);
}

/// A name whose first answer is allowed and whose second is not: a client that looks up once to check and again
/// to connect would reach the second.
#[tokio::test]
async fn the_address_that_was_judged_is_the_one_connected_to() {
    let allowed = Server::start(|_| answer(200, "allowed")).await;
    let port = allowed.address.port();
    let forbidden = SocketAddr::new("127.0.0.2".parse().unwrap(), port);
    let forbidden = Server::start_at(forbidden, |_| answer(200, "forbidden")).await;
    let (lookup, asked) = answers(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let client = client(&[allowed.allowed()], lookup);
    let url = format!("http://rebinding.example:{port}/hook");

    let first = client.send(request(&url)).await.unwrap();
    assert_eq!(first.body, "allowed");
    assert_eq!(*asked.lock().unwrap(), ["rebinding.example"]);
    let second = client.send(request(&url)).await;
    let refused: IpAddr = "127.0.0.2".parse().unwrap();
    assert!(matches!(second, Err(OutboundError::Refused(Refusal::Address(ip))) if ip == refused));
    assert_eq!(
        asked.lock().unwrap().len(),
        2,
        "looked up for each attempt, once"
    );
    assert_eq!(allowed.received().len(), 1);
    assert_eq!(forbidden.received().len(), 0);
}

#[tokio::test]
async fn a_name_with_one_refused_address_is_refused() {
    let server = Server::start(|_| answer(200, "")).await;
    let port = server.address.port();
    for addresses in [
        &["127.0.0.1", "10.0.0.1"][..],
        &["10.0.0.1", "127.0.0.1"],
        &["127.0.0.1", "::ffff:10.0.0.1"],
        &["127.0.0.1", "64:ff9b::a00:1"],
        &["127.0.0.1", "169.254.169.254"],
        &["127.0.0.1", "fe80::1"],
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.1", "0.0.0.0"],
    ] {
        let (lookup, _) = answers(&[addresses]);
        let client = client(&[server.allowed()], lookup);
        let url = format!("http://two-addresses.example:{port}/");
        let refused = client.send(request(&url)).await;
        assert!(
            matches!(refused, Err(OutboundError::Refused(Refusal::Address(_)))),
            "{addresses:?}"
        );
    }
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn names_that_stand_for_private_addresses_are_refused_without_a_connection() {
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::",
        "fd00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "2001:db8::1",
    ] {
        let (lookup, asked) = answers(&[&[address]]);
        let refused = client(&[], lookup)
            .send(request("https://looks-public.example/hook"))
            .await;
        let Err(OutboundError::Refused(refusal)) = refused else {
            panic!("{address} was not refused");
        };
        assert_eq!(refusal, Refusal::Address(address.parse().unwrap()));
        assert_eq!(refusal.to_string(), "address not allowed");
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}

/// URLs that are refused for what they say, before anything is looked up, literal hosts above all: a connector never
/// asks its resolver for them.
#[tokio::test]
async fn refused_urls_reach_neither_resolver_nor_server() {
    let server = Server::start(|_| answer(200, "")).await;
    let port = server.address.port();
    let client = client(&[], no_lookup());
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        format!("https://0177.0.0.1:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://[::ffff:7f00:1]:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://router.local:{port}/"),
        "https://user:secret@hooks.example.org/".to_owned(),
        "https://hooks.example.org:8443/".to_owned(),
        "http://hooks.example.org/".to_owned(),
    ] {
        let refused = client.send(request(&url)).await.err().unwrap();
        assert!(matches!(refused, OutboundError::Refused(_)), "{url}");
        assert!(!refused.is_retriable(), "{url}");
    }
    assert_eq!(server.received().len(), 0);
}

#[tokio::test]
async fn a_public_address_is_reached_only_by_https() {
    // The port is open in the operator's network, so the name is looked up; its address is elsewhere.
    let (lookup, _) = answers(&[&["1.1.1.1"]]);
    let client = client(&["192.168.1.0/24:8123".to_owned()], lookup);
    let plain = client.send(request("http://home.example:8123/")).await;
    assert!(matches!(
        plain,
        Err(OutboundError::Refused(Refusal::Scheme))
    ));
    let encrypted = client.send(request("https://home.example:8123/")).await;
    assert!(matches!(
        encrypted,
        Err(OutboundError::Refused(Refusal::Port(8123)))
    ));
}

#[tokio::test]
async fn a_long_answer_is_read_to_its_limit() {
    let server = Server::start(|_| answer(200, vec![b'x'; 1_000_000])).await;
    let client = client(&[server.allowed()], no_lookup());
    let got = client.send(request(&server.url("/"))).await.unwrap();
    assert_eq!(got.body.len(), 4096);
}

/// Accepts connections, answers a request with these bytes, and then says nothing more.
async fn silent(bytes: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                stream.write_all(bytes).await.unwrap();
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn receivers_that_stop_talking_are_left() {
    for bytes in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun",
    ] {
        let (address, connections) = silent(bytes).await;
        let allow = [address.to_string()];
        let client = client_within(Duration::from_millis(200), &allow, no_lookup());
        let error = client.send(request(&format!("http://{address}/"))).await;
        let error = error.err().unwrap();
        assert!(matches!(error, OutboundError::TimedOut(_)), "{error}");
        assert!(error.is_retriable());
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn no_tls_where_it_must_be_and_a_closed_port_are_unreachable() {
    // It speaks no TLS at all, which a client that verifies cannot take for an answer.
    let server = Server::start(|_| answer(200, "")).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_address = closed.local_addr().unwrap();
    drop(closed);
    let client = client(&[server.allowed(), closed_address.to_string()], no_lookup());
    for url in [
        format!("https://{}/", server.allowed()),
        format!("http://{closed_address}/"),
    ] {
        let error = client.send(request(&url)).await.err().unwrap();
        assert!(matches!(error, OutboundError::Unreachable(_)), "{error}");
        assert!(error.is_retriable());
    }
    assert_eq!(server.received().len(), 0);
}
