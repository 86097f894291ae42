//! The Ed25519 public keys (RFC 8032) that programs register, and verifying with them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use data_encoding::BASE64;

use super::error::AccountError;

/// Bytes before the 32 bytes of the key in its `SubjectPublicKeyInfo` (RFC 8410, section 4).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

const PEM: (&str, &str) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----");

/// A longer text is no such key.
const LONGEST: usize = 400;

/// The order of the field, little-endian: `2^255 - 19` (RFC 8032, section 5.1).
const FIELD: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed;
    bytes[31] = 0x7f;
    bytes
};

/// The `y` of the points of order 8 in canonical form, one and its negative.
const ORDER_EIGHT: [[u8; 32]; 2] = [
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// A public key. Not a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// As it was stored; `None` if these are no 32 bytes.
    pub(super) fn stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns whether the owner of this key has signed the message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .is_ok()
    }

    /// For such points anybody can make signatures that are valid for many messages.
    fn is_of_small_order(&self) -> bool {
        // The sign of `x` does not matter.
        let mut y = self.0;
        y[31] &= 0x7f;
        let near = |low: u8| {
            let mut bytes = FIELD;
            bytes[0] = low;
            bytes
        };
        let small = |low: u8| {
            let mut bytes = [0; 32];
            bytes[0] = low;
            bytes
        };
        // 0, 1 and -1, also written as p, p + 1 and p - 1.
        [
            small(0),
            small(1),
            near(0xec),
            near(0xed),
            near(0xee),
            ORDER_EIGHT[0],
            ORDER_EIGHT[1],
        ]
        .contains(&y)
    }
}

impl FromStr for PublicKey {
    type Err = AccountError;

    /// Base64 of the 32 bytes, or PEM of the `SubjectPublicKeyInfo`.
    fn from_str(text: &str) -> Result<Self, AccountError> {
        let wrong = || {
            AccountError::wrong(
                "public_key",
                "use an Ed25519 public key: its 32 bytes as base64, or PEM (-----BEGIN PUBLIC KEY-----)",
            )
        };
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(wrong());
        }
        let inner = text
            .strip_prefix(PEM.0)
            .and_then(|rest| rest.strip_suffix(PEM.1));
        let bytes = match inner {
            Some(inner) => {
                let digits: String = inner.split_ascii_whitespace().collect();
                let der = BASE64.decode(digits.as_bytes()).map_err(|_| wrong())?;
                der.strip_prefix(&SPKI[..]).ok_or_else(wrong)?.to_vec()
            }
            None => BASE64.decode(text.as_bytes()).map_err(|_| wrong())?,
        };
        let key = Self::stored(&bytes).ok_or_else(wrong)?;
        if key.is_of_small_order() {
            return Err(AccountError::wrong(
                "public_key",
                "this key is weak (a point of small order), so that its signatures prove nothing: use another",
            ));
        }
        Ok(key)
    }
}

impl fmt::Display for PublicKey {
    /// Base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    #[test]
    fn base64_and_pem_name_the_same_key() {
        // RFC 9421, appendix B.1.4.
        let digits = "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
        let pem = format!("{}\n{digits}\n{}\n", PEM.0, PEM.1);
        let key: PublicKey = pem.parse().unwrap();
        assert_eq!(
            key.to_string(),
            "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
        );
        assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
        for bad in [
            "",
            "AAAA",
            digits,
            "JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----",
            &"A".repeat(5_000),
        ] {
            assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_that_anybody_can_sign_for_is_refused() {
        for point in [[0; 32], FIELD, ORDER_EIGHT[0], ORDER_EIGHT[1], {
            let mut negative = ORDER_EIGHT[0];
            negative[31] |= 0x80;
            negative
        }] {
            let text = BASE64.encode(&point);
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_owners_signature_verifies() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let key = PublicKey::stored(pair.public_key().as_ref()).unwrap();
        let signature = pair.sign(b"message");
        assert!(key.verifies(b"message", signature.as_ref()));
        assert!(!key.verifies(b"massage", signature.as_ref()));
        assert!(!key.verifies(b"message", &signature.as_ref()[..63]));
        let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        assert!(!key.verifies(b"message", other.sign(b"message").as_ref()));
    }
}
