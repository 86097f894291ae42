//! Web Push to a push service that verifies who sends, and a browser that decrypts as RFC 8291 and RFC 8188 say.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::server::{Received, Server, answer};
use crate::{channel, client, deliver, long_message, message, no_lookup};

const AUTH: [u8; 16] = [3; 16];

fn browser() -> PrivateKey {
    PrivateKey::from_private_key(&ECDH_P256, &[7; 32]).unwrap()
}

fn settings(server: &Server) -> Value {
    let public = browser().compute_public_key().unwrap();
    json!({
        "kind": "web_push",
        "endpoint": server.url("/push/abc"),
        "expirationTime": null,
        "keys": {
            "p256dh": BASE64URL_NOPAD.encode(public.as_ref()),
            "auth": BASE64URL_NOPAD.encode(&AUTH),
        },
    })
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, &parts.concat()).as_ref().to_vec()
}

/// Written from the pseudocode of RFC 8291, section 3.4, with HMAC alone.
fn decrypt(body: &[u8]) -> Vec<u8> {
    let (salt, rest) = body.split_at(16);
    let (record_size, rest) = rest.split_at(4);
    let record_size = u32::from_be_bytes(record_size.try_into().unwrap()) as usize;
    let (length, rest) = rest.split_at(1);
    let (sender, sealed) = rest.split_at(length[0].into());
    assert!(sealed.len() <= record_size, "one record");

    let browser = browser();
    let public = browser.compute_public_key().unwrap();
    let sender_key = UnparsedPublicKey::new(&ECDH_P256, sender);
    let shared = agree(&browser, sender_key, (), |shared| Ok(shared.to_vec())).unwrap();
    let prk_key = hmac_sha256(&AUTH, &[&shared]);
    let ikm = hmac_sha256(
        &prk_key,
        &[b"WebPush: info\0", public.as_ref(), sender, &[1]],
    );
    let prk = hmac_sha256(salt, &[&ikm]);
    let key = &hmac_sha256(&prk, &[b"Content-Encoding: aes128gcm\0", &[1]])[..16];
    let nonce = &hmac_sha256(&prk, &[b"Content-Encoding: nonce\0", &[1]])[..12];

    let mut opened = sealed.to_vec();
    let plain = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap())
        .open_in_place(
            Nonce::try_assume_unique_for_key(nonce).unwrap(),
            Aad::empty(),
            &mut opened,
        )
        .unwrap();
    let end = plain.iter().rposition(|byte| *byte != 0).unwrap();
    assert_eq!(plain[end], 2, "the delimiter of the last record");
    plain[..end].to_vec()
}

/// The requirements of a push service for a message, as a status.
fn push_service(origin: &str, received: &Received) -> u16 {
    let authorization = received.header("authorization");
    let Some((token, key)) = authorization
        .strip_prefix("vapid t=")
        .and_then(|rest| rest.split_once(", k="))
    else {
        return 401;
    };
    let point = BASE64URL_NOPAD.decode(key.as_bytes()).unwrap();
    let x = BASE64URL_NOPAD.encode(&point[1..33]);
    let y = BASE64URL_NOPAD.encode(&point[33..]);
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[origin]);
    // The message's time is not the clock's.
    validation.validate_exp = false;
    let key = DecodingKey::from_ec_components(&x, &y).unwrap();
    let Ok(decoded) = jsonwebtoken::decode::<Value>(token, &key, &validation) else {
        return 403;
    };
    let now = 1_795_780_801;
    let expiry = decoded.claims["exp"].as_i64().unwrap();
    let subject = decoded.claims["sub"].as_str().unwrap();
    if !(now + 1..=now + 24 * 3600).contains(&expiry) || !subject.starts_with("mailto:") {
        return 403;
    }
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let topic = received.header("topic");
    if received.header("ttl").parse::<u32>().is_err()
        || received.header("content-encoding") != "aes128gcm"
        || !["very-low", "low", "normal", "high"].contains(&received.header("urgency"))
        || topic.len() > 32
        || !topic.bytes().all(is_base64url)
    {
        return 400;
    }
    if received.body.len() > 4096 {
        return 413;
    }
    201
}

async fn service() -> Server {
    Server::start(|received| {
        let origin = format!("http://{}", received.header("host"));
        answer(push_service(&origin, received), "")
    })
    .await
}

#[tokio::test]
async fn a_browser_reads_the_message() {
    let server = service().await;
    let client = client(&[server.allowed()], no_lookup());
    let channel = channel(settings(&server));
    deliver(&channel, &client, &message()).await.unwrap();
    let received = server.only();
    assert_eq!(received.target, "/push/abc");
    assert_eq!(received.header("urgency"), "high");
    assert_eq!(received.header("ttl"), "3600");
    assert_eq!(received.header("topic"), "0194e3a0000070008000000000000002");
    let read: Value = serde_json::from_slice(&decrypt(&received.body)).unwrap();
    assert_eq!(
        read,
        json!({
            "id": message().event_id,
            "title": message().title,
            "body": message().body,
            "link": message().link,
        })
    );
}

#[tokio::test]
async fn a_message_of_any_length_fits_into_one_record() {
    let server = service().await;
    let client = client(&[server.allowed()], no_lookup());
    let channel = channel(settings(&server));
    for character in ['x', '"', '\u{1}', '€', '😀'] {
        deliver(&channel, &client, &long_message(character))
            .await
            .unwrap();
    }
    for received in server.received() {
        let read: Value = serde_json::from_slice(&decrypt(&received.body)).unwrap();
        assert!(read["body"].as_str().unwrap().ends_with('…'));
        // All but a few characters' worth of the record is used.
        let length = received.body.len();
        assert!((4084..=4096).contains(&length), "{length}");
    }
}

#[tokio::test]
async fn an_ended_subscription_disables_the_channel() {
    for (status, retriable, disables) in [
        (404, false, true),
        (410, false, true),
        (413, false, false),
        (429, true, false),
        (503, true, false),
    ] {
        let server = Server::start(move |_| answer(status, "")).await;
        let client = client(&[server.allowed()], no_lookup());
        let error = deliver(&channel(settings(&server)), &client, &message()).await;
        let error = error.unwrap_err();
        assert_eq!(error.is_retriable(), retriable, "{status}");
        assert_eq!(error.disables_channel(), disables, "{status}");
    }
}

#[tokio::test]
async fn keys_that_are_none_make_no_request() {
    let server = service().await;
    let client = client(&[server.allowed()], no_lookup());
    for (key, value) in [
        ("p256dh", "AAAA"),
        ("p256dh", "no base64!"),
        ("auth", "AAAA"),
    ] {
        let mut settings = settings(&server);
        settings["keys"][key] = value.into();
        let error = deliver(&channel(settings), &client, &message()).await;
        assert!(!error.unwrap_err().is_retriable(), "{key} {value}");
    }
    assert_eq!(server.received().len(), 0);
}
