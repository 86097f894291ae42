//! The one thread that writes: group commits, retention, and opening the database again after the
//! disk has failed or the writer itself has panicked. Must not know who appends or reads.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use fjall::LsmError;
use tokio::time::Instant;

use super::CommitGate;
use super::retention::{self, ChunkIndex, Extension, Limits};
use super::state::{Failing, Shared, State};
use super::store::{Commit, OpenError, Store};
use crate::clock::SharedClock;
use crate::log::Offset;
use crate::log::tail::TailLimits;
use crate::market::Timestamp;
use crate::net::Backoff;

/// Encoded bytes of one group commit, nearly: well below what the database holds in memory.
const COMMIT_BYTES: usize = 4 << 20;
/// The interval at which retention looks at the time, and the thread at the database's health.
const RETENTION_INTERVAL: Duration = Duration::from_secs(10);
/// The time for which a pause goes on once somebody waits for durability.
const PAUSE_SLICE: Duration = Duration::from_millis(5);
const IDLE: Duration = Duration::from_secs(1);
/// Waits between attempts to open a database whose disk has failed.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// The time the database may be too busy flushing before that counts as a failure.
const CONGESTED_TURNS: u32 = 10_000;
const CONGESTED_TURN: Duration = Duration::from_millis(3);
/// Free bytes that a full disk must have again before it is tried.
const ROOM: u64 = 32 << 20;

pub(super) struct Writer {
    shared: Arc<Shared>,
    clock: SharedClock,
    gate: CommitGate,
    indexes: Vec<ChunkIndex>,
    looked_at: Timestamp,
    /// True when the consumers' releases have changed since they were last written.
    releases_to_write: bool,
    /// The waits before the database is opened again.
    retry: Backoff,
}

/// Batches and releases of one group commit.
struct Group {
    commit: Commit,
    /// By partition.
    extensions: Vec<Option<Extension>>,
    /// There is more than one commit's worth.
    more: bool,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        clock: SharedClock,
        gate: CommitGate,
        indexes: Vec<ChunkIndex>,
    ) -> Self {
        Self {
            shared,
            clock,
            gate,
            indexes,
            looked_at: Timestamp::MIN,
            releases_to_write: false,
            retry: Backoff::new(FIRST_RETRY, LAST_RETRY),
        }
    }

    /// Works until the log is closed and everything is written, or cannot be. After a panic it goes on
    /// as after a failure of the disk: what was half done is made again from what is on disk and in
    /// memory.
    pub(super) fn run(mut self) {
        let _ending = Ending(Arc::clone(&self.shared));
        let mut is_broken = false;
        while catch_unwind(AssertUnwindSafe(|| self.work(is_broken))).is_err() {
            self.shared.state().restarts += 1;
            self.releases_to_write = true;
            self.fail(Failing::Unavailable(
                "panicked: its writer is started again".into(),
            ));
            is_broken = true;
        }
        self.close_store();
    }

    fn work(&mut self, is_broken: bool) {
        if is_broken && !self.recover() {
            return;
        }
        loop {
            let closing = self.wait_for_work();
            match self.round(closing) {
                Ok(more) => {
                    self.retry.reset();
                    match (more, closing) {
                        (true, _) => {}
                        (false, true) => return,
                        (false, false) => self.pause(),
                    }
                }
                Err(failing) => {
                    self.fail(failing);
                    if closing || !self.recover() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits for something to write, a release, or the next look at the time. Returns whether the
    /// log is being closed.
    fn wait_for_work(&self) -> bool {
        let mut state = self.shared.state();
        state.progressed = (Instant::now(), self.clock.now());
        if !state.has_work() {
            state = self.shared.wait(state, IDLE);
        }
        state.closed
    }

    /// Lets records gather for the next group commit.
    fn pause(&self) {
        let mut left = self.shared.config.commit_interval();
        while !left.is_zero() {
            if self
                .shared
                .state()
                .is_urgent(self.shared.config.outbox_bytes)
            {
                return;
            }
            let slice = left.min(PAUSE_SLICE);
            thread::sleep(slice);
            left -= slice;
        }
    }

    /// Writes what there is; says whether there is more.
    fn round(&mut self, closing: bool) -> Result<bool, Failing> {
        let store = self
            .shared
            .open_store()
            .ok_or_else(|| Failing::Unavailable("the database is not open".into()))?;
        let group = self.gather(closing);
        let more = group.more;
        if group.commit.records.is_empty() && group.commit.released.is_empty() {
            store.check().map_err(|error| self.failing(&error))?;
        } else {
            self.write(&store, &group.commit)?;
            self.settle(group);
        }
        self.retain(&store)?;
        Ok(more)
    }

    fn gather(&mut self, closing: bool) -> Group {
        let mut state = self.shared.state();
        state.urgent = false;
        let mut commit = Commit::default();
        let mut extensions = vec![None; self.indexes.len()];
        let (mut bytes, mut more) = (0, false);
        for (p, index) in (0_u32..).zip(&self.indexes) {
            let slot = &state.partitions[p as usize];
            let mut records: Vec<Bytes> = Vec::new();
            let mut sizes = Vec::new();
            for entry in slot.tail.entries_from(slot.synced) {
                if bytes >= COMMIT_BYTES {
                    more = true;
                    break;
                }
                // What is not durable always has its encoded form: `settle` alone takes it away.
                let Some(encoded) = &entry.encoded else { break };
                bytes += encoded.len();
                sizes.push((entry.record.received_at, encoded.len()));
                records.push(encoded.clone());
            }
            if records.is_empty() {
                continue;
            }
            let extension = index.extension(sizes.into_iter());
            commit
                .chunks
                .extend(extension.chunks.iter().map(|&chunk| (p, chunk)));
            commit.records.push((p, slot.synced, records));
            extensions[p as usize] = Some(extension);
        }
        // Releases alone are not worth an fsync: an older one only keeps more.
        if self.releases_to_write && (closing || !commit.records.is_empty()) {
            commit.released = state.releases();
        }
        Group {
            commit,
            extensions,
            more,
        }
    }

    fn write(&self, store: &Store, commit: &Commit) -> Result<(), Failing> {
        let mut turns = 0;
        while store.is_congested() {
            store.check().map_err(|error| self.failing(&error))?;
            turns += 1;
            if turns > CONGESTED_TURNS {
                return Err(Failing::Unavailable(
                    "the disk is too slow: the database has not flushed for 30 s".into(),
                ));
            }
            thread::sleep(CONGESTED_TURN);
        }
        (self.gate)().map_err(|error| classify_io(&error))?;
        store.commit(commit).map_err(|error| self.failing(&error))
    }

    /// Everything in `group` is durable.
    fn settle(&mut self, group: Group) {
        self.releases_to_write &= group.commit.released.is_empty();
        for (index, extension) in self.indexes.iter_mut().zip(group.extensions) {
            if let Some(extension) = extension {
                index.extend(extension);
            }
        }
        self.publish();
    }

    /// Tells everyone how far the log is written.
    fn publish(&self) {
        let limits = TailLimits {
            records: self.shared.config.tail_records,
            bytes: self.shared.config.tail_bytes,
        };
        let mut guard = self.shared.state();
        let state = &mut *guard;
        for ((slot, index), progress) in state
            .partitions
            .iter_mut()
            .zip(&self.indexes)
            .zip(&self.shared.progress)
        {
            if index.head() > slot.synced {
                let settled = slot.tail.settle(slot.synced, index.head());
                state.outbox -= settled;
                slot.synced = index.head();
                slot.tail.trim(slot.synced, limits);
                progress.send_modify(|progress| progress.synced = Offset(slot.synced));
            }
        }
        state.stored_bytes = self.indexes.iter().map(ChunkIndex::bytes).sum();
        state.failing = None;
        state.progressed = (Instant::now(), self.clock.now());
        drop(guard);
        self.shared.moved.notify_waiters();
    }

    /// Removes what is too old or too much and nobody needs.
    fn retain(&mut self, store: &Store) -> Result<(), Failing> {
        let now = self.clock.now();
        let config = &self.shared.config;
        let stored: u64 = self.indexes.iter().map(ChunkIndex::bytes).sum();
        // Removing starts a little below the limit, so that appending stops only where removing
        // does not help.
        let max_bytes = config.max_bytes - config.max_bytes / 16;
        let (released, releases) = {
            let mut state = self.shared.state();
            let is_new = std::mem::take(&mut state.release_is_new);
            self.releases_to_write |= is_new;
            let is_due = now.since(self.looked_at) >= RETENTION_INTERVAL || now < self.looked_at;
            if !is_new && !is_due && stored <= max_bytes {
                return Ok(());
            }
            if is_due {
                self.looked_at = now;
            }
            let slowest = (0..self.indexes.len()).map(|p| state.slowest(p as u32));
            (slowest.collect::<Vec<_>>(), state.releases())
        };
        let limits = Limits {
            now,
            retention: config.retention(),
            correction_horizon: config.correction_horizon(),
            max_bytes,
        };
        let cuts = retention::plan(&self.indexes, &released, &limits);
        let mut commit = Commit::default();
        let mut indexes = self.indexes.clone();
        for ((p, index), cut) in (0_u32..).zip(&mut indexes).zip(&cuts) {
            let removed = cut.map_or_else(Vec::new, |cut| index.remove_below(cut));
            commit
                .removed_chunks
                .extend(removed.into_iter().map(|first| (p, first)));
        }
        if commit.removed_chunks.is_empty() {
            return Ok(());
        }
        commit.released = releases;
        self.write(store, &commit)?;
        self.releases_to_write = false;
        self.indexes = indexes;
        self.forget();
        for (p, cut) in (0_u32..).zip(cuts) {
            if let Some(cut) = cut {
                store
                    .drop_below(p, cut)
                    .map_err(|error| self.failing(&error))?;
            }
        }
        Ok(())
    }

    /// Tells readers what has been removed, before it is.
    fn forget(&self) {
        let mut state = self.shared.state();
        for (slot, index) in state.partitions.iter_mut().zip(&self.indexes) {
            slot.earliest = index.earliest();
            slot.tail.forget_below(slot.earliest);
        }
        state.stored_bytes = self.indexes.iter().map(ChunkIndex::bytes).sum();
        drop(state);
        self.shared.moved.notify_waiters();
    }

    fn fail(&self, failing: Failing) {
        let mut state = self.shared.state();
        if state.failing.as_ref() != Some(&failing) {
            tracing::error!(reason = failing.reason(), "the event log cannot write");
        }
        state.failing = Some(failing);
        drop(state);
        self.shared.moved.notify_waiters();
    }

    /// After a failed write the database takes no more: closes it and opens it again, until that
    /// works and the disk has room. What is in memory is written then. Returns false if the log is
    /// closed meanwhile.
    fn recover(&mut self) -> bool {
        loop {
            self.close_store();
            let state = self.shared.state();
            let state = if state.closed {
                state
            } else {
                self.shared.wait(state, self.retry.next_wait())
            };
            if state.closed {
                return false;
            }
            let is_full = matches!(state.failing, Some(Failing::Full(_)));
            drop(state);
            if is_full && !has_room(&self.shared.config.dir) {
                continue;
            }
            match self.reopen() {
                Ok(()) => return true,
                Err(failing) => self.fail(failing),
            }
        }
    }

    fn reopen(&mut self) -> Result<(), Failing> {
        (self.gate)().map_err(|error| classify_io(&error))?;
        let (store, recovered) = Store::open(&self.shared.config).map_err(|error| match error {
            OpenError::Io { source, .. } => classify_io(&source),
            error => Failing::Unavailable(error.to_string()),
        })?;
        // A failing commit may have reached the disk after all, never less than was reported.
        {
            let state = self.shared.state();
            for (slot, index) in state.partitions.iter().zip(&recovered.indexes) {
                if index.head() < slot.synced || index.head() > slot.tail.head() {
                    return Err(Failing::Unavailable(format!(
                        "a partition ended at {} and now ends at {}: its disk has lost records",
                        slot.synced,
                        index.head()
                    )));
                }
            }
        }
        self.indexes = recovered.indexes;
        *self
            .shared
            .store
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(store));
        self.publish();
        self.forget();
        tracing::info!("the event log writes again");
        Ok(())
    }

    /// Closes the database once the reads under way have ended, so that its directory is unlocked.
    fn close_store(&self) {
        let taken = self
            .shared
            .store
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(store) = taken else { return };
        let last: Weak<Store> = Arc::downgrade(&store);
        drop(store);
        // Reads are short: each is bounded in records and bytes.
        while last.strong_count() > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn failing(&self, error: &fjall::Error) -> Failing {
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
                classify_io(error)
            }
            // A background thread of the database failed; it does not say why.
            fjall::Error::Poisoned if !has_room(&self.shared.config.dir) => {
                Failing::Full("the disk has no room left".into())
            }
            error => Failing::Unavailable(format!("the database failed: {error}")),
        }
    }
}

fn classify_io(error: &io::Error) -> Failing {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Failing::Full(format!("the disk has no room left: {error}"))
        }
        _ => Failing::Unavailable(format!("writing to the disk failed: {error}")),
    }
}

/// Returns whether the disk has room enough to go on; a small one needs an eighth of itself.
fn has_room(dir: &std::path::Path) -> bool {
    nix::sys::statvfs::statvfs(dir).is_ok_and(|disk| {
        let block = disk.fragment_size();
        let total = disk.blocks().saturating_mul(block);
        disk.blocks_available().saturating_mul(block) >= ROOM.min(total / 8)
    })
}

impl State {
    fn has_work(&self) -> bool {
        self.outbox.records > 0 || self.release_is_new || self.closed || self.urgent
    }

    fn is_urgent(&self, outbox_bytes: usize) -> bool {
        self.closed || self.urgent || self.outbox.bytes > outbox_bytes / 2
    }

    fn releases(&self) -> Vec<(String, u32, u64)> {
        self.released
            .iter()
            .map(|((partition, consumer), offset)| (consumer.clone(), *partition, *offset))
            .collect()
    }
}

/// Says that the writer has ended, however it ended.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if thread::panicking() {
            state.failing = Some(Failing::Unavailable(
                "its writer has stopped because of a bug: restart the program".into(),
            ));
        }
        state.ended = true;
        drop(state);
        self.0.moved.notify_waiters();
    }
}
