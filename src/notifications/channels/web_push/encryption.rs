//! Message encryption for Web Push (RFC 8291): `aes128gcm` (RFC 8188) in one record.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

/// Bytes of a record, and so of a body, that every push service takes.
const RECORD_BYTES: u32 = 4096;
/// Bytes of an uncompressed point of P-256.
const POINT_BYTES: usize = 65;
/// Bytes of the header before the ciphertext: salt, record size, length of the key, the key.
const HEADER_BYTES: usize = 16 + 4 + 1 + POINT_BYTES;
/// Bytes of a message: a record without the header, the delimiter and the tag.
pub(super) const PLAINTEXT_BYTES: usize = RECORD_BYTES as usize - HEADER_BYTES - 1 - 16;

/// Draws after which a generator that gives no private key is broken: one in 2³² is none.
const DRAWS: usize = 4;

/// Why a message cannot be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionError {
    /// It is too long.
    #[error("a message of Web Push has at most {PLAINTEXT_BYTES} bytes")]
    TooLong,
    /// A key is none.
    #[error("a key for Web Push is none")]
    Key,
}

impl From<Unspecified> for EncryptionError {
    fn from(_: Unspecified) -> Self {
        Self::Key
    }
}

/// A length of key material.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> Result<[u8; N], Unspecified> {
    let mut derived = [0; N];
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], Length(N))?
        .fill(&mut derived)?;
    Ok(derived)
}

/// The body for a browser with this public key and secret. `random` gives the sender's key, which is used once.
pub(super) fn encrypt(
    plaintext: &[u8],
    receiver: &[u8],
    auth: &[u8],
    salt: [u8; 16],
    random: &(dyn Fn() -> [u8; 32] + Sync),
) -> Result<Vec<u8>, EncryptionError> {
    if plaintext.len() > PLAINTEXT_BYTES {
        return Err(EncryptionError::TooLong);
    }
    if receiver.len() != POINT_BYTES || auth.len() != 16 {
        return Err(EncryptionError::Key);
    }
    let private_key = (0..DRAWS)
        .find_map(|_| PrivateKey::from_private_key(&ECDH_P256, &random()).ok())
        .ok_or(EncryptionError::Key)?;
    let sender = private_key.compute_public_key()?;
    let sender = sender.as_ref();

    // Section 3.3.
    let key_info = [b"WebPush: info\0", receiver, sender].concat();
    let secret: [u8; 32] = agree(
        &private_key,
        UnparsedPublicKey::new(&ECDH_P256, receiver),
        EncryptionError::Key,
        |shared| derive(auth, shared, &key_info).map_err(EncryptionError::from),
    )?;
    // RFC 8188, section 2.2 and 2.3.
    let key: [u8; 16] = derive(&salt, &secret, b"Content-Encoding: aes128gcm\0")?;
    let nonce: [u8; 12] = derive(&salt, &secret, b"Content-Encoding: nonce\0")?;

    // 2 says that this record is the last.
    let mut sealed = [plaintext, &[2]].concat();
    LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?).seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::empty(),
        &mut sealed,
    )?;
    let record_bytes = RECORD_BYTES.to_be_bytes();
    let key_length = [POINT_BYTES as u8];
    Ok([&salt[..], &record_bytes, &key_length, sender, &sealed].concat())
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;

    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
    }

    const RECEIVER: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn encrypted(plaintext: &[u8]) -> Result<Vec<u8>, EncryptionError> {
        let sender = decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let salt = decode("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let random = || sender.clone().try_into().unwrap();
        encrypt(plaintext, &decode(RECEIVER), &decode(AUTH), salt, &random)
    }

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_example_of_the_rfc() {
        let body = encrypted(b"When I grow up, I want to be a watermelon").unwrap();
        assert_eq!(
            BASE64URL_NOPAD.encode(&body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
             mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
             pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn the_longest_message_fills_the_record() {
        assert_eq!(PLAINTEXT_BYTES, 3993);
        assert_eq!(encrypted(&[b'x'; 3993]).unwrap().len(), 4096);
        assert_eq!(encrypted(&[b'x'; 3994]), Err(EncryptionError::TooLong));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let random = || [7; 32];
        let none = |receiver: &[u8], auth: &[u8]| {
            encrypt(b"x", receiver, auth, [0; 16], &random).unwrap_err()
        };
        let (receiver, auth) = (decode(RECEIVER), decode(AUTH));
        assert_eq!(none(&receiver[..64], &auth), EncryptionError::Key);
        assert_eq!(none(&receiver, &auth[..15]), EncryptionError::Key);
        let mut off_the_curve = receiver.clone();
        off_the_curve[64] ^= 1;
        assert_eq!(none(&off_the_curve, &auth), EncryptionError::Key);
        let broken = encrypt(b"x", &receiver, &auth, [0; 16], &|| [0; 32]);
        assert_eq!(broken, Err(EncryptionError::Key));
    }
}
