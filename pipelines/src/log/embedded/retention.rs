//! Which records may be removed. Pure: knows chunks of consecutive records, their sizes and times,
//! and what the consumers still need; must not touch the disk or a clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::market::Timestamp;

/// Bytes counted for a record besides its encoded form: its key and the database's own.
pub(super) const RECORD_OVERHEAD: u64 = 24;
/// A chunk ends when its records span this long, so that a quiet log can still be cut by time.
const CHUNK_SPAN: Duration = Duration::from_secs(3_600);

/// Where a run of records that are removed together begins. It ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its first offset.
    pub(super) first: u64,
    /// Bytes of all records ever written to the partition before it.
    pub(super) bytes_before: u64,
    /// When its first record was received.
    pub(super) received_at: Timestamp,
}

/// The chunks of one partition, oldest first.
#[derive(Debug, Clone)]
pub(super) struct ChunkIndex {
    chunks: VecDeque<Chunk>,
    head: u64,
    bytes_written: u64,
    chunk_bytes: u64,
}

/// Growth of an index by some more records.
#[derive(Debug, Clone)]
pub(super) struct Extension {
    pub(super) chunks: Vec<Chunk>,
    head: u64,
    bytes_written: u64,
}

/// Limits of retention.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) now: Timestamp,
    pub(super) retention: Duration,
    pub(super) correction_horizon: Duration,
    pub(super) max_bytes: u64,
}

impl ChunkIndex {
    /// The index of a partition that holds `chunks`, the last of them not counted yet.
    pub(super) fn recovered(chunks: VecDeque<Chunk>, chunk_bytes: u64) -> Self {
        let last = chunks.back().copied();
        Self {
            head: last.map_or(0, |chunk| chunk.first),
            bytes_written: last.map_or(0, |chunk| chunk.bytes_before),
            chunks,
            chunk_bytes,
        }
    }

    /// The offset of the next record.
    pub(super) const fn head(&self) -> u64 {
        self.head
    }

    /// The earliest offset kept; the head if nothing is.
    pub(super) fn earliest(&self) -> u64 {
        self.chunks.front().map_or(self.head, |chunk| chunk.first)
    }

    /// Bytes of the records kept.
    pub(super) fn bytes(&self) -> u64 {
        let before = self
            .chunks
            .front()
            .map_or(self.bytes_written, |chunk| chunk.bytes_before);
        self.bytes_written - before
    }

    /// Counts a record that is already in the chunk index's last chunk: for recovery.
    pub(super) fn count(&mut self, encoded_len: usize) {
        self.head += 1;
        self.bytes_written += encoded_len as u64 + RECORD_OVERHEAD;
    }

    /// Growth of the index by the next records, given their receive times and encoded lengths.
    pub(super) fn extension(&self, records: impl Iterator<Item = (Timestamp, usize)>) -> Extension {
        let mut extension = Extension {
            chunks: Vec::new(),
            head: self.head,
            bytes_written: self.bytes_written,
        };
        let mut last = self.chunks.back().copied();
        for (received_at, encoded_len) in records {
            let full = last.is_none_or(|chunk| {
                extension.bytes_written - chunk.bytes_before >= self.chunk_bytes
                    || received_at.since(chunk.received_at) >= CHUNK_SPAN
            });
            if full {
                let chunk = Chunk {
                    first: extension.head,
                    bytes_before: extension.bytes_written,
                    received_at,
                };
                extension.chunks.push(chunk);
                last = Some(chunk);
            }
            extension.head += 1;
            extension.bytes_written += encoded_len as u64 + RECORD_OVERHEAD;
        }
        extension
    }

    /// Adds what [`ChunkIndex::extension`] computed.
    pub(super) fn extend(&mut self, extension: Extension) {
        self.chunks.extend(extension.chunks);
        self.head = extension.head;
        self.bytes_written = extension.bytes_written;
    }

    /// Forgets the chunks that end at or below `offset`, and returns their first offsets.
    pub(super) fn remove_below(&mut self, offset: u64) -> Vec<u64> {
        let mut removed = Vec::new();
        while let Some(next) = self.chunks.get(1)
            && next.first <= offset
        {
            removed.extend(self.chunks.pop_front().map(|chunk| chunk.first));
        }
        removed
    }

    /// Number of the oldest chunks that no consumer and no correction can need any more. The last
    /// chunk is still being written and always stays.
    fn unneeded(&self, released: Option<u64>, correction_horizon: Duration) -> usize {
        // Who has never said what he needs may need everything.
        let Some(released) = released else { return 0 };
        let ends = self.chunks.iter().skip(1);
        let Some(position) = self
            .chunks
            .iter()
            .rev()
            .find(|chunk| chunk.first <= released)
        else {
            return 0;
        };
        let horizon = position.received_at - correction_horizon;
        ends.take_while(|end| end.first <= released && end.received_at <= horizon)
            .count()
    }
}

/// The new earliest offset of each partition, given what the slowest consumer of each has released.
pub(super) fn plan(
    indexes: &[ChunkIndex],
    released: &[Option<u64>],
    limits: &Limits,
) -> Vec<Option<u64>> {
    let old = limits.now - limits.retention;
    let mut cuts: Vec<usize> = Vec::with_capacity(indexes.len());
    let mut unneeded: Vec<usize> = Vec::with_capacity(indexes.len());
    for (index, &released) in indexes.iter().zip(released) {
        let may = index.unneeded(released, limits.correction_horizon);
        let ends = index.chunks.iter().skip(1).take(may);
        cuts.push(ends.take_while(|end| end.received_at <= old).count());
        unneeded.push(may);
    }
    let bytes_from = |index: &ChunkIndex, cut: usize| {
        index
            .chunks
            .get(cut)
            .map_or(0, |chunk| index.bytes_written - chunk.bytes_before)
    };
    let mut total: u64 = indexes
        .iter()
        .zip(&cuts)
        .map(|(index, &cut)| bytes_from(index, cut))
        .sum();
    while total > limits.max_bytes {
        let oldest = (0..indexes.len())
            .filter(|&p| cuts[p] < unneeded[p])
            .min_by_key(|&p| indexes[p].chunks[cuts[p]].received_at);
        let Some(p) = oldest else { break };
        let before = bytes_from(&indexes[p], cuts[p]);
        cuts[p] += 1;
        total -= before - bytes_from(&indexes[p], cuts[p]);
    }
    indexes
        .iter()
        .zip(cuts)
        .map(|(index, cut)| (cut > 0).then(|| index.chunks[cut].first))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(h: u64) -> Duration {
        Duration::from_secs(h * 3_600)
    }

    fn at(h: u64) -> Timestamp {
        Timestamp::default() + hours(h)
    }

    /// A partition with one record of 1,000 bytes an hour, a chunk each.
    fn hourly(count: u64) -> ChunkIndex {
        let mut index = ChunkIndex::recovered(VecDeque::new(), 1_024);
        let extension = index.extension((0..count).map(|h| (at(h), 1_000)));
        index.extend(extension);
        assert_eq!(index.chunks.len() as u64, count);
        index
    }

    fn limits(now: u64, max_bytes: u64) -> Limits {
        Limits {
            now: at(now),
            retention: hours(48),
            correction_horizon: hours(24),
            max_bytes,
        }
    }

    #[test]
    fn old_records_go_once_everyone_is_past_them() {
        let index = [hourly(100)];
        // 100 hours in, records of the first 52 hours are older than 48.
        assert_eq!(
            plan(&index, &[Some(99)], &limits(100, u64::MAX)),
            [Some(52)]
        );
        // The slowest consumer is at 40: 24 hours before it stay.
        assert_eq!(
            plan(&index, &[Some(40)], &limits(100, u64::MAX)),
            [Some(16)]
        );
        assert_eq!(plan(&index, &[Some(20)], &limits(100, u64::MAX)), [None]);
        assert_eq!(plan(&index, &[None], &limits(100, u64::MAX)), [None]);
    }

    #[test]
    fn bytes_are_kept_within_the_limit_where_that_is_allowed() {
        let index = [hourly(100)];
        let record = 1_000 + RECORD_OVERHEAD;
        let plan_for = |released, max| plan(&index, &[Some(released)], &limits(0, max));
        assert_eq!(plan_for(99, 30 * record), [Some(70)]);
        assert_eq!(plan_for(99, 10 * record), [Some(75)], "the horizon stays");
        assert_eq!(
            plan_for(50, 10 * record),
            [Some(26)],
            "what a consumer needs stays"
        );
        assert_eq!(plan_for(99, 100 * record), [None]);
    }

    #[test]
    fn the_oldest_of_all_partitions_go_first() {
        let quiet = hourly(10);
        let busy = hourly(100);
        let record = 1_000 + RECORD_OVERHEAD;
        let cuts = plan(
            &[busy, quiet],
            &[Some(99), Some(9)],
            &limits(0, 100 * record),
        );
        assert_eq!(cuts, [Some(10), None]);
    }

    #[test]
    fn removal_and_sizes_agree() {
        let mut index = hourly(10);
        assert_eq!(index.bytes(), 10 * 1_024);
        assert_eq!(index.remove_below(4), [0, 1, 2, 3]);
        assert_eq!((index.earliest(), index.bytes()), (4, 6 * 1_024));
        assert_eq!(index.remove_below(100).len(), 5, "the last chunk stays");
        assert_eq!(index.earliest(), 9);
    }
}
