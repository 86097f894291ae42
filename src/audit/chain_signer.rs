//! Signs the chain's head. The key and a copy of each signed head lie in the data directory, not in
//! the database: whoever can only write there can neither sign a shorter chain nor hide that there
//! was a longer one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::chain::hex;
use super::error::AuditError;
use super::table::Signature;
use crate::secrets::KeyFiles;

const KEY: &str = "ed25519.pk8";
const HEADS: &str = "heads.jsonl";

/// The key, and where signed heads are kept.
#[derive(Debug)]
pub struct ChainSigner {
    pair: Ed25519KeyPair,
    heads: PathBuf,
}

/// A line of the file of signed heads.
#[derive(Serialize, Deserialize)]
struct Head {
    seq: i64,
    hash: String,
    at: DateTime<Utc>,
    key: String,
    signature: String,
}

fn trouble<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> AuditError + 'a {
    move |error| AuditError::Key {
        doing,
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

impl ChainSigner {
    /// Reads the key from `DATA/audit/`, or makes one there that only this user can read.
    ///
    /// # Errors
    /// When the directory or the key cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, AuditError> {
        let directory = data_dir.join("audit");
        let files = KeyFiles::open(&directory)?;
        let wrong = |reason: &str| AuditError::Key {
            doing: "use the audit log's key",
            path: directory.join(KEY),
            reason: reason.to_owned(),
        };
        let bytes = match files.read(KEY)? {
            Some(bytes) => bytes,
            None => {
                let pair = Ed25519KeyPair::generate().map_err(|_| wrong("no randomness"))?;
                let document = pair
                    .to_pkcs8()
                    .map_err(|_| wrong("it cannot be written down"))?;
                // Another process may have been first: then it is theirs.
                files.create(KEY, document.as_ref())?
            }
        };
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            .map_err(|_| wrong("it is no Ed25519 key"))?;
        Ok(Self {
            pair,
            heads: directory.join(HEADS),
        })
    }

    /// The key's name in signatures: its public half.
    pub(super) fn key(&self) -> String {
        hex(self.pair.public_key().as_ref())
    }

    /// Signs a head and writes it down outside the database.
    pub(super) fn sign(
        &self,
        seq: i64,
        hash: Vec<u8>,
        at: DateTime<Utc>,
    ) -> Result<Signature, AuditError> {
        let signature = self.pair.sign(&message(seq, &hash, at));
        let head = Head {
            seq,
            hash: hex(&hash),
            at,
            key: self.key(),
            signature: hex(signature.as_ref()),
        };
        let mut line = serde_json::to_vec(&head).map_err(|error| AuditError::Key {
            doing: "write down a signed head in",
            path: self.heads.clone(),
            reason: error.to_string(),
        })?;
        line.push(b'\n');
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.heads)
            .and_then(|mut file| file.write_all(&line).and_then(|()| file.sync_data()))
            .map_err(trouble("write", &self.heads))?;
        Ok(Signature {
            seq,
            hash,
            at,
            key: head.key,
            signature: signature.as_ref().to_vec(),
        })
    }

    /// The heads written down outside the database; a last line that was cut off is left out.
    pub(super) fn written_down(&self) -> Result<Vec<Signature>, AuditError> {
        let text = match fs::read_to_string(&self.heads) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(trouble("read", &self.heads)(error)),
        };
        let heads = text.lines().filter_map(|line| {
            let head: Head = serde_json::from_str(line).ok()?;
            Some(Signature {
                seq: head.seq,
                hash: unhex(&head.hash)?,
                at: head.at,
                key: head.key,
                signature: unhex(&head.signature)?,
            })
        });
        Ok(heads.collect())
    }

    /// Returns whether this key made the signature.
    pub(super) fn made(&self, head: &Signature) -> bool {
        let public = UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref());
        let message = message(head.seq, &head.hash, head.at);
        public.verify(&message, &head.signature).is_ok()
    }
}

fn message(seq: i64, hash: &[u8], at: DateTime<Utc>) -> Vec<u8> {
    let micros = at.timestamp_micros();
    format!("coinsphere-audit-head-1\n{seq}\n{}\n{micros}", hex(hash)).into_bytes()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}
