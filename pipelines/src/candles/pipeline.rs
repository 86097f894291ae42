//! Drives a [`CandleEngine`] from an event log: pulls records, applies them, rebuilds closed minutes
//! that late trades belong to. Catching up, restarting and live running are this one code path.

use std::sync::Arc;

use super::effects::{Checkpoint, Commit};
use super::engine::{CandleEngine, EngineCounts, LiveUpdates, StateError};
use super::rebuild::{self, Zones};
use super::rules::Rules;
use crate::log::{EventLog, LogError, Offset};
use crate::market::{Candle, InstrumentKey, Timestamp};

/// Minutes rebuilt in one pass over the log.
const REBUILDS_A_PASS: usize = 256;

/// Why the pipeline could not go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The log could not be read.
    #[error("candles of partition {partition} could not read the log: {source}")]
    Log {
        /// The partition.
        partition: u32,
        /// The log's error.
        source: LogError,
    },
    /// The stored state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
}

impl PipelineError {
    /// Returns whether the same step may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Log { source, .. } => source.is_retriable(),
            Self::State(_) => false,
        }
    }
}

/// Outcome of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Records applied; 0 at the head of the log.
    pub records: usize,
    /// Receive time of the newest record applied.
    pub newest: Option<Timestamp>,
    /// Minutes rebuilt.
    pub rebuilt: usize,
}

/// The candles of one partition, kept up with the log.
pub struct CandlePipeline {
    log: Arc<dyn EventLog>,
    partition: u32,
    engine: CandleEngine,
    zones: Zones,
    /// Since which offset `zones` has seen every record.
    zones_from: Offset,
    newest: Timestamp,
}

impl CandlePipeline {
    /// Goes on from what the store holds; `offset` is `None` if it holds nothing of this log.
    ///
    /// # Errors
    /// When a stored state cannot be read.
    pub fn resume(
        log: Arc<dyn EventLog>,
        partition: u32,
        rules: Rules,
        offset: Option<Offset>,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Self, PipelineError> {
        let earliest = log.earliest(partition);
        let offset = offset.unwrap_or(earliest);
        let engine = CandleEngine::resume(partition, rules, offset, checkpoints)?;
        Ok(Self {
            log,
            partition,
            engine,
            zones: Zones::default(),
            zones_from: offset,
            newest: Timestamp::MIN,
        })
    }

    /// Also collect what [`Self::take_live`] returns.
    #[must_use]
    pub fn watching_live(mut self) -> Self {
        self.engine.watch_live();
        self
    }

    /// Applies up to `max_records` records and rebuilds what they made necessary.
    ///
    /// # Errors
    /// When the log cannot be read; what was applied before stays applied.
    pub async fn step(&mut self, max_records: usize) -> Result<Step, PipelineError> {
        let entries = self
            .read(max_records)
            .await
            .map_err(|source| self.log_error(source))?;
        for (offset, record) in &entries {
            self.zones.note(*offset, record);
            self.engine.apply(*offset, record);
            self.newest = self.newest.max(record.received_at);
        }
        let rebuilt = self
            .rebuild()
            .await
            .map_err(|source| self.log_error(source))?;
        Ok(Step {
            records: entries.len(),
            newest: entries.last().map(|(_, record)| record.received_at),
            rebuilt,
        })
    }

    /// Takes the changes since the last commit.
    pub fn take_commit(&mut self) -> Option<Commit> {
        self.engine.take_commit()
    }

    /// Candles and gaps that wait to be committed.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.engine.pending()
    }

    /// Takes the updates since the last call.
    pub fn take_live(&mut self) -> LiveUpdates {
        self.engine.take_live()
    }

    /// The open candles of an instrument, oldest first.
    #[must_use]
    pub fn open_candles(&self, key: &InstrumentKey) -> Vec<Candle> {
        self.engine.open_candles(key)
    }

    /// The partition.
    #[must_use]
    pub const fn partition(&self) -> u32 {
        self.partition
    }

    /// The offset of the next record to apply.
    #[must_use]
    pub const fn next_offset(&self) -> Offset {
        self.engine.next_offset()
    }

    /// The counts so far.
    #[must_use]
    pub const fn counts(&self) -> EngineCounts {
        self.engine.counts()
    }

    async fn read(&mut self, max: usize) -> Result<Vec<super::engine::Entry>, LogError> {
        let next = self.engine.next_offset();
        match self.log.read(self.partition, next, max).await {
            Err(LogError::Truncated { earliest, .. }) => {
                // Retention never passes a consumer that has released offsets; so this is a log
                // that was emptied, or a consumer that was away for longer than the log keeps.
                tracing::warn!(
                    partition = self.partition,
                    next = next.0,
                    earliest = earliest.0,
                    "records were removed from the log before candles had read them"
                );
                self.engine.skip_to(earliest);
                self.zones_from = earliest;
                self.log.read(self.partition, earliest, max).await
            }
            other => other,
        }
    }

    async fn rebuild(&mut self) -> Result<usize, LogError> {
        let due: Vec<_> = self.engine.due_rebuilds().take(REBUILDS_A_PASS).collect();
        if due.is_empty() {
            return Ok(0);
        }
        let earliest = self.log.earliest(self.partition);
        self.zones.forget_below(earliest);
        let upto = self.engine.next_offset();
        let collected = rebuild::collect(
            self.log.as_ref(),
            self.partition,
            &self.zones,
            self.zones_from,
            upto,
            &due,
        )
        .await;
        let mut built = match collected {
            // Its beginning was removed while we read: what is left is looked at next time.
            Err(LogError::Truncated { .. }) => return Ok(0),
            other => other?,
        };
        let held_since = self.held_since(earliest).await?;
        for (key, minute) in &due {
            if held_since.is_some_and(|since| *minute < since) {
                self.engine.cannot_rebuild(key, *minute, self.newest);
            } else {
                let builder = built.remove(&(key.clone(), *minute));
                self.engine.rebuilt(key, *minute, builder.as_ref());
            }
        }
        Ok(due.len())
    }

    /// The time since which the log is sure to hold every trade, `None` if it holds all there was.
    async fn held_since(&self, earliest: Offset) -> Result<Option<Timestamp>, LogError> {
        if earliest == Offset(0) {
            return Ok(None);
        }
        let first = self.log.read(self.partition, earliest, 1).await?;
        // Trades arrive after they happened, whatever the venue's clock says within a minute.
        Ok(first.first().map(|(_, record)| record.received_at))
    }

    fn log_error(&self, source: LogError) -> PipelineError {
        PipelineError::Log {
            partition: self.partition,
            source,
        }
    }
}
