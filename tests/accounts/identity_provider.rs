//! A small identity provider on loopback: discovery, keys, and tokens for codes, with a real RSA key. It
//! can be made to lie, and to be away.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use coinsphere_pipelines::clock::{Clock as _, ManualClock};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// As which client, and with which secret, we are known.
pub(crate) const CLIENT: &str = "coinsphere-tests";
pub(crate) const SECRET: &str = "a secret, of both";

/// Untruth of the next ID tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    Nonce,
    NoNonce,
    Audience,
    MoreAudiences,
    Issuer,
    Expired,
    Old,
    /// Signed with a key of somebody else's that has the same id.
    Key,
    /// Signed with the secret that is known to both.
    Hmac,
    /// Not signed at all.
    Unsigned,
    /// No ID token.
    Missing,
    /// The answer does not end.
    Endless,
    /// The answer leads elsewhere.
    Redirect,
}

/// Who signs in there.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) subject: &'static str,
    pub(crate) email: Option<&'static str>,
    pub(crate) verified: bool,
}

struct Asked {
    nonce: String,
    challenge: String,
    redirect: String,
    person: Person,
}

struct Inside {
    issuer: String,
    clock: Arc<ManualClock>,
    key: EncodingKey,
    jwk: Jwk,
    other: EncodingKey,
    lie: Lie,
    codes: HashMap<String, Asked>,
    given: u32,
    discovered: u32,
}

type Shared = Arc<Mutex<Inside>>;

/// The provider.
pub(crate) struct IdentityProvider {
    pub(crate) issuer: String,
    address: SocketAddr,
    inside: Shared,
    serving: Option<JoinHandle<()>>,
}

fn new_key(id: &str) -> (EncodingKey, Jwk) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64.encode(der.as_ref())
    );
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
    (key, jwk)
}

impl IdentityProvider {
    pub(crate) async fn start(clock: &Arc<ManualClock>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let (key, jwk) = new_key("one");
        let inside = Arc::new(Mutex::new(Inside {
            issuer: issuer.clone(),
            clock: clock.clone(),
            key,
            jwk,
            other: new_key("one").0,
            lie: Lie::None,
            codes: HashMap::new(),
            given: 0,
            discovered: 0,
        }));
        let mut provider = Self {
            issuer,
            address,
            inside,
            serving: None,
        };
        provider.serve(listener);
        provider
    }

    fn serve(&mut self, listener: tokio::net::TcpListener) {
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(self.inside.clone());
        self.serving = Some(tokio::spawn(async move {
            axum::serve(listener, routes).await.unwrap();
        }));
    }

    /// Nobody answers from here on.
    pub(crate) async fn go_away(&mut self) {
        let serving = self.serving.take().expect("it is there");
        serving.abort();
        let _ = serving.await;
    }

    pub(crate) async fn come_back(&mut self) {
        let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    pub(crate) fn lie(&self, lie: Lie) {
        self.inside.lock().unwrap().lie = lie;
    }

    pub(crate) fn new_key(&self, id: &str) {
        let (key, jwk) = new_key(id);
        let mut inside = self.inside.lock().unwrap();
        (inside.key, inside.jwk) = (key, jwk);
    }

    pub(crate) fn discovered(&self) -> u32 {
        self.inside.lock().unwrap().discovered
    }

    /// Somebody signs in there: what the provider sends their browser back with.
    pub(crate) fn authorize(&self, url: &str, person: Person) -> String {
        let (place, query) = url.split_once('?').unwrap();
        assert_eq!(place, format!("{}/authorize", self.issuer));
        let query: HashMap<String, String> = pairs(query);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT);
        assert_eq!(query["code_challenge_method"], "S256");
        let scopes: Vec<&str> = query["scope"].split([' ', '+']).collect();
        assert_eq!(scopes, ["openid", "email", "profile"]);
        let mut inside = self.inside.lock().unwrap();
        inside.given += 1;
        let code = format!("code-{}", inside.given);
        let asked = Asked {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            redirect: query["redirect_uri"].clone(),
            person,
        };
        inside.codes.insert(code.clone(), asked);
        format!("code={code}&state={}&session_state=ignored", query["state"])
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// A query's parameters.
pub(crate) fn pairs(query: &str) -> HashMap<String, String> {
    let uri: axum::http::Uri = format!("/?{query}").parse().unwrap();
    let axum::extract::Query(pairs) = axum::extract::Query::try_from_uri(&uri).unwrap();
    pairs
}

async fn discovery(State(inside): State<Shared>) -> Json<Value> {
    let mut inside = inside.lock().unwrap();
    inside.discovered += 1;
    let issuer = &inside.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // It says that it signs in every way, so that only our own rule keeps bad ones out.
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
    }))
}

async fn keys(State(inside): State<Shared>) -> Json<Value> {
    Json(json!({ "keys": [inside.lock().unwrap().jwk] }))
}

type Given = (StatusCode, [(header::HeaderName, String); 1], String);

async fn token(State(inside): State<Shared>, headers: HeaderMap, body: String) -> Given {
    let form = pairs(&body);
    let mut inside = inside.lock().unwrap();
    let answer = |status: StatusCode, body: Value| {
        let json = [(header::CONTENT_TYPE, "application/json".to_owned())];
        (status, json, body.to_string())
    };
    let secret = format!("{CLIENT}:a+secret%2C+of+both");
    let basic = format!("Basic {}", BASE64.encode(secret.as_bytes()));
    if headers[header::AUTHORIZATION] != basic {
        return answer(StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"}));
    }
    // Each code once.
    let asked = inside.codes.remove(&form["code"]);
    let verifier = digest(&SHA256, form["code_verifier"].as_bytes());
    let challenge = BASE64URL_NOPAD.encode(verifier.as_ref());
    let fits = |asked: &Asked| {
        asked.challenge == challenge
            && asked.redirect == form["redirect_uri"]
            && form["grant_type"] == "authorization_code"
    };
    let Some(asked) = asked.filter(fits) else {
        return answer(StatusCode::BAD_REQUEST, json!({"error": "invalid_grant"}));
    };
    match inside.lie {
        Lie::Endless => {
            let long = " ".repeat(300 << 10);
            return answer(StatusCode::OK, json!({ "access_token": long }));
        }
        Lie::Redirect => {
            let elsewhere = format!("{}/keys", inside.issuer);
            return (
                StatusCode::TEMPORARY_REDIRECT,
                [(header::LOCATION, elsewhere)],
                String::new(),
            );
        }
        _ => {}
    }
    let mut tokens = json!({"access_token": "unused", "token_type": "Bearer", "expires_in": 300});
    if inside.lie != Lie::Missing {
        tokens["id_token"] = id_token(&inside, &asked).into();
    }
    answer(StatusCode::OK, tokens)
}

fn id_token(inside: &Inside, asked: &Asked) -> String {
    let now = inside.clock.now().nanos() / 1_000_000_000;
    let mut claims = json!({
        "iss": inside.issuer,
        "sub": asked.person.subject,
        "aud": CLIENT,
        "nonce": asked.nonce,
        "iat": now,
        "exp": now + 300,
        "name": "Ada",
        "email_verified": asked.person.verified,
    });
    if let Some(email) = asked.person.email {
        claims["email"] = email.into();
    }
    match inside.lie {
        Lie::Nonce => claims["nonce"] = "another".into(),
        Lie::NoNonce => {
            claims.as_object_mut().unwrap().remove("nonce");
        }
        Lie::Audience => claims["aud"] = "another".into(),
        Lie::MoreAudiences => claims["aud"] = json!([CLIENT, "another"]),
        Lie::Issuer => claims["iss"] = "https://id.example".into(),
        Lie::Expired => claims["exp"] = (now - 1).into(),
        Lie::Old => {
            claims["iat"] = (now - 3_600).into();
            claims["exp"] = (now + 3_600).into();
        }
        _ => {}
    }
    let header = |algorithm| Header {
        kid: inside.jwk.common.key_id.clone(),
        ..Header::new(algorithm)
    };
    match inside.lie {
        Lie::Key => encode(&header(Algorithm::RS256), &claims, &inside.other).unwrap(),
        Lie::Hmac => {
            let key = EncodingKey::from_secret(SECRET.as_bytes());
            encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
        }
        Lie::Unsigned => format!(
            "{}.{}.",
            BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#),
            BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
        ),
        _ => encode(&header(Algorithm::RS256), &claims, &inside.key).unwrap(),
    }
}
