//! The embedded log's files: a `fjall` database with one keyspace a partition and one for what the
//! log knows about itself. Knows keys, values and how the database fails; must not know who appends
//! or reads, nor when.
//!
//! Damage is found by the database's own checksums (xxh3 over every journal batch and every block
//! of a table), so records carry none of their own; that records are contiguous is checked here.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fjall::config::{BlockSizePolicy, CompressionPolicy, FilterPolicy};
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode,
};
use uuid::Uuid;

use super::config::EmbeddedConfig;
use super::journal;
use super::retention::{Chunk, ChunkIndex};
use crate::events::{Record, decode};
use crate::log::Offset;
use crate::market::Timestamp;

const IDENTITY: &[u8] = b"identity";
const PARTITIONS: &[u8] = b"partitions";
const FORMAT: &[u8] = b"format";
/// Version of the layout of this file's keys and values.
const FORMAT_VERSION: u32 = 1;
/// The block cache serves readers that fall behind, who read each block once.
const CACHE_BYTES: u64 = 4 << 20;
/// The least the database allows; each of its journals has 64 MB.
const JOURNALS_BYTES: u64 = 64 << 20;
const BLOCK_BYTES: u32 = 16 << 10;
const OPEN_FILES: usize = 128;

/// Why an embedded log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has it open.
    #[error("the event log in {} is open in another process: stop that one, or choose another data directory", dir.display())]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// A setting that cannot work.
    #[error("{0}")]
    Config(String),
    /// The directory cannot be used.
    #[error("could not open the event log in {}: {source}; check that the directory is writable and the disk has room", dir.display())]
    Io {
        /// The log's directory.
        dir: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The files are not what this program wrote.
    #[error("the event log in {} is damaged: {reason}; restore it from a backup, or move it away to start a new one", dir.display())]
    Damaged {
        /// The log's directory.
        dir: PathBuf,
        /// The fault.
        reason: String,
    },
    /// A newer program wrote it.
    #[error("the event log in {} has format {found}, this program reads {FORMAT_VERSION}: update coinsphere", dir.display())]
    Format {
        /// The log's directory.
        dir: PathBuf,
        /// The format found.
        found: u32,
    },
}

impl OpenError {
    /// Returns whether the same call may succeed later without anyone doing anything about the log itself.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Io { .. })
    }
}

/// Why a record could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The record at this offset is not there or not what was written.
    Damaged { offset: u64, reason: String },
    /// The disk failed.
    Failed(String),
}

/// One group commit: everything in it becomes durable, or nothing.
#[derive(Debug, Default)]
pub(super) struct Commit {
    /// Records of one partition, from the offset on.
    pub(super) records: Vec<(u32, u64, Vec<Bytes>)>,
    /// Chunks that begin.
    pub(super) chunks: Vec<(u32, Chunk)>,
    /// Chunks that are removed, by their first offset.
    pub(super) removed_chunks: Vec<(u32, u64)>,
    /// Offsets that consumers have released.
    pub(super) released: Vec<(String, u32, u64)>,
}

/// State of an opened log.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) identity: Uuid,
    /// One a partition, its head included.
    pub(super) indexes: Vec<ChunkIndex>,
    pub(super) released: Vec<(String, u32, u64)>,
}

/// An open database. Dropping the last handle closes it and unlocks the directory.
pub(super) struct Store {
    db: Database,
    meta: Keyspace,
    partitions: Vec<Keyspace>,
}

impl Store {
    /// Opens the database in the configured directory, creating it if absent; cuts off a tail that
    /// a crash has torn.
    pub(super) fn open(config: &EmbeddedConfig) -> Result<(Self, Recovered), OpenError> {
        let dir = &config.dir;
        std::fs::create_dir_all(dir).map_err(|source| io_failure(dir, source))?;
        let db = match open_database(dir) {
            Err(fjall::Error::JournalRecovery(error)) => {
                journal::cut_torn_batch(dir, || open_database(dir).map_err(|e| failure(dir, &e)))
                    .map_err(|source| io_failure(dir, source))?
                    .ok_or_else(|| damaged(dir, format!("its journal does not add up: {error}")))?
            }
            opened => opened.map_err(|error| failure(dir, &error))?,
        };
        Self::prepare(db, config).map_err(|error| match error {
            Prepare::Database(error) => failure(dir, &error),
            Prepare::Damaged(reason) => damaged(dir, reason),
            Prepare::Format(found) => OpenError::Format {
                dir: dir.clone(),
                found,
            },
        })
    }

    fn prepare(db: Database, config: &EmbeddedConfig) -> Result<(Self, Recovered), Prepare> {
        let meta = db.keyspace("meta", || options(config).max_memtable_size(1 << 20))?;
        let (identity, count) = match meta.get(IDENTITY)? {
            Some(bytes) => {
                let found = stored_u32(&meta, FORMAT)?;
                if found > FORMAT_VERSION {
                    return Err(Prepare::Format(found));
                }
                let identity = Uuid::from_slice(&bytes)
                    .map_err(|_| Prepare::Damaged("its identity is not a uuid".into()))?;
                (identity, stored_u32(&meta, PARTITIONS)?)
            }
            None => {
                let identity = Uuid::new_v4();
                let mut batch = db.batch().durability(Some(PersistMode::SyncAll));
                batch.insert(&meta, IDENTITY, identity.as_bytes().as_slice());
                batch.insert(&meta, PARTITIONS, config.partitions.to_be_bytes());
                batch.insert(&meta, FORMAT, FORMAT_VERSION.to_be_bytes());
                batch.commit()?;
                (identity, config.partitions)
            }
        };
        let partitions = (0..count)
            .map(|p| db.keyspace(&format!("partition-{p}"), || options(config)))
            .collect::<Result<Vec<_>, _>>()?;
        let store = Self {
            db,
            meta,
            partitions,
        };
        let mut indexes = Vec::with_capacity(store.partitions.len());
        for partition in 0..count {
            let index = store.recover(partition, config.chunk_bytes)?;
            store.drop_below(partition, index.earliest())?;
            indexes.push(index);
        }
        let released = store.released()?;
        let recovered = Recovered {
            identity,
            indexes,
            released,
        };
        Ok((store, recovered))
    }

    /// Counts a partition's last chunk, and cuts the partition off where it stops being contiguous:
    /// what follows a hole was never reported durable.
    fn recover(&self, partition: u32, chunk_bytes: u64) -> Result<ChunkIndex, Prepare> {
        let keyspace = &self.partitions[partition as usize];
        let mut chunks = VecDeque::new();
        for entry in self.meta.prefix(chunk_prefix(partition)) {
            let (key, value) = entry.into_inner()?;
            let chunk = decode_chunk(&key, &value)
                .ok_or_else(|| Prepare::Damaged("an index entry has a wrong length".into()))?;
            chunks.push_back(chunk);
        }
        if chunks.is_empty() && keyspace.first_key_value().is_some() {
            return Err(Prepare::Damaged(format!(
                "partition {partition} has records but no index"
            )));
        }
        let mut index = ChunkIndex::recovered(chunks, chunk_bytes);
        let mut stray = Vec::new();
        for entry in keyspace.range(index.head().to_be_bytes()..) {
            let (key, value) = entry.into_inner()?;
            if stray.is_empty() && decode_u64(&key) == Some(index.head()) {
                index.count(value.len());
            } else {
                stray.push(key);
            }
        }
        if !stray.is_empty() {
            tracing::warn!(
                partition,
                head = index.head(),
                cut = stray.len(),
                "the event log has a hole: what follows it was never durable and is cut off",
            );
            let mut batch = self.db.batch().durability(Some(PersistMode::SyncAll));
            for key in stray {
                batch.remove(keyspace, key);
            }
            batch.commit()?;
        }
        Ok(index)
    }

    fn released(&self) -> Result<Vec<(String, u32, u64)>, Prepare> {
        let mut released = Vec::new();
        for entry in self.meta.prefix(b"r") {
            let (key, value) = entry.into_inner()?;
            released.extend(decode_release(&key, &value));
        }
        Ok(released)
    }

    /// Writes and fsyncs `commit`.
    pub(super) fn commit(&self, commit: &Commit) -> fjall::Result<()> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for (partition, first, records) in &commit.records {
            let keyspace = &self.partitions[*partition as usize];
            for (offset, encoded) in (*first..).zip(records) {
                batch.insert(keyspace, offset.to_be_bytes(), encoded.as_ref());
            }
        }
        for (partition, chunk) in &commit.chunks {
            let mut value = [0; 16];
            value[..8].copy_from_slice(&chunk.bytes_before.to_be_bytes());
            value[8..].copy_from_slice(&chunk.received_at.nanos().to_be_bytes());
            batch.insert(&self.meta, chunk_key(*partition, chunk.first), value);
        }
        for (partition, first) in &commit.removed_chunks {
            batch.remove(&self.meta, chunk_key(*partition, *first));
        }
        for (consumer, partition, offset) in &commit.released {
            let mut key = vec![b'r'];
            key.extend_from_slice(&partition.to_be_bytes());
            key.extend_from_slice(consumer.as_bytes());
            batch.insert(&self.meta, key, offset.to_be_bytes());
        }
        batch.commit()
    }

    /// Returns whether writing now could wait without end: the database stops its writers while too much
    /// waits to be flushed, even after the thread that flushes has failed.
    pub(super) fn is_congested(&self) -> bool {
        self.partitions.iter().chain([&self.meta]).any(|keyspace| {
            keyspace.sealed_memtable_count() >= 2 || keyspace.l0_table_count() >= 16
        })
    }

    /// Checks that the database still takes writes.
    pub(super) fn check(&self) -> fjall::Result<()> {
        self.db.persist(PersistMode::Buffer)
    }

    /// Reads from `from` on, up to `until`, `max_records` and about `max_bytes`.
    pub(super) fn read(
        &self,
        partition: u32,
        from: u64,
        until: u64,
        max_records: usize,
        max_bytes: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, ReadError> {
        let keyspace = &self.partitions[partition as usize];
        let mut records = Vec::new();
        let mut bytes = 0;
        let range = from.to_be_bytes()..until.to_be_bytes();
        for (offset, entry) in (from..until).zip(keyspace.range(range)).take(max_records) {
            let (key, value) = entry
                .into_inner()
                .map_err(|error| read_failure(offset, &error))?;
            if decode_u64(&key) != Some(offset) {
                return missing(offset);
            }
            let record = decode(&value).map_err(|error| ReadError::Damaged {
                offset,
                reason: error.to_string(),
            })?;
            records.push((Offset(offset), Arc::new(record)));
            bytes += value.len();
            if bytes >= max_bytes {
                break;
            }
        }
        if records.is_empty() && from < until && max_records > 0 {
            return missing(from);
        }
        Ok(records)
    }

    /// Gives the disk space of the tables below `offset` back. Must follow the commit that removed
    /// their chunks, so that a crash in between leaves records without an index entry, never an
    /// index entry without records.
    pub(super) fn drop_below(&self, partition: u32, offset: u64) -> fjall::Result<()> {
        let keyspace = &self.partitions[partition as usize];
        Ok(keyspace.tree.drop_range(..offset.to_be_bytes())?)
    }
}

enum Prepare {
    Database(fjall::Error),
    Damaged(String),
    Format(u32),
}

impl From<fjall::Error> for Prepare {
    fn from(error: fjall::Error) -> Self {
        Self::Database(error)
    }
}

fn open_database(dir: &Path) -> fjall::Result<Database> {
    Database::builder(dir)
        .cache_size(CACHE_BYTES)
        .max_journaling_size(JOURNALS_BYTES)
        .max_cached_files(Some(OPEN_FILES))
        // One thread flushes and moves tables: with more, one of them spins while another works.
        .worker_threads(1)
        // Records are compact already, and a journal entry that does not decompress is an error
        // where one that is cut short is a torn tail.
        .journal_compression(CompressionType::None)
        .manual_journal_persist(true)
        .open()
}

/// Keys only grow and are never overwritten, so tables of one keyspace do not overlap: compaction
/// moves them down without rewriting them, and no filter is needed to find a key.
fn options(config: &EmbeddedConfig) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .max_memtable_size(config.memtable_bytes)
        .manual_journal_persist(true)
        .data_block_size_policy(BlockSizePolicy::all(BLOCK_BYTES))
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        .filter_policy(FilterPolicy::disabled())
}

fn chunk_prefix(partition: u32) -> Vec<u8> {
    let mut key = vec![b'c'];
    key.extend_from_slice(&partition.to_be_bytes());
    key
}

fn chunk_key(partition: u32, first: u64) -> Vec<u8> {
    let mut key = chunk_prefix(partition);
    key.extend_from_slice(&first.to_be_bytes());
    key
}

fn decode_chunk(key: &[u8], value: &[u8]) -> Option<Chunk> {
    let (bytes, received_at) = value.split_at_checked(8)?;
    Some(Chunk {
        first: decode_u64(key.get(5..)?)?,
        bytes_before: decode_u64(bytes)?,
        received_at: Timestamp::from_nanos(decode_u64(received_at)?.cast_signed()),
    })
}

fn decode_release(key: &[u8], value: &[u8]) -> Option<(String, u32, u64)> {
    let partition = u32::from_be_bytes(key.get(1..5)?.try_into().ok()?);
    let consumer = std::str::from_utf8(key.get(5..)?).ok()?;
    Some((consumer.to_owned(), partition, decode_u64(value)?))
}

fn decode_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

fn stored_u32(meta: &Keyspace, key: &[u8]) -> Result<u32, Prepare> {
    meta.get(key)?
        .and_then(|bytes| Some(u32::from_be_bytes(bytes.as_ref().try_into().ok()?)))
        .ok_or_else(|| Prepare::Damaged(format!("its {} is missing", String::from_utf8_lossy(key))))
}

fn missing<T>(offset: u64) -> Result<T, ReadError> {
    Err(ReadError::Damaged {
        offset,
        reason: "the record is missing".into(),
    })
}

fn read_failure(offset: u64, error: &fjall::Error) -> ReadError {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
            ReadError::Failed(format!("reading the disk failed: {error}"))
        }
        error => ReadError::Damaged {
            offset,
            reason: error.to_string(),
        },
    }
}

fn failure(dir: &Path, error: &fjall::Error) -> OpenError {
    match error {
        fjall::Error::Locked => OpenError::Locked {
            dir: dir.to_owned(),
        },
        fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => OpenError::Io {
            dir: dir.to_owned(),
            // `io::Error` cannot be cloned; its kind and text are what is needed of it.
            source: io::Error::new(error.kind(), error.to_string()),
        },
        fjall::Error::Poisoned => OpenError::Io {
            dir: dir.to_owned(),
            source: io::Error::other("the database stopped after a failed write"),
        },
        error => damaged(dir, error.to_string()),
    }
}

fn io_failure(dir: &Path, source: io::Error) -> OpenError {
    OpenError::Io {
        dir: dir.to_owned(),
        source,
    }
}

fn damaged(dir: &Path, reason: String) -> OpenError {
    OpenError::Damaged {
        dir: dir.to_owned(),
        reason,
    }
}
