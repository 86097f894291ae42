//! HTTP Message Signatures (RFC 9421) of requests, with Ed25519, and the digests of their bodies
//! (RFC 9530): whether a request is what the owner of a public key has sent, now, once. It knows
//! nothing of accounts: the key is given, and whoever calls remembers nonces.

mod claim;
mod components;
mod digest;

#[cfg(test)]
mod tests;

use axum::http::{HeaderMap, HeaderName};
use chrono::{DateTime, TimeDelta, Utc};

pub(in crate::http) use components::Message;

use self::claim::Claim;
use crate::accounts::PublicKey;

pub(in crate::http) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(in crate::http) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
pub(in crate::http) const ACCEPT_SIGNATURE: HeaderName =
    HeaderName::from_static("accept-signature");

/// A header that decides what is done must be covered when it is sent.
const DECISIVE: [&str; 1] = ["idempotency-key"];

/// The rule that a signature breaks, in words for its maker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::http) enum Fault {
    #[error("`signature-input` or `signature` is missing or no dictionary as RFC 9421 has it")]
    Unreadable,
    #[error("send exactly one signature whose `keyid` is the API key's id")]
    NotOne,
    #[error("`signature` has no bytes under the label of the `signature-input`")]
    NoValue,
    #[error("the component {0} is not known here, or has parameters")]
    UnknownComponent(String),
    #[error("the component {0} is covered twice")]
    Repeated(String),
    #[error("{0} is covered and is not in the request, or is no plain text")]
    Absent(String),
    #[error("the signature must cover {0}")]
    NotCovered(&'static str),
    #[error("`created` must be the time of signing, in whole seconds since 1970")]
    NoTime,
    #[error("`created` is more than {0} seconds from the server's time")]
    WrongTime(i64),
    #[error("`expires` has passed, lies before `created`, or is no whole number")]
    Expired,
    #[error("`nonce` must be a text of 16 to 128 characters, another for each request")]
    BadNonce,
    #[error("`alg` must be \"ed25519\", or absent")]
    WrongAlgorithm,
    #[error("`content-digest` must have the `sha-256` of the body as it is sent (RFC 9530)")]
    WrongDigest,
    #[error("it was not made with the registered key over this request")]
    Mismatch,
    #[error("this nonce was used before")]
    Replayed,
}

/// Requirements on a signature.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Expected<'a> {
    /// Its `keyid`.
    pub(in crate::http) key_id: &'a str,
    /// The key it is verified with.
    pub(in crate::http) public_key: &'a PublicKey,
    /// The time.
    pub(in crate::http) now: DateTime<Utc>,
    /// Tolerance of `created`.
    pub(in crate::http) window: TimeDelta,
}

/// Verifies the request's signature; answers its nonce, which is the caller's to remember.
///
/// # Errors
/// With the rule that it breaks.
pub(in crate::http) fn verify(
    message: &Message<'_>,
    body: &[u8],
    expected: Expected<'_>,
) -> Result<String, Fault> {
    let claim = Claim::read(message.headers, expected.key_id)?;
    covers_enough(&claim, message, body)?;
    let nonce = is_timely(&claim, expected)?;
    if claim.covers("content-digest") {
        digest::check(message.headers, body)?;
    }
    let base = components::base(&claim, message)?;
    match expected
        .public_key
        .verifies(base.as_bytes(), &claim.signature)
    {
        true => Ok(nonce),
        false => Err(Fault::Mismatch),
    }
}

/// Returns whether a request carries signatures, ours or those of somebody on the way.
pub(in crate::http) fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(SIGNATURE) || headers.contains_key(SIGNATURE_INPUT)
}

/// Nothing that decides what is done may be left to whoever passes the request on.
fn covers_enough(claim: &Claim, message: &Message<'_>, body: &[u8]) -> Result<(), Fault> {
    if !claim.covers("@method") {
        return Err(Fault::NotCovered("`@method`"));
    }
    let parts = ["@authority", "@path", "@query"];
    if !claim.covers("@target-uri") && !parts.iter().all(|part| claim.covers(part)) {
        return Err(Fault::NotCovered(
            "`@target-uri`, or `@authority`, `@path` and `@query`",
        ));
    }
    if !body.is_empty() && !claim.covers("content-digest") {
        return Err(Fault::NotCovered("`content-digest`"));
    }
    for name in DECISIVE {
        if message.headers.contains_key(name) && !claim.covers(name) {
            return Err(Fault::NotCovered("`idempotency-key`"));
        }
    }
    Ok(())
}

/// Checks the parameters; answers the nonce.
fn is_timely(claim: &Claim, expected: Expected<'_>) -> Result<String, Fault> {
    let created = claim.integer("created").ok_or(Fault::NoTime)?;
    let at = DateTime::from_timestamp(created, 0).ok_or(Fault::NoTime)?;
    if (expected.now - at).abs() > expected.window {
        return Err(Fault::WrongTime(expected.window.num_seconds()));
    }
    if claim.has("expires") {
        let expires = claim.integer("expires").ok_or(Fault::Expired)?;
        if expires < created || expires < expected.now.timestamp() {
            return Err(Fault::Expired);
        }
    }
    if claim.has("alg") && claim.text("alg") != Some("ed25519") {
        return Err(Fault::WrongAlgorithm);
    }
    let nonce = claim.text("nonce").filter(|nonce| {
        // Structured strings are printable ASCII: bytes are characters.
        (16..=128).contains(&nonce.len())
    });
    nonce.map(str::to_owned).ok_or(Fault::BadNonce)
}
