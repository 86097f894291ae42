//! The secret that refresh tokens and the links of emails follow from.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use crate::accounts::error::AccountError;
use crate::accounts::types::SessionId;
use crate::secrets::KeyFiles;
use crate::secrets::Randomness;

/// The file of the secret.
const FILE: &str = "refresh.key";

/// Secret for tokens that must come out the same when they are made again, though only their hashes
/// are stored: each refresh token from the one before it, and the link of an email from the email's
/// id.
pub(crate) struct DerivationSecret(hmac::Key);

impl DerivationSecret {
    /// Reads the secret, or makes it.
    pub(crate) fn open(files: &KeyFiles, randomness: &Randomness) -> Result<Self, AccountError> {
        let bytes = match files.read(FILE)? {
            Some(bytes) => bytes,
            None => files.create(FILE, &randomness.bytes::<32>())?,
        };
        if bytes.len() != 32 {
            return Err(AccountError::Internal(format!(
                "{FILE} has {} bytes instead of 32: remove it: everybody then has to sign in again",
                bytes.len()
            )));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The one token that follows `presented` in its family.
    pub(crate) fn successor(&self, family: SessionId, presented: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"coinsphere refresh token\0");
        context.update(family.0.as_bytes());
        context.update(presented.as_bytes());
        BASE64URL_NOPAD.encode(context.sign().as_ref())
    }

    /// The one token of the link in this email, however often the email is sent.
    pub(crate) fn email_link(&self, email: Uuid) -> String {
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
        let randomness = Randomness::from(StdRng::seed_from_u64(5));
        let open = |place: &tempfile::TempDir| {
            DerivationSecret::open(&KeyFiles::open(place.path()).unwrap(), &randomness).unwrap()
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
