//! The RSA keys that sign access tokens: made at the first start, rotated by command, found again in
//! their files by every process. The newest signs; those before it verify until what they signed has
//! expired.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jsonwebtoken::jwk::{
    AlgorithmParameters, Jwk, JwkSet, KeyOperations, PublicKeyUse, RSAKeyParameters, ThumbprintHash,
};
use jsonwebtoken::{Algorithm, EncodingKey};

use super::ACCESS_TOKEN_LIFE;
use super::error::AccountError;
use crate::secrets::KeyFiles;

/// Time after its successor was made for which a key still verifies: a process that has not yet
/// noticed the successor signs with it for up to [`NOTICED_WITHIN`], and tokens live on from there.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(ACCESS_TOKEN_LIFE.num_seconds() + 120);

/// Time within which every process notices a new key by itself.
pub(super) const NOTICED_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// For a key that we do not know, the files are looked at, but not more often than this.
const ASKED_ANEW_AFTER: TimeDelta = TimeDelta::seconds(5);

/// The keys of one directory.
pub(super) struct SigningKeys {
    files: KeyFiles,
    ring: RwLock<Arc<Ring>>,
    read_at: RwLock<DateTime<Utc>>,
}

/// The keys as they were read.
pub(super) struct Ring {
    /// The id of the key that signs.
    pub(super) signer_id: String,
    /// The key that signs.
    pub(super) signer: EncodingKey,
    verifiers: HashMap<String, Verifier>,
}

struct Verifier {
    /// Parsed once: that costs about as much as a verification.
    key: Arc<ParsedPublicKey>,
    public: Jwk,
    until: Option<DateTime<Utc>>,
}

/// A key's file: `jwt-<seconds since 1970>-<id>.pem`.
struct Named {
    file: String,
    made_at: DateTime<Utc>,
}

impl Named {
    fn parse(file: String) -> Option<Self> {
        let rest = file.strip_prefix("jwt-")?.strip_suffix(".pem")?;
        let seconds = rest.split_once('-')?.0.parse().ok()?;
        let made_at = DateTime::from_timestamp_secs(seconds)?;
        Some(Self { file, made_at })
    }
}

impl SigningKeys {
    /// Reads the keys; makes the first if there is none.
    pub(super) fn open(files: KeyFiles, now: DateTime<Utc>) -> Result<Self, AccountError> {
        if named(&files)?.is_empty() {
            make(&files, now)?;
        }
        let ring = read(&files)?;
        Ok(Self {
            files,
            ring: RwLock::new(Arc::new(ring)),
            read_at: RwLock::new(now),
        })
    }

    /// The keys as last read.
    pub(super) fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again.
    pub(super) fn read_again(&self, now: DateTime<Utc>) -> Result<(), AccountError> {
        let ring = Arc::new(read(&self.files)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        *self.read_at.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// The key that verifies what `id` has signed, looked for again if it is not known.
    pub(super) fn verifier(&self, id: &str, now: DateTime<Utc>) -> Option<Arc<ParsedPublicKey>> {
        let known = self.ring().verifier(id, now);
        if known.is_some() {
            return known;
        }
        let read_at = *self.read_at.read().unwrap_or_else(PoisonError::into_inner);
        if now - read_at < ASKED_ANEW_AFTER {
            return None;
        }
        if let Err(error) = self.read_again(now) {
            tracing::error!(%error, "cannot look for a new signing key");
        }
        self.ring().verifier(id, now)
    }

    /// Makes a new key, which signs from now on, and removes those that verify nothing any more.
    /// Answers its id.
    pub(super) fn rotate(&self, now: DateTime<Utc>) -> Result<String, AccountError> {
        make(&self.files, now)?;
        let mut keys = named(&self.files)?;
        keys.sort_by_key(|key| key.made_at);
        for pair in keys.windows(2) {
            if pair[1].made_at + KEPT_FOR < now {
                self.files.remove(&pair[0].file)?;
            }
        }
        self.read_again(now)?;
        Ok(self.ring().signer_id.clone())
    }
}

impl Ring {
    fn verifier(&self, id: &str, now: DateTime<Utc>) -> Option<Arc<ParsedPublicKey>> {
        let found = self.verifiers.get(id)?;
        let is_valid = found.until.is_none_or(|until| now < until);
        is_valid.then(|| Arc::clone(&found.key))
    }

    /// The public keys that verify now, for `/.well-known/jwks.json` (RFC 7517).
    pub(super) fn public(&self, now: DateTime<Utc>) -> JwkSet {
        let is_valid = |verifier: &&Verifier| verifier.until.is_none_or(|until| now < until);
        let keys = self.verifiers.values().filter(is_valid);
        JwkSet {
            keys: keys.map(|verifier| verifier.public.clone()).collect(),
        }
    }
}

fn named(files: &KeyFiles) -> Result<Vec<Named>, AccountError> {
    Ok(files
        .names()?
        .into_iter()
        .filter_map(Named::parse)
        .collect())
}

fn make(files: &KeyFiles, now: DateTime<Utc>) -> Result<(), AccountError> {
    let failed = |_| AccountError::Internal("cannot make an RSA key".to_owned());
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    let text = pem(der.as_ref());
    let (id, ..) = understand(text.as_bytes())?;
    let name = format!("jwt-{}-{id}.pem", now.timestamp());
    files.create(&name, text.as_bytes())?;
    Ok(())
}

fn read(files: &KeyFiles) -> Result<Ring, AccountError> {
    let mut keys = named(files)?;
    keys.sort_by(|a, b| (a.made_at, &a.file).cmp(&(b.made_at, &b.file)));
    let mut verifiers = HashMap::new();
    let mut signer = None;
    for (at, key) in keys.iter().enumerate() {
        let Some(text) = files.read(&key.file)? else {
            // Removed by another process's rotation.
            continue;
        };
        let (id, private, public) = understand(&text)?;
        let verifier = Verifier {
            key: Arc::new(parsed(&public)?),
            public,
            until: keys.get(at + 1).map(|next| next.made_at + KEPT_FOR),
        };
        verifiers.insert(id.clone(), verifier);
        signer = Some((id, private));
    }
    let (signer_id, signer) = signer.ok_or_else(|| {
        AccountError::Internal("there is no key left to sign access tokens with".to_owned())
    })?;
    Ok(Ring {
        signer_id,
        signer,
        verifiers,
    })
}

/// A private key's id (its thumbprint, RFC 7638), itself, and its public half.
fn understand(text: &[u8]) -> Result<(String, EncodingKey, Jwk), AccountError> {
    let private = EncodingKey::from_rsa_pem(text).map_err(|error| unusable(&error))?;
    let mut public =
        Jwk::from_encoding_key(&private, Algorithm::RS256).map_err(|error| unusable(&error))?;
    let id = public
        .thumbprint(ThumbprintHash::SHA256)
        .map_err(|error| unusable(&error))?;
    public.common.key_id = Some(id.clone());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    public.common.key_operations = Some(vec![KeyOperations::Verify]);
    Ok((id, private, public))
}

/// A public key for RS256 and nothing else.
fn parsed(public: &Jwk) -> Result<ParsedPublicKey, AccountError> {
    let wrong = || AccountError::Internal("cannot use the public half of a signing key".to_owned());
    let AlgorithmParameters::RSA(RSAKeyParameters { n, e, .. }) = &public.algorithm else {
        return Err(wrong());
    };
    let decoded = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| wrong());
    let components = RsaPublicKeyComponents {
        n: decoded(n)?,
        e: decoded(e)?,
    };
    components
        .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
        .map_err(|_| wrong())
}

fn unusable(error: &jsonwebtoken::errors::Error) -> AccountError {
    AccountError::Internal(format!("cannot use a signing key: {error}"))
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let body = BASE64.encode(der);
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    for at in (0..body.len()).step_by(64) {
        text.push_str(&body[at..body.len().min(at + 64)]);
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}
