//! Tokens that are stored as hashes only, and the secret that refresh tokens follow from.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;

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

/// Derives each refresh token from the one before it, so that a retry gets the same successor though
/// only hashes are stored.
pub(super) struct RefreshSecret(hmac::Key);

impl RefreshSecret {
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
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_successor_depends_on_secret_family_and_token_alone() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let entropy = Entropy::from(StdRng::seed_from_u64(5));
        let open = |place: &tempfile::TempDir| {
            RefreshSecret::open(&KeyFiles::open(place.path()).unwrap(), &entropy).unwrap()
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
