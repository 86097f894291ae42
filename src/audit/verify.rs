//! Reads the whole chain and says what does not fit.

use std::collections::BTreeMap;
use std::fmt;

use coinsphere_pipelines::store::PooledConnection;

use super::chain::{GENESIS, hex, origin};
use super::chain_signer::ChainSigner;
use super::error::AuditError;
use super::table::{self, Signature, Stored};

/// The most faults that are reported.
const TOLD: usize = 50;

/// Something that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Entries are missing, first to last.
    Missing(i64, i64),
    /// An entry is not what it was.
    Altered(i64),
    /// An entry does not follow the one before it.
    Unlinked(i64),
    /// An entry's recorded address is not what it was.
    OriginAltered(i64),
    /// The end was cut off: a head was signed here, and the log ends before.
    TailCut {
        /// The signed head.
        signed: i64,
        /// Where the log ends.
        ends: i64,
    },
    /// The log up to a signed head is another one than was signed.
    Rewritten(i64),
    /// A signature of our key's name that our key did not make.
    Forged(i64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(first, last) if first == last => write!(f, "entry {first} is missing"),
            Self::Missing(first, last) => write!(f, "entries {first} to {last} are missing"),
            Self::Altered(seq) => write!(f, "entry {seq} was altered"),
            Self::Unlinked(seq) => write!(f, "entry {seq} does not follow the one before it"),
            Self::OriginAltered(seq) => write!(f, "the address of entry {seq} was altered"),
            Self::TailCut { signed, ends } => write!(
                f,
                "the end was cut off: entry {signed} was signed, but the log ends at {ends}"
            ),
            Self::Rewritten(seq) => {
                write!(f, "entry {seq} is not the one whose hash was signed")
            }
            Self::Forged(seq) => write!(f, "the signature of entry {seq} is not ours"),
        }
    }
}

/// Result of verifying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Number of entries read.
    pub entries: u64,
    /// The newest entry.
    pub head: i64,
    /// Its hash, in hexadecimal digits: write it down elsewhere to compare later.
    pub hash: String,
    /// The newest entry that is covered by a signature of our key.
    pub signed: i64,
    /// Entries that do not fit, at most 50.
    pub faults: Vec<Fault>,
}

/// Reads the log and compares it with the signed heads, those in the database and those in the data
/// directory. Entries after the newest signed head could be cut off unnoticed.
///
/// # Errors
/// When the database cannot be read.
pub async fn verify(
    session: &PooledConnection,
    seal: &ChainSigner,
) -> Result<Verified, AuditError> {
    let mut signatures = table::signatures(session).await?;
    signatures.extend(seal.written_down()?);
    let mut faults = Vec::new();
    let mut signed: BTreeMap<i64, Vec<Vec<u8>>> = BTreeMap::new();
    for Signature { seq, hash, .. } in ours(&signatures, seal, &mut faults) {
        signed.entry(seq).or_default().push(hash);
    }
    let (mut seq, mut previous, mut entries) = (0, GENESIS.to_vec(), 0);
    loop {
        let page = table::page(session, seq).await?;
        if page.is_empty() {
            break;
        }
        for stored in page {
            entries += 1;
            check(&stored, seq, &previous, &mut faults);
            let Stored { link, hash, .. } = stored;
            let other = |signed: &Vec<u8>| *signed != hash;
            if signed
                .get(&link.seq)
                .is_some_and(|all| all.iter().any(other))
            {
                faults.push(Fault::Rewritten(link.seq));
            }
            (seq, previous) = (link.seq, hash);
            faults.truncate(TOLD);
        }
    }
    let newest = signed.keys().next_back().copied().unwrap_or(0);
    if newest > seq {
        faults.push(Fault::TailCut {
            signed: newest,
            ends: seq,
        });
    }
    Ok(Verified {
        entries,
        head: seq,
        hash: hex(&previous),
        signed: newest.min(seq),
        faults,
    })
}

/// The signatures that our key made; those in its name that it did not make are faults. Signatures
/// of other machines' keys are theirs to check.
fn ours(all: &[Signature], seal: &ChainSigner, faults: &mut Vec<Fault>) -> Vec<Signature> {
    let mut ours = Vec::new();
    for signature in all.iter().filter(|one| one.key == seal.key()) {
        if seal.made(signature) {
            ours.push(signature.clone());
        } else {
            faults.push(Fault::Forged(signature.seq));
        }
    }
    ours
}

fn check(stored: &Stored, before: i64, previous: &[u8], faults: &mut Vec<Fault>) {
    let Stored {
        link,
        hash,
        origin: from,
        ..
    } = stored;
    if link.seq != before + 1 {
        faults.push(Fault::Missing(before + 1, link.seq - 1));
    } else if link.previous != previous {
        faults.push(Fault::Unlinked(link.seq));
    }
    if link.hash()[..] != hash[..] {
        faults.push(Fault::Altered(link.seq));
    }
    if let Some((salt, address)) = from
        && link.origin.as_deref() != Some(&origin(salt, address)[..])
    {
        faults.push(Fault::OriginAltered(link.seq));
    }
}
