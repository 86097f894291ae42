//! The RFC's own example, each rule, and that nothing can be changed on the way.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::http::{HeaderValue, Method, Request};
use data_encoding::BASE64;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

const KEY_ID: &str = "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60";
const NOW: i64 = 1_618_884_473;
const BODY: &[u8] = br#"{"name": "notebook"}"#;

/// A request and its signature, every part open to be changed.
#[derive(Debug, Clone)]
struct Sent {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    /// Reads it as a server does; `None` where that refuses it before anybody looks at signatures.
    fn verified(&self) -> Option<Result<String, Fault>> {
        self.verified_at(NOW)
    }

    fn verified_at(&self, now: i64) -> Option<Result<String, Fault>> {
        let mut request = Request::builder()
            .method(Method::from_bytes(self.method.as_bytes()).ok()?)
            .uri(&self.uri)
            .body(())
            .ok()?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let value = HeaderValue::from_str(value).ok()?;
            request.headers_mut().append(name, value);
        }
        let message = Message {
            method: request.method(),
            uri: request.uri(),
            scheme: "https",
            headers: request.headers(),
        };
        let expected = Expected {
            key_id: KEY_ID,
            public_key: &public_key(&pair()),
            now: DateTime::from_timestamp(now, 0).unwrap(),
            window: TimeDelta::seconds(60),
        };
        Some(verify(&message, &self.body, expected))
    }

    fn header(&mut self, name: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(one, _)| one == name);
        &mut found.unwrap().1
    }
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap()
}

fn public_key(pair: &Ed25519KeyPair) -> PublicKey {
    BASE64.encode(pair.public_key().as_ref()).parse().unwrap()
}

/// Signs as the RFC says, written independently of what is tested.
fn signed(components: &[(&str, &str)], parameters: &str) -> Sent {
    let names: Vec<String> = components
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let input = format!("({}){parameters}", names.join(" "));
    let mut base: String = components
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}\n"))
        .collect();
    base.push_str(&format!("\"@signature-params\": {input}"));
    let signature = BASE64.encode(pair().sign(base.as_bytes()).as_ref());
    Sent {
        method: "POST".to_owned(),
        uri: "/api/v1/auth/api-keys?a=1&b=%20".to_owned(),
        headers: vec![
            ("host".to_owned(), "Coins.Example".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("content-digest".to_owned(), digest_of(BODY)),
            ("signature-input".to_owned(), format!("sig1={input}")),
            ("signature".to_owned(), format!("sig1=:{signature}:")),
        ],
        body: BODY.to_vec(),
    }
}

fn digest_of(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(body)))
}

const PARAMETERS: &str = ";created=1618884473;expires=1618884500;nonce=\"0123456789abcdef\";keyid=\"0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60\";alg=\"ed25519\"";

fn by_target(parameters: &str) -> Sent {
    let digest = digest_of(BODY);
    signed(
        &[
            ("@method", "POST"),
            (
                "@target-uri",
                "https://coins.example/api/v1/auth/api-keys?a=1&b=%20",
            ),
            ("content-type", "application/json"),
            ("content-digest", &digest),
        ],
        parameters,
    )
}

fn by_parts() -> Sent {
    let digest = digest_of(BODY);
    signed(
        &[
            ("content-digest", &digest),
            ("@query", "?a=1&b=%20"),
            ("@path", "/api/v1/auth/api-keys"),
            ("@authority", "coins.example"),
            ("@method", "POST"),
            ("content-type", "application/json"),
        ],
        PARAMETERS,
    )
}

/// RFC 9421, appendix B.2.6.
#[test]
fn the_rfcs_example_of_ed25519() {
    let request = Request::post("/foo?param=Value&Pet=dog")
        .header("host", "example.com")
        .header("date", "Tue, 20 Apr 2021 02:07:55 GMT")
        .header("content-type", "application/json")
        .header("content-length", "18")
        .header("signature-input", "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"")
        .header("signature", "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:")
        .body(())
        .unwrap();
    let message = Message {
        method: request.method(),
        uri: request.uri(),
        scheme: "https",
        headers: request.headers(),
    };
    let claim = Claim::read(message.headers, "test-key-ed25519").unwrap();
    let base = components::base(&claim, &message).unwrap();
    assert_eq!(
        base,
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
         \"@method\": POST\n\
         \"@path\": /foo\n\
         \"@authority\": example.com\n\
         \"content-type\": application/json\n\
         \"content-length\": 18\n\
         \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\""
    );
    let key: PublicKey = "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
        .parse()
        .unwrap();
    assert!(key.verifies(base.as_bytes(), &claim.signature));
    // It covers neither query nor body, so it would not do here.
    let expected = Expected {
        key_id: "test-key-ed25519",
        public_key: &key,
        now: DateTime::from_timestamp(NOW, 0).unwrap(),
        window: TimeDelta::seconds(60),
    };
    assert!(matches!(
        verify(&message, b"", expected),
        Err(Fault::NotCovered(_))
    ));
}

/// RFC 9421, section 2.2, and RFC 9530, appendix D (the digest of its example body).
#[test]
fn components_are_written_as_the_rfc_writes_them() {
    let request = Request::get("/path?param=value&foo=bar&baz=batman&qux=")
        .header("host", "WWW.example.com:443")
        .header("x-ows", "  Leading and trailing whitespace.   ")
        .header("cache-control", "max-age=60")
        .header("cache-control", "  must-revalidate")
        .header("x-empty", "")
        .header("signature", "s=:AA==:")
        .header("signature-input", "s=(\"@method\" \"@target-uri\" \"@authority\" \"@scheme\" \"@request-target\" \"@path\" \"@query\" \"x-ows\" \"cache-control\" \"x-empty\");keyid=\"k\"")
        .body(())
        .unwrap();
    let message = Message {
        method: request.method(),
        uri: request.uri(),
        scheme: "https",
        headers: request.headers(),
    };
    let claim = Claim::read(message.headers, "k").unwrap();
    let base = components::base(&claim, &message).unwrap();
    let lines: Vec<&str> = base.lines().collect();
    assert_eq!(
        lines[..10],
        [
            "\"@method\": GET",
            "\"@target-uri\": https://www.example.com/path?param=value&foo=bar&baz=batman&qux=",
            "\"@authority\": www.example.com",
            "\"@scheme\": https",
            "\"@request-target\": /path?param=value&foo=bar&baz=batman&qux=",
            "\"@path\": /path",
            "\"@query\": ?param=value&foo=bar&baz=batman&qux=",
            "\"x-ows\": Leading and trailing whitespace.",
            "\"cache-control\": max-age=60, must-revalidate",
            "\"x-empty\": ",
        ]
    );
    let mut headers = HeaderMap::new();
    let digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    headers.insert("content-digest", HeaderValue::from_static(digest));
    assert_eq!(digest::check(&headers, b"{\"hello\": \"world\"}"), Ok(()));
    assert_eq!(
        digest::check(&headers, b"{\"hello\": \"world\"}\n"),
        Err(Fault::WrongDigest)
    );
}

#[test]
fn a_good_signature_is_taken_under_any_label_and_beside_others() {
    assert_eq!(
        by_parts().verified(),
        Some(Ok("0123456789abcdef".to_owned()))
    );
    let mut sent = by_target(PARAMETERS);
    assert_eq!(sent.verified(), Some(Ok("0123456789abcdef".to_owned())));
    // A proxy's signature stands before ours.
    for name in ["signature-input", "signature"] {
        let value = sent.header(name);
        *value = value.replacen("sig1=", "mine=", 1);
    }
    let theirs = "proxy=(\"@method\");keyid=\"proxy\"".to_owned();
    sent.headers
        .insert(0, ("signature-input".to_owned(), theirs));
    sent.headers
        .insert(0, ("signature".to_owned(), "proxy=:AAAA:".to_owned()));
    assert_eq!(sent.verified(), Some(Ok("0123456789abcdef".to_owned())));
}

#[test]
fn each_rule_is_named() {
    let with = |from: &str, to: &str| by_target(&PARAMETERS.replace(from, to)).verified().unwrap();
    for (from, to, fault) in [
        (";created=1618884473", "", Fault::NoTime),
        (
            "created=1618884473",
            "created=\"1618884473\"",
            Fault::NoTime,
        ),
        ("created=1618884473", "created=1618884473.5", Fault::NoTime),
        (
            "created=1618884473",
            "created=1618884412",
            Fault::WrongTime(60),
        ),
        (
            "created=1618884473",
            "created=1618884534",
            Fault::WrongTime(60),
        ),
        (
            "created=1618884473",
            "created=999999999999999",
            Fault::NoTime,
        ),
        ("expires=1618884500", "expires=1618884472", Fault::Expired),
        ("expires=1618884500", "expires", Fault::Expired),
        ("nonce=\"0123456789abcdef\";", "", Fault::BadNonce),
        ("0123456789abcdef", "0123456789abcde", Fault::BadNonce),
        (
            "nonce=\"0123456789abcdef\"",
            "nonce=123456789012345",
            Fault::BadNonce,
        ),
        ("ed25519", "hmac-sha256", Fault::WrongAlgorithm),
        (
            KEY_ID,
            "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f61",
            Fault::NotOne,
        ),
        ("keyid", "keyed", Fault::NotOne),
    ] {
        assert_eq!(with(from, to), Err(fault), "{from} {to}");
    }
    assert!(with("created=1618884473", "created=1618884413").is_ok());
    assert!(with("created=1618884473", "created=1618884500").is_ok());
    assert!(with(";alg=\"ed25519\"", "").is_ok());
    assert!(with("expires=1618884500;", "").is_ok());
    assert!(with(";alg", ";tag=\"mine\";alg").is_ok());
    let late = by_target(PARAMETERS).verified_at(1_618_884_501);
    assert_eq!(late, Some(Err(Fault::Expired)));
    let in_time = by_target(PARAMETERS).verified_at(1_618_884_500);
    assert!(in_time.unwrap().is_ok());
}

#[test]
fn what_decides_is_covered() {
    let digest = digest_of(BODY);
    let method = ("@method", "POST");
    let target = (
        "@target-uri",
        "https://coins.example/api/v1/auth/api-keys?a=1&b=%20",
    );
    let body = ("content-digest", digest.as_str());
    let path = ("@path", "/api/v1/auth/api-keys");
    let authority = ("@authority", "coins.example");
    for components in [
        &[target, body][..],
        &[method, body],
        &[method, path, authority, body],
        &[method, target],
        &[],
    ] {
        let outcome = signed(components, PARAMETERS).verified().unwrap();
        assert!(
            matches!(outcome, Err(Fault::NotCovered(_))),
            "{components:?}: {outcome:?}"
        );
    }
    // Without a body there is no digest to cover.
    let mut empty = signed(&[method, target], PARAMETERS);
    empty.body.clear();
    assert!(empty.verified().unwrap().is_ok());
    let mut keyed = by_target(PARAMETERS);
    keyed
        .headers
        .push(("idempotency-key".to_owned(), "again".to_owned()));
    assert_eq!(
        keyed.verified(),
        Some(Err(Fault::NotCovered("`idempotency-key`")))
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    let twice = signed(&[("@method", "POST"), ("@method", "POST")], PARAMETERS);
    assert_eq!(
        twice.verified(),
        Some(Err(Fault::Repeated("`@method`".to_owned())))
    );
    let mut sent = by_target(PARAMETERS);
    let input = sent.header("signature-input").clone();
    for (from, to, fault) in [
        (
            "\"@method\"",
            "\"@method\";req",
            Fault::UnknownComponent("`@method`".to_owned()),
        ),
        (
            "\"content-type\"",
            "\"content-type\";sf",
            Fault::UnknownComponent("`content-type`".to_owned()),
        ),
        (
            "\"content-type\"",
            "\"@status\"",
            Fault::UnknownComponent("`@status`".to_owned()),
        ),
        (
            "\"content-type\"",
            "\"Content-Type\"",
            Fault::UnknownComponent("`Content-Type`".to_owned()),
        ),
        (
            "\"content-type\"",
            "\"x-missing\"",
            Fault::Absent("`x-missing`".to_owned()),
        ),
        (
            "\"content-type\"",
            "\"a b\"",
            Fault::Absent("`a b`".to_owned()),
        ),
        ("\"content-type\"", "content-type", Fault::Unreadable),
        ("sig1=(", "sig1=", Fault::Unreadable),
        ("sig1=(", "sig2=(", Fault::NoValue),
    ] {
        *sent.header("signature-input") = input.replacen(from, to, 1);
        assert_eq!(sent.verified(), Some(Err(fault)), "{to}");
    }
    let again = input.replacen("sig1=", "sig2=", 1);
    *sent.header("signature-input") = format!("{input}, {again}");
    assert_eq!(sent.verified(), Some(Err(Fault::NotOne)));
    let mut unsigned = by_target(PARAMETERS);
    unsigned.headers.retain(|(name, _)| name != "signature");
    assert_eq!(unsigned.verified(), Some(Err(Fault::Unreadable)));
    let mut text = by_target(PARAMETERS);
    *text.header("signature") = "sig1=\"text\"".to_owned();
    assert_eq!(text.verified(), Some(Err(Fault::NoValue)));
    let mut other = by_target(PARAMETERS);
    *other.header("content-digest") = format!("sha-512=:{}:", BASE64.encode(BODY));
    assert_eq!(other.verified(), Some(Err(Fault::WrongDigest)));
}

/// Another value for one of the text's bytes.
fn with_one_changed(text: &[u8], at: prop::sample::Index, by: u8) -> Vec<u8> {
    let mut changed = text.to_vec();
    let at = at.index(changed.len());
    changed[at] = changed[at].wrapping_add(by);
    changed
}

proptest! {
    /// Whatever single byte is changed on the way, the request is refused, or means the very same.
    #[test]
    fn no_byte_can_be_changed(
        parts in any::<bool>(),
        place in 0_usize..8,
        at in any::<prop::sample::Index>(),
        by in 1_u8..=255,
    ) {
        let sent = if parts { by_parts() } else { by_target(PARAMETERS) };
        let mut changed = sent.clone();
        let text = match place {
            0 => sent.method.clone().into_bytes(),
            1 => sent.uri.clone().into_bytes(),
            2 => sent.body.clone(),
            _ => sent.headers[place - 3].1.clone().into_bytes(),
        };
        let text = with_one_changed(&text, at, by);
        if place == 2 {
            changed.body = text;
        } else {
            let Ok(text) = String::from_utf8(text) else { return Ok(()) };
            match place {
                0 => changed.method = text,
                1 => changed.uri = text,
                _ => changed.headers[place - 3].1 = text,
            }
        }
        if let Some(Ok(_)) = changed.verified() {
            prop_assert!(means_the_same(&sent, &changed), "{changed:?}");
        }
    }

    /// Whatever a client sends, it is answered.
    #[test]
    fn junk_is_refused(input in "[ -~]{0,200}", signature in "[ -~]{0,200}") {
        let mut sent = by_target(PARAMETERS);
        *sent.header("signature-input") = input;
        *sent.header("signature") = signature;
        if let Some(outcome) = sent.verified() {
            prop_assert!(outcome.is_err());
        }
    }
}

#[test]
#[ignore = "a measurement, not a check"]
fn how_long_verifying_takes() {
    let sent = by_target(PARAMETERS);
    let mut taken: Vec<std::time::Duration> = (0..20_000)
        .map(|_| {
            let begun = tokio::time::Instant::now();
            assert!(sent.verified().unwrap().is_ok());
            begun.elapsed()
        })
        .collect();
    taken.sort();
    println!("p50 {:?}, p99 {:?}", taken[10_000], taken[19_800]);
}

/// Differences that are none: the case of a host's name, and the bits that base64 leaves over.
fn means_the_same(one: &Sent, other: &Sent) -> bool {
    let headers = one.headers.iter().zip(&other.headers);
    let decoded = |text: &str| {
        let mut spec = data_encoding::BASE64.specification();
        spec.check_trailing_bits = false;
        let digits = text
            .split_once(":")
            .map(|(_, rest)| rest.trim_end_matches(':').to_owned());
        let whole = spec.encoding().ok()?;
        whole.decode(digits?.as_bytes()).ok()
    };
    one.method == other.method
        && one.uri == other.uri
        && one.body == other.body
        && headers
            .into_iter()
            .all(|((name, a), (_, b))| match name.as_str() {
                "host" => a.eq_ignore_ascii_case(b),
                "signature" => {
                    a.split_once(':').map(|x| x.0) == b.split_once(':').map(|x| x.0)
                        && decoded(a).is_some()
                        && decoded(a) == decoded(b)
                }
                _ => a == b,
            })
}
