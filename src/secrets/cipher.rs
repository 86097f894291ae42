//! Seals secrets with AES-256-GCM: what is stolen with the database is of no use without the key, which
//! is in a file or the configuration. Several keys may be known; the first seals, all open.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64_MIME_PERMISSIVE, HEXLOWER_PERMISSIVE};
use secrecy::{ExposeSecret as _, SecretString};

use super::SecretError;
use crate::secrets::KeyFiles;
use crate::secrets::Randomness;

/// Names of the keys for one kind of secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyNames {
    /// The file of the keys where the configuration has none: 32 bytes each, the newest first.
    pub(crate) file: &'static str,
    /// The setting, for messages.
    pub(crate) setting: &'static str,
}

/// Bytes of a key, and of what names it in front of what it sealed.
const KEY: usize = 32;
const ID: usize = 4;

/// The keys.
pub(crate) struct SecretCipher {
    names: KeyNames,
    keys: RwLock<Arc<Vec<Named>>>,
    /// Where they are, if not in the configuration.
    files: Option<KeyFiles>,
}

struct Named {
    id: [u8; ID],
    key: LessSafeKey,
}

impl Named {
    fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        let mut id = [0; ID];
        id.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..ID]);
        let key = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|_| SecretError("an encryption key is unusable".into()))?;
        Ok(Self {
            id,
            key: LessSafeKey::new(key),
        })
    }
}

impl SecretCipher {
    /// Takes the keys of the configuration, else reads them, else makes one.
    pub(crate) fn open(
        names: KeyNames,
        configured: Option<&SecretString>,
        files: &KeyFiles,
        randomness: &Randomness,
    ) -> Result<Self, SecretError> {
        let (keys, files) = match configured {
            Some(text) => (decode(text.expose_secret(), names)?, None),
            None => {
                let bytes = match files.read(names.file)? {
                    Some(bytes) => bytes,
                    None => files.create(names.file, &randomness.bytes::<KEY>())?,
                };
                (split(&bytes, names.file)?, Some(files.clone()))
            }
        };
        Ok(Self {
            names,
            keys: RwLock::new(Arc::new(keys)),
            files,
        })
    }

    fn keys(&self) -> Arc<Vec<Named>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Seals what belongs to `owner`: key id, nonce, ciphertext with tag.
    pub(crate) fn seal(
        &self,
        owner: &[u8],
        secret: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, SecretError> {
        let keys = self.keys();
        // There is at least one: `open` and `add_key` see to it.
        let Named { id, key } = &keys[0];
        let mut sealed = secret.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(owner),
            &mut sealed,
        )
        .map_err(|_| SecretError("cannot encrypt a secret".to_owned()))?;
        Ok([id, &nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for `owner`.
    pub(crate) fn unseal(&self, owner: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SecretError> {
        if let Some(secret) = try_unseal(&self.keys(), owner, sealed) {
            return Ok(secret);
        }
        // Another process may have made a new key.
        self.read_again()?;
        try_unseal(&self.keys(), owner, sealed).ok_or_else(|| {
            let KeyNames { file, setting } = self.names;
            SecretError(format!(
                "cannot decrypt a secret: its key is missing from {file} or {setting}"
            ))
        })
    }

    /// Returns whether the newest key sealed it.
    pub(crate) fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.get(..ID) == Some(&self.keys()[0].id[..])
    }

    /// Makes a new key, which seals from now on, where keys are in a file. False where they are in
    /// the configuration: there the operator puts a new one in front.
    pub(crate) fn add_key(&self, randomness: &Randomness) -> Result<bool, SecretError> {
        let Some(files) = &self.files else {
            return Ok(false);
        };
        let mut bytes = randomness.bytes::<KEY>().to_vec();
        bytes.extend(files.read(self.names.file)?.unwrap_or_default());
        files.replace(self.names.file, &bytes)?;
        self.read_again()?;
        Ok(true)
    }

    fn read_again(&self) -> Result<(), SecretError> {
        let Some(files) = &self.files else {
            return Ok(());
        };
        if let Some(bytes) = files.read(self.names.file)? {
            let keys = Arc::new(split(&bytes, self.names.file)?);
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        Ok(())
    }
}

fn try_unseal(keys: &[Named], owner: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (id, rest) = sealed.split_at_checked(ID)?;
    let (nonce, rest) = rest.split_at_checked(NONCE_LEN)?;
    let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
    let named = keys.iter().find(|named| named.id == id)?;
    let mut secret = rest.to_vec();
    let opened = named.key.open_in_place(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(owner),
        &mut secret,
    );
    opened.ok().map(|secret| secret.to_vec())
}

/// The keys of a configured text: base64 or hexadecimal, separated by commas, the newest first.
fn decode(text: &str, names: KeyNames) -> Result<Vec<Named>, SecretError> {
    let wrong = || {
        SecretError(format!(
            "{} must be 32 random bytes as base64 or hexadecimal, e.g. from `openssl rand -base64 32`; separate several by commas, the newest first",
            names.setting
        ))
    };
    let keys: Result<Vec<Named>, SecretError> = text
        .split(',')
        .map(|part| {
            let part = part.trim().as_bytes();
            let bytes = match part.len() {
                64 => HEXLOWER_PERMISSIVE.decode(part),
                _ => BASE64_MIME_PERMISSIVE.decode(part),
            };
            let bytes = bytes.ok().filter(|bytes| bytes.len() == KEY);
            Named::new(&bytes.ok_or_else(wrong)?)
        })
        .collect();
    keys
}

fn split(bytes: &[u8], file: &str) -> Result<Vec<Named>, SecretError> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(KEY) {
        return Err(SecretError(format!(
            "{file} has {} bytes, which is not a multiple of the {KEY} bytes of a key",
            bytes.len()
        )));
    }
    bytes.chunks(KEY).map(Named::new).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const NAMES: KeyNames = KeyNames {
        file: "test.key",
        setting: "test.encryption_key",
    };

    fn randomness() -> Randomness {
        Randomness::from(StdRng::seed_from_u64(11))
    }

    #[test]
    fn only_with_the_key_and_for_the_same_owner() {
        let (place, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let randomness = randomness();
        let open = |place: &tempfile::TempDir| {
            SecretCipher::open(
                NAMES,
                None,
                &KeyFiles::open(place.path()).unwrap(),
                &randomness,
            )
            .unwrap()
        };
        let sealed = open(&place)
            .seal(b"ada", b"secret", randomness.bytes())
            .unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(open(&place).unseal(b"ada", &sealed).unwrap(), b"secret");
        assert!(open(&place).unseal(b"eve", &sealed).is_err());
        assert!(open(&other).unseal(b"ada", &sealed).is_err());
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(open(&place).unseal(b"ada", &changed).is_err());
        assert!(open(&place).unseal(b"ada", b"short").is_err());
    }

    #[test]
    fn a_new_key_seals_and_older_ones_open() {
        let place = tempfile::tempdir().unwrap();
        let files = KeyFiles::open(place.path()).unwrap();
        let randomness = randomness();
        let running = SecretCipher::open(NAMES, None, &files, &randomness).unwrap();
        let before = running.seal(b"ada", b"one", randomness.bytes()).unwrap();
        let command = SecretCipher::open(NAMES, None, &files, &randomness).unwrap();
        assert!(command.add_key(&randomness).unwrap());
        let after = command.seal(b"ada", b"two", randomness.bytes()).unwrap();
        assert!(command.is_current(&after) && !command.is_current(&before));
        assert_eq!(
            running.unseal(b"ada", &after).unwrap(),
            b"two",
            "it reads again"
        );
        assert_eq!(command.unseal(b"ada", &before).unwrap(), b"one");
    }

    #[test]
    fn configured_keys_are_base64_or_hexadecimal() {
        let place = tempfile::tempdir().unwrap();
        let files = KeyFiles::open(&place.path().join("keys")).unwrap();
        let randomness = randomness();
        let open = |text: &str| SecretCipher::open(NAMES, Some(&text.into()), &files, &randomness);
        let (hex, base64) = (
            "ab".repeat(32),
            "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=",
        );
        let sealed = open(&hex)
            .unwrap()
            .seal(b"ada", b"one", randomness.bytes())
            .unwrap();
        assert_eq!(
            open(base64).unwrap().unseal(b"ada", &sealed).unwrap(),
            b"one"
        );
        let both = format!("{}, {hex}", "cd".repeat(32));
        assert_eq!(
            open(&both).unwrap().unseal(b"ada", &sealed).unwrap(),
            b"one"
        );
        assert!(!open(&both).unwrap().is_current(&sealed));
        for bad in ["", "short", "ab"] {
            let error = open(bad).err().unwrap().to_string();
            assert!(error.contains("openssl rand"), "{error}");
        }
        assert_eq!(
            files.names().unwrap(),
            Vec::<String>::new(),
            "nothing is written"
        );
    }
}
