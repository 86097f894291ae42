//! Tokens that are stored as hashes only, and the secret that refresh tokens and links follow from.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use super::SessionId;
use super::entropy::Entropy;
use super::error::AccountError;
use super::key_files::KeyFiles;

/// The file of the secret.
const FILE: &str = "refresh.key";

/// What is stored of a token that has 256 random bits: SHA-256, which cannot be guessed back.
pub(super) fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// `Debug` for types that hold secrets: their name alone.
macro_rules! hidden_debug {
    ($($type:ty),+) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )+};
}
pub(crate) use hidden_debug;

/// What tokens follow from that must come out the same when they are made again, though only their
/// hashes are stored: each refresh token from the one before it, and the link of an email from the
/// email's id.
pub(super) struct DerivationSecret(hmac::Key);

impl DerivationSecret {
    /// Reads the secret, or makes it.
    pub(super) fn open(files: &KeyFiles, entropy: &Entropy) -> Result<Self, AccountError> {
        let bytes = match files.read(FILE)? {
            Some(bytes) => bytes,
            None => files.create(FILE, &entropy.bytes::<32>())?,
        };
        if bytes.len() != 32 {
            return Err(AccountError::Internal(format!(
                "{FILE} holds {} bytes instead of 32: remove it, and everybody has to sign in again",
                bytes.len()
            )));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The one token that follows `presented` in its family.
    pub(super) fn successor(&self, family: SessionId, presented: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"coinsphere refresh token\0");
        context.update(family.0.as_bytes());
        context.update(presented.as_bytes());
        BASE64URL_NOPAD.encode(context.sign().as_ref())
    }

    /// The one token of the link in this email, however often the email is sent.
    pub(super) fn email_link(&self, email: Uuid) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"coinsphere email link\0");
        context.update(email.as_bytes());
        BASE64URL_NOPAD.encode(context.sign().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_successor_depends_on_secret_family_and_token_alone() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let entropy = Entropy::from(StdRng::seed_from_u64(5));
        let open = |place: &tempfile::TempDir| {
            DerivationSecret::open(&KeyFiles::open(place.path()).unwrap(), &entropy).unwrap()
        };
        let family = SessionId(Uuid::from_u128(1));
        let one = open(&a).successor(family, "token");
        assert_eq!(one, open(&a).successor(family, "token"), "kept in its file");
        assert_eq!(one.len(), 43, "256 bits");
        for other in [
            open(&b).successor(family, "token"),
            open(&a).successor(family, "tokem"),
            open(&a).successor(SessionId(Uuid::from_u128(2)), "token"),
        ] {
            assert_ne!(one, other);
        }
    }
}
