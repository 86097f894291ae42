//! The server's identity towards push services (VAPID, RFC 8292): a token for each, signed with ES256.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use url::Url;

/// Validity of a token; push services refuse more than a day.
const VALIDITY: TimeDelta = TimeDelta::hours(12);

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VapidError {
    /// The private key is none.
    #[error("the key for Web Push is no private key of P-256")]
    Key,
    /// The subject is no contact.
    #[error("the contact for Web Push must be a mailto: or https: URL")]
    Subject,
}

/// The key, with the contact that push services are given.
pub struct VapidKey {
    signing: EncodingKey,
    public: String,
    subject: String,
}

impl VapidKey {
    /// A key made of its 32 secret bytes. `subject` is a `mailto:` or `https:` URL at which the operator is
    /// reached.
    ///
    /// # Errors
    /// When they are none.
    pub fn new(secret: &[u8; 32], subject: &str) -> Result<Self, VapidError> {
        if !subject.starts_with("mailto:") && !subject.starts_with("https://") {
            return Err(VapidError::Subject);
        }
        let private =
            PrivateKey::from_private_key(&ECDH_P256, secret).map_err(|_| VapidError::Key)?;
        let public = private.compute_public_key().map_err(|_| VapidError::Key)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            secret,
            public.as_ref(),
        )
        .map_err(|_| VapidError::Key)?;
        let document = pair.to_pkcs8v1().map_err(|_| VapidError::Key)?;
        Ok(Self {
            signing: EncodingKey::from_ec_der(document.as_ref()),
            public: BASE64URL_NOPAD.encode(public.as_ref()),
            subject: subject.to_owned(),
        })
    }

    /// The public key in base64url, by which browsers subscribe (`applicationServerKey`).
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// The header that says who sends, for the push service of an endpoint.
    pub(super) fn authorization(
        &self,
        endpoint: &Url,
        now: DateTime<Utc>,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": (now + VALIDITY).timestamp(),
            "sub": self.subject,
        });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.signing)?;
        Ok(format!("vapid t={token}, k={}", self.public))
    }
}
