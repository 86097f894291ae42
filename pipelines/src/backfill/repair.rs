//! Closes a gap of a stream. Trades whose numbers are missing are asked of the venue and appended to the event
//! log, so that candles, alerts and forecasts see one truth; the candles of the minutes follow from the log.
//! Where that cannot be, the venue's own candles are taken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::history::HistoryBackfill;
use super::loader::BackfillError;
use super::parts::minutes_of;
use crate::events::{Body, ConnectionId, InstrumentTrades, Record};
use crate::log::{EventLog, LogError};
use crate::market::{Candle, InstrumentKey, Trade};
use crate::store::{DueGap, Store};
use crate::time_ranges::subtract;
use crate::venues::{MissingTrades, RestClient, RestError};

/// Missing trades that are repaired one by one at most; of more, candles are taken. The memory that they take
/// meanwhile is 20 MB.
const MOST_TRADES: u64 = 250_000;

/// The age up to which trades are repaired one by one: candles are corrected from the log for a day.
const MOST_AGE: Duration = Duration::from_secs(23 * 3_600);

/// Trades of one record.
const A_RECORD: usize = 1_000;

/// Requests of one gap that are under way at once.
const AT_ONCE: usize = 4;

/// The time after which a venue's candle of a minute is final.
const FINAL_AFTER: Duration = Duration::from_secs(5);

/// Why a gap could not be closed.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The venue did not give the trades.
    #[error("cannot load the missing trades of {instrument}: {source}")]
    Venue {
        /// Of which instrument.
        instrument: InstrumentKey,
        /// Why not.
        source: RestError,
    },
    /// Its candles could not be loaded.
    #[error(transparent)]
    Candles(#[from] BackfillError),
    /// The trades could not be appended.
    #[error("cannot append the missing trades of {instrument}: {source}")]
    Log {
        /// Of which instrument.
        instrument: InstrumentKey,
        /// Why not.
        source: LogError,
    },
    /// The venue has neither the trades nor candles that prove the time.
    #[error("the venue gives no candles of all minutes of the gap of {instrument}{}", of_trades(*found, *missing))]
    Incomplete {
        /// Of which instrument.
        instrument: InstrumentKey,
        /// Trades that it gave.
        found: u64,
        /// Trades that are missing, as far as their number is known.
        missing: u64,
    },
}

fn of_trades(found: u64, missing: u64) -> String {
    match missing {
        0 => String::new(),
        missing => format!(", and {found} of its {missing} missing trades"),
    }
}

impl RepairError {
    /// Returns whether the same call may soon succeed.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Venue { source, .. } => source.is_retriable(),
            Self::Candles(error) => error.is_retriable(),
            Self::Log { source, .. } => source.is_retriable(),
            Self::Incomplete { .. } => true,
        }
    }
}

/// Outcome of an attempt that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepairOutcome {
    /// So many trades were appended to the log. The gap ends when candles have taken them.
    Trades(u64),
    /// The venue's candles are stored, and the gap has ended. These minutes replaced other ones.
    Candles(Vec<(Candle, u32)>),
    /// The last of its minutes is not final yet: to be tried again after this time.
    TooEarly(Duration),
}

/// Closes gaps of one venue's streams.
#[derive(Clone)]
pub struct GapRepair {
    rest: RestClient,
    log: Arc<dyn EventLog>,
}

impl GapRepair {
    /// A repair that asks this client and appends to this log.
    #[must_use]
    pub fn new(rest: RestClient, log: Arc<dyn EventLog>) -> Self {
        Self { rest, log }
    }

    /// Tries to close a gap.
    ///
    /// # Errors
    /// When the venue, the log or the store fails, or the venue has not what is missing. What was found before
    /// stays.
    pub async fn repair(&self, store: &Store, gap: &DueGap) -> Result<RepairOutcome, RepairError> {
        let (mut found, mut missing) = (0, 0);
        if let Some(trades) = self.by_trades(gap) {
            let given = self.trades(gap, trades).await?;
            (found, missing) = (given.len() as u64, trades.count());
            self.append(gap, given).await?;
            if found == missing {
                return Ok(RepairOutcome::Trades(found));
            }
        }
        let (from, to) = minutes_of((gap.from, gap.to));
        let by_our_clock = (to + FINAL_AFTER).since(self.rest.now());
        let is_closed = gap.closed_until.is_none_or(|until| until >= to);
        if !by_our_clock.is_zero() || !is_closed {
            return Ok(RepairOutcome::TooEarly(by_our_clock.max(FINAL_AFTER)));
        }
        let history = HistoryBackfill::new(self.rest.clone());
        let report = history.fill(store, &gap.instrument, (from, to)).await?;
        let proven = store
            .proven_spans(gap.number, crate::market::Interval::Minute1)
            .await
            .map_err(BackfillError::from)?;
        let left = proven.iter().fold(vec![(from, to)], |left, span| {
            subtract(&left, (span.from, span.to))
        });
        if left.is_empty() {
            return Ok(RepairOutcome::Candles(report.written.corrected));
        }
        Err(RepairError::Incomplete {
            instrument: gap.instrument.clone(),
            found,
            missing,
        })
    }

    /// The trades to ask for, where the gap is one of numbered trades that the log can still take.
    fn by_trades(&self, gap: &DueGap) -> Option<MissingTrades> {
        let (first, last) = gap.missing?;
        let trades = MissingTrades {
            first,
            last,
            from: gap.from,
            to: gap.to,
        };
        let newest = gap.closed_until.unwrap_or(gap.to);
        let is_young = newest.since(gap.from) < MOST_AGE;
        (is_young && first <= last && trades.count() <= MOST_TRADES).then_some(trades)
    }

    /// The missing trades that the venue has, ascending.
    async fn trades(
        &self,
        gap: &DueGap,
        missing: MissingTrades,
    ) -> Result<Vec<Trade>, RepairError> {
        let symbol = &gap.instrument.symbol;
        let mut found = BTreeMap::new();
        let keep = |found: &mut BTreeMap<u64, Trade>, trades: Vec<Trade>| {
            let wanted = |trade: &Trade| missing.first <= trade.id && trade.id <= missing.last;
            let wanted = trades.into_iter().filter(wanted);
            found.extend(wanted.map(|trade| (trade.id.0, trade)));
        };
        if let Some(count) = self.rest.trades_a_page() {
            let pages: Vec<Vec<Trade>> = stream::iter(missing.pages(count))
                .map(|page| async move { self.rest.trades(symbol, &page).await })
                .buffered(AT_ONCE)
                .try_collect()
                .await
                .map_err(|source| self.failed(gap, source))?;
            for page in pages {
                keep(&mut found, page);
            }
        }
        // What is left is asked for as long as there is more with each answer.
        let mut left = missing.without(&found);
        while let Some(asked) = left {
            let before = found.len();
            let page = self.rest.trades(symbol, &asked).await;
            keep(&mut found, page.map_err(|source| self.failed(gap, source))?);
            if found.len() == before {
                break;
            }
            left = missing.without(&found);
        }
        Ok(found.into_values().collect())
    }

    fn failed(&self, gap: &DueGap, source: RestError) -> RepairError {
        RepairError::Venue {
            instrument: gap.instrument.clone(),
            source,
        }
    }

    /// Appends trades, the newest first, so that the gap keeps its beginning until it is closed.
    async fn append(&self, gap: &DueGap, trades: Vec<Trade>) -> Result<(), RepairError> {
        if trades.is_empty() {
            return Ok(());
        }
        let received_at = self.rest.now();
        let records = trades.rchunks(A_RECORD).map(|trades| {
            Arc::new(Record {
                venue: gap.instrument.venue,
                connection: ConnectionId::REPAIR,
                received_at,
                body: Body::Trades(vec![InstrumentTrades {
                    symbol: gap.instrument.symbol.clone(),
                    trades: trades.to_vec(),
                }]),
            })
        });
        let partition = gap.instrument.partition(self.log.partitions());
        let appended = self.log.append(partition, records.collect()).await;
        appended.map_err(|source| RepairError::Log {
            instrument: gap.instrument.clone(),
            source,
        })?;
        metrics::counter!("coinsphere_repair_trades_total").increment(trades.len() as u64);
        Ok(())
    }
}
