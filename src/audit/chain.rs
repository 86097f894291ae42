//! The chain: what each hash is over. Changing it makes every older log look tampered with.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A SHA-256 digest.
pub(super) type Hash = [u8; 32];

/// Value of `previous` in the first entry.
pub(super) const GENESIS: Hash = [0; 32];

/// A row without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) seq: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) event: String,
    pub(super) outcome: String,
    pub(super) actor: Option<Uuid>,
    pub(super) target: Option<Uuid>,
    pub(super) subject: Option<Uuid>,
    pub(super) origin: Option<Vec<u8>>,
    pub(super) detail: String,
    pub(super) previous: Vec<u8>,
}

impl Link {
    /// SHA-256 over the fields in this order, each as its length (8 bytes, big-endian) and its bytes;
    /// what is absent has the length `u64::MAX` and no bytes. Numbers are big-endian, the time is in
    /// microseconds since 1970, which is what the database keeps.
    pub(super) fn hash(&self) -> Hash {
        let mut digest = Sha256::new();
        let mut field = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => {
                digest.update((bytes.len() as u64).to_be_bytes());
                digest.update(bytes);
            }
            None => digest.update(u64::MAX.to_be_bytes()),
        };
        field(Some(b"coinsphere-audit-1"));
        field(Some(&self.seq.to_be_bytes()));
        field(Some(&self.at.timestamp_micros().to_be_bytes()));
        field(Some(self.event.as_bytes()));
        field(Some(self.outcome.as_bytes()));
        for id in [self.actor, self.target, self.subject] {
            field(id.as_ref().map(|id| &id.as_bytes()[..]));
        }
        field(self.origin.as_deref());
        field(Some(self.detail.as_bytes()));
        field(Some(&self.previous));
        digest.finalize().into()
    }
}

/// Stands for an address in the chain; without the salt it cannot be guessed back.
pub(super) fn origin(salt: &[u8], address: &str) -> Hash {
    Sha256::new()
        .chain_update(salt)
        .chain_update(address.as_bytes())
        .finalize()
        .into()
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            seq: 7,
            at: DateTime::from_timestamp_micros(1_723_161_255_342_001).unwrap(),
            event: "session.login".to_owned(),
            outcome: "done".to_owned(),
            actor: Some(Uuid::from_u128(1)),
            target: None,
            subject: None,
            origin: None,
            detail: "{}".to_owned(),
            previous: GENESIS.to_vec(),
        }
    }

    #[test]
    fn the_form_is_fixed() {
        assert_eq!(
            hex(&link().hash()),
            "467e5cecb2bfbad602ed97cfe951ba90e7a560ed537558c6cefc4066acb1bf95"
        );
    }

    #[test]
    fn every_field_counts_and_none_runs_into_the_next() {
        let changes: [fn(&mut Link); 11] = [
            |link| link.seq = 8,
            |link| link.at += chrono::Duration::microseconds(1),
            |link| link.event.push('x'),
            |link| link.outcome = "failed".to_owned(),
            |link| link.actor = None,
            |link| (link.actor, link.target) = (None, link.actor),
            |link| link.subject = Some(Uuid::nil()),
            |link| link.origin = Some(Vec::new()),
            |link| link.detail = " {}".to_owned(),
            |link| link.previous[31] = 1,
            |link| (link.event, link.outcome) = ("session.logind".into(), "one".into()),
        ];
        let mut seen = vec![link().hash()];
        for (number, change) in changes.into_iter().enumerate() {
            let mut link = link();
            change(&mut link);
            let hash = link.hash();
            assert!(!seen.contains(&hash), "change {number}");
            seen.push(hash);
        }
    }
}
