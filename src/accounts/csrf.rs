//! CSRF tokens: they show that a request with a browser's cookie comes from a page that was given one.
//! Each is signed over the session and how often its tokens were renewed, so any process that has the
//! key verifies it, and nothing has to be kept for it.

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64URL_NOPAD;

use super::error::AccountError;
use crate::accounts::types::SessionId;
use crate::secrets::KeyFiles;
use crate::secrets::Randomness;

/// The file of the key.
const FILE: &str = "csrf.key";

/// The time for which a token is valid; its session ends no later.
pub(super) const LIFE: TimeDelta = TimeDelta::hours(24);

/// Tolerance for another process's clock that is ahead of ours.
const SKEW: TimeDelta = TimeDelta::minutes(1);

/// Bytes of a token: when it was made (seconds since 1970, big-endian), a nonce, HMAC-SHA256.
const TIME: usize = 8;
const NONCE: usize = 16;
const TAG: usize = 32;

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Purpose {
    /// The session.
    pub(super) session: SessionId,
    /// The number of times its tokens were renewed.
    pub(super) generation: i32,
}

/// Makes and verifies tokens.
pub(super) struct CsrfKey(hmac::Key);

impl CsrfKey {
    /// Reads the key, or makes it.
    pub(super) fn open(files: &KeyFiles, randomness: &Randomness) -> Result<Self, AccountError> {
        let bytes = match files.read(FILE)? {
            Some(bytes) => bytes,
            None => files.create(FILE, &randomness.bytes::<32>())?,
        };
        if bytes.len() != 32 {
            return Err(AccountError::Internal(format!(
                "{FILE} has {} bytes instead of 32: remove it: pages then ask for new tokens",
                bytes.len()
            )));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A new token. The nonce makes each another text, so that compressing answers reveals nothing.
    pub(super) fn issue(&self, for_: Purpose, now: DateTime<Utc>, nonce: [u8; NONCE]) -> String {
        let time = now.timestamp().to_be_bytes();
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&signed(for_, time, nonce));
        let tag = context.sign();
        BASE64URL_NOPAD.encode(&[&time[..], &nonce[..], tag.as_ref()].concat())
    }

    /// Checks that the token is for this purpose and not too old; compared in constant time.
    ///
    /// # Errors
    /// [`AccountError::Csrf`] with what is wrong.
    pub(super) fn verify(
        &self,
        for_: Purpose,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let unreadable = AccountError::Csrf("it is not one of ours");
        let bytes: [u8; TIME + NONCE + TAG] = BASE64URL_NOPAD
            .decode(token.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(unreadable)?;
        let (mut time, mut nonce) = ([0; TIME], [0; NONCE]);
        time.copy_from_slice(&bytes[..TIME]);
        nonce.copy_from_slice(&bytes[TIME..TIME + NONCE]);
        hmac::verify(&self.0, &signed(for_, time, nonce), &bytes[TIME + NONCE..]).map_err(
            |_| AccountError::Csrf("it was renewed since, or belongs to another session"),
        )?;
        let age = now.timestamp().saturating_sub(i64::from_be_bytes(time));
        if age >= LIFE.num_seconds() || age < -SKEW.num_seconds() {
            return Err(AccountError::Csrf("it is too old"));
        }
        Ok(())
    }
}

/// Bytes to sign: every part has its length, so no two purposes give the same bytes.
fn signed(for_: Purpose, time: [u8; TIME], nonce: [u8; NONCE]) -> Vec<u8> {
    [
        &b"coinsphere csrf token\0"[..],
        for_.session.0.as_bytes(),
        &for_.generation.to_be_bytes(),
        &time,
        &nonce,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use uuid::Uuid;

    use super::*;

    fn purpose(session: u128, generation: i32) -> Purpose {
        Purpose {
            session: SessionId(Uuid::from_u128(session)),
            generation,
        }
    }

    #[test]
    fn a_token_is_for_one_session_and_generation_for_a_day() {
        let (place, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let randomness = Randomness::from(StdRng::seed_from_u64(7));
        let open = |place: &tempfile::TempDir| {
            CsrfKey::open(&KeyFiles::open(place.path()).unwrap(), &randomness).unwrap()
        };
        let key = open(&place);
        let now = DateTime::from_timestamp_secs(1_700_000_000).unwrap();
        let token = key.issue(purpose(1, 0), now, randomness.bytes());
        assert_ne!(token, key.issue(purpose(1, 0), now, randomness.bytes()));
        for (later, good) in [
            (-61, false),
            (-60, true),
            (0, true),
            (86_399, true),
            (86_400, false),
        ] {
            let at = now + TimeDelta::seconds(later);
            let verified = open(&place).verify(purpose(1, 0), &token, at);
            assert_eq!(verified.is_ok(), good, "{later}: {verified:?}");
        }
        for (what, key, purpose) in [
            ("another session", &key, purpose(2, 0)),
            ("renewed", &key, purpose(1, 1)),
            ("another key", &open(&other), purpose(1, 0)),
        ] {
            assert!(key.verify(purpose, &token, now).is_err(), "{what}");
        }
    }

    #[test]
    fn no_byte_of_a_token_may_change() {
        let place = tempfile::tempdir().unwrap();
        let randomness = Randomness::from(StdRng::seed_from_u64(8));
        let key = CsrfKey::open(&KeyFiles::open(place.path()).unwrap(), &randomness).unwrap();
        let now = DateTime::from_timestamp_secs(1_700_000_000).unwrap();
        let token = key.issue(purpose(1, 0), now, randomness.bytes());
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = BASE64URL_NOPAD.encode(&changed);
            assert!(key.verify(purpose(1, 0), &changed, now).is_err(), "{at}");
        }
        for text in ["", "junk", &token[1..], &format!("{token}AA"), "ü"] {
            assert!(key.verify(purpose(1, 0), text, now).is_err(), "{text}");
        }
    }
}
