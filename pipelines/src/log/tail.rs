//! The newest records of one partition, in memory and shared with its readers. Knows offsets and
//! sizes; must not know where records are kept for good.

use std::collections::VecDeque;
use std::mem::size_of;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;

use bytes::Bytes;

use super::Offset;
use crate::events::{Body, Record, encode};
use crate::market::Trade;

/// A record on its way into a log: encoded once, by whoever appends it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    /// Kept until it has been written.
    pub(super) encoded: Option<Bytes>,
    /// Bytes of memory it takes, nearly.
    pub(super) footprint: usize,
}

impl Entry {
    /// Encodes `record`.
    pub(super) fn encoded(record: Arc<Record>) -> Self {
        let encoded = Bytes::from(encode(&record));
        Self {
            footprint: footprint(&record) + encoded.len(),
            encoded: Some(encoded),
            record,
        }
    }

    /// A record that needs no writing.
    pub(super) fn kept(record: Arc<Record>) -> Self {
        Self {
            footprint: footprint(&record),
            encoded: None,
            record,
        }
    }
}

/// Records in memory that are not written yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Backlog {
    pub(super) records: usize,
    /// Of memory.
    pub(super) bytes: usize,
    /// Of their encoded form.
    pub(super) encoded: usize,
}

impl Backlog {
    pub(super) fn add(&mut self, entry: &Entry) {
        self.records += 1;
        self.bytes += entry.footprint;
        self.encoded += entry.encoded.as_ref().map_or(0, Bytes::len);
    }
}

impl AddAssign for Backlog {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
        self.encoded += more.encoded;
    }
}

impl SubAssign for Backlog {
    fn sub_assign(&mut self, less: Self) {
        self.records -= less.records;
        self.bytes -= less.bytes;
        self.encoded -= less.encoded;
    }
}

/// Size of the part of a tail that stays in memory once it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct TailLimits {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// Consecutive records that end at the partition's head.
#[derive(Debug)]
pub(super) struct Tail {
    base: u64,
    entries: VecDeque<Entry>,
    /// Of memory, nearly.
    bytes: usize,
}

impl Tail {
    /// An empty tail of a partition whose next record will have `head`.
    pub(super) const fn at(head: u64) -> Self {
        Self {
            base: head,
            entries: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The earliest offset in memory; the head if there is none.
    pub(super) const fn base(&self) -> u64 {
        self.base
    }

    /// The offset the next record will have.
    pub(super) fn head(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.bytes += entry.footprint;
        self.entries.push_back(entry);
    }

    /// Up to `max` records from `from` on; `None` if `from` has left memory.
    pub(super) fn read(&self, from: u64, max: usize) -> Option<Vec<(Offset, Arc<Record>)>> {
        let skip = usize::try_from(from.checked_sub(self.base)?).unwrap_or(usize::MAX);
        let numbered = (from..).zip(self.entries.iter().skip(skip).take(max));
        Some(
            numbered
                .map(|(offset, entry)| (Offset(offset), Arc::clone(&entry.record)))
                .collect(),
        )
    }

    /// The entries from `from` on.
    pub(super) fn entries_from(&self, from: u64) -> impl Iterator<Item = &Entry> {
        let skip = usize::try_from(from.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.entries.iter().skip(skip)
    }

    /// Lets go of the encoded form of everything in `from..written`, and says what that was.
    pub(super) fn settle(&mut self, from: u64, written: u64) -> Backlog {
        let skip = usize::try_from(from.saturating_sub(self.base)).unwrap_or(usize::MAX);
        let count = usize::try_from(written.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut settled = Backlog::default();
        for entry in self.entries.iter_mut().skip(skip).take(count) {
            settled.add(entry);
            if let Some(encoded) = entry.encoded.take() {
                entry.footprint -= encoded.len();
                self.bytes -= encoded.len();
            }
        }
        settled
    }

    /// Forgets the oldest records below `written` until the rest is within `limits`.
    pub(super) fn trim(&mut self, written: u64, limits: TailLimits) {
        while self.base < written
            && (self.entries.len() > limits.records || self.bytes > limits.bytes)
        {
            if !self.forget_oldest() {
                break;
            }
        }
    }

    /// Forgets everything below `offset`.
    pub(super) fn forget_below(&mut self, offset: u64) {
        while self.base < offset && self.forget_oldest() {}
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else {
            return false;
        };
        self.bytes -= entry.footprint;
        self.base += 1;
        true
    }
}

fn footprint(record: &Record) -> usize {
    let body = match &record.body {
        Body::Trades(batches) => batches
            .iter()
            .map(|batch| 64 + batch.trades.capacity() * size_of::<Trade>())
            .sum(),
        Body::Subscribed(symbols) => symbols.len() * 40,
        Body::Refused { reason, .. } => reason.capacity() + 40,
        Body::Heartbeat { .. } | Body::Disconnected { .. } | Body::Tick => 0,
    };
    // The entry, the record, the two counts of its `Arc`, and the allocator's own.
    size_of::<Entry>() + size_of::<Record>() + 32 + body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::ConnectionId;
    use crate::market::Timestamp;

    fn tick(at: i64) -> Arc<Record> {
        Arc::new(Record {
            venue: crate::venues::named("binance").unwrap(),
            connection: ConnectionId(1),
            received_at: Timestamp::from_nanos(at),
            body: Body::Tick,
        })
    }

    #[test]
    fn trimming_never_touches_what_is_not_written() {
        let mut tail = Tail::at(10);
        for at in 0..10 {
            tail.push(Entry::encoded(tick(at)));
        }
        let none = TailLimits {
            records: 0,
            bytes: 0,
        };
        tail.trim(10, none);
        assert_eq!((tail.base(), tail.head()), (10, 20));
        assert_eq!(tail.settle(10, 14).records, 4);
        tail.trim(14, none);
        assert_eq!((tail.base(), tail.head()), (14, 20));
        assert!(tail.read(13, 1).is_none());
        let read = tail.read(15, 2).unwrap();
        assert_eq!(
            read.iter()
                .map(|(o, r)| (o.0, r.received_at.nanos()))
                .collect::<Vec<_>>(),
            [(15, 5), (16, 6)]
        );
        assert!(tail.read(20, 5).unwrap().is_empty());
    }

    #[test]
    fn memory_is_given_back_in_full() {
        let mut tail = Tail::at(0);
        for at in 0..100 {
            tail.push(Entry::encoded(tick(at)));
        }
        tail.settle(0, 100);
        tail.forget_below(100);
        assert_eq!((tail.bytes, tail.base(), tail.head()), (0, 100, 100));
    }
}
