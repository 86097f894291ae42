//! A program with an API key, which signs by the words of RFC 9421 and not by our own code.

use std::net::IpAddr;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::body::Body;
use axum::http::{Method, Request, header};
use coinsphere::http::Peer;
use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::app::{Answer, App, Pair};

pub(crate) const KEYS: &str = "/api/v1/auth/api-keys";

/// The tests' clock, in seconds.
pub(crate) const NOON: i64 = 1_772_366_400;

pub(crate) const ALL: [&str; 9] = [
    "market:read",
    "account:read",
    "account:write",
    "account:critical",
    "keys:manage",
    "portfolio:read",
    "portfolio:write",
    "alerts:read",
    "alerts:write",
];

pub(crate) fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

pub(crate) fn public(seed: u8) -> String {
    BASE64.encode(pair(seed).public_key().as_ref())
}

/// A program with a key.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) seed: u8,
}

/// Key that a request is signed with.
#[derive(Debug, Clone)]
pub(crate) struct Signing {
    pub(crate) created: i64,
    pub(crate) nonce: String,
    pub(crate) seed: u8,
}

impl Program {
    pub(crate) async fn make(
        app: &App,
        owner: &Pair,
        name: &str,
        scopes: &[&str],
        more: Value,
    ) -> Self {
        let mut body = json!({"name": name, "scopes": scopes, "public_key": public(7)});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        let made = app
            .send(Method::POST, KEYS, Some(&owner.access), Some(&body))
            .await
            .good(201);
        Self::read(&made)
    }

    pub(crate) fn read(made: &Value) -> Self {
        Self {
            id: made["id"].as_str().unwrap().to_owned(),
            secret: made["secret"].as_str().unwrap().to_owned(),
            seed: 7,
        }
    }

    pub(crate) fn signing(&self, nonce: &str) -> Signing {
        Signing {
            created: NOON,
            nonce: format!("{nonce:-<16}"),
            seed: self.seed,
        }
    }

    /// Signs, by the words of RFC 9421 and not by our own code.
    pub(crate) fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        signing: &Signing,
    ) -> axum::http::request::Builder {
        let text = body.map(Value::to_string).unwrap_or_default();
        let digest = format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(&text)));
        self.request_with(method, path, &digest, signing)
    }

    pub(crate) fn request_with(
        &self,
        method: &Method,
        path: &str,
        digest: &str,
        signing: &Signing,
    ) -> axum::http::request::Builder {
        let parameters = format!(
            "(\"@method\" \"@target-uri\" \"content-digest\");created={};nonce=\"{}\";keyid=\"{}\"",
            signing.created, signing.nonce, self.id
        );
        let base = format!(
            "\"@method\": {method}\n\"@target-uri\": http://coins.example{path}\n\
             \"content-digest\": {digest}\n\"@signature-params\": {parameters}"
        );
        let signature = BASE64.encode(pair(signing.seed).sign(base.as_bytes()).as_ref());
        self.bare(method, path)
            .header("content-digest", digest)
            .header("signature-input", format!("sig={parameters}"))
            .header("signature", format!("sig=:{signature}:"))
    }

    pub(crate) fn bare(&self, method: &Method, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method.clone())
            .uri(path)
            .header(header::HOST, "coins.example")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.secret))
            .extension(Peer("203.0.113.1".parse::<IpAddr>().unwrap()))
    }

    pub(crate) async fn send(
        &self,
        app: &App,
        method: Method,
        path: &str,
        body: Option<&Value>,
        signing: &Signing,
    ) -> Answer {
        let request = self.request(&method, path, body, signing);
        let body = body.map(Value::to_string).unwrap_or_default();
        app.send_request(request.body(Body::from(body)).unwrap())
            .await
    }
}

#[track_caller]
pub(crate) fn refused_for(answer: &Answer, rule: &str) {
    let problem = answer.is_problem(401, "signature-invalid");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(rule), "{detail}");
}

pub(crate) fn wanted(name: &str) -> Value {
    json!({"name": name, "scopes": ["market:read"]})
}
