//! Closes the gaps of one venue's streams, as soon as they are known and again on a schedule where that
//! failed. What is missing comes through the event log, as if it had been heard; only where the venue has no
//! trades are its candles stored, and those who follow the candles are shown the corrections.

use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::backfill::{GapRepair, RepairOutcome};
use coinsphere_pipelines::candles::CandleWrite;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Symbol, Venue};
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::{DueGap, Store, StoreError, StoreSource};
use futures_util::{StreamExt as _, stream};

use super::messages::Stored;
use crate::push::pusher::PushActor;
use crate::supervision::{ActorAddress, LoopContext};

/// The longest time between two marks of progress: a venue may ask for a pause of two minutes, a few times.
pub const PROGRESS: Duration = Duration::from_secs(1_800);

/// The interval at which gaps are looked for that have become due.
const LOOK: Duration = Duration::from_secs(2);

/// Gaps that are closed at once; they share the venue's budget.
const AT_ONCE: usize = 4;

/// Dependencies of a repair.
#[derive(Clone)]
pub struct RepairDeps {
    /// The venue.
    pub venue: Venue,
    /// Those of its instruments that the configuration follows. Added ones are found in the store.
    pub followed: Vec<Symbol>,
    /// Asks the venue and appends to the log.
    pub repair: GapRepair,
    /// Where gaps are noted.
    pub store: Arc<dyn StoreSource>,
    /// Schedules attempts.
    pub clock: SharedClock,
    /// Raised when candles or gaps have been committed, and by this part when it has stored candles.
    pub committed: Signal,
    /// Who shows corrections.
    pub push: ActorAddress<PushActor>,
}

/// The name of a venue's repair.
#[must_use]
pub fn name(venue: Venue) -> String {
    format!("repair_{venue}")
}

/// Repairs for as long as it is polled.
pub async fn run(deps: RepairDeps, context: LoopContext) {
    let mut committed = deps.committed.waiter();
    loop {
        tokio::select! {
            () = committed.raised() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        context.progressed();
        // Until the database has been reached, nothing is known of any gap.
        let Some(store) = deps.store.store() else {
            continue;
        };
        match deps.round(&store, &context).await {
            Ok(()) => context.running(),
            Err(error) => context.degraded(format!("cannot repair gaps: {error}")),
        }
    }
}

impl RepairDeps {
    /// Tries every gap that is due, once.
    async fn round(&self, store: &Store, context: &LoopContext) -> Result<(), StoreError> {
        loop {
            let now = self.clock.now();
            let due = store
                .claim_due_gaps(self.venue, &self.followed, now)
                .await?;
            if due.is_empty() {
                return Ok(());
            }
            let attempts = due.into_iter().map(|gap| self.attempt(store, gap));
            let mut attempts = stream::iter(attempts).buffer_unordered(AT_ONCE);
            while let Some(attempt) = attempts.next().await {
                attempt?;
                context.progressed();
            }
        }
    }

    async fn attempt(&self, store: &Store, gap: DueGap) -> Result<(), StoreError> {
        let outcome = self.repair.repair(store, &gap).await;
        let now = self.clock.now();
        let label = match &outcome {
            Ok(RepairOutcome::TooEarly(wait)) => {
                return store.postpone_repair(&gap, now + *wait).await;
            }
            Ok(RepairOutcome::Trades(_)) => "trades",
            Ok(RepairOutcome::Candles(_)) => "candles",
            Err(_) => "failed",
        };
        metrics::counter!("coinsphere_repair_attempts_total", "outcome" => label).increment(1);
        let (instrument, reason) = (&gap.instrument, gap.reason.name());
        match outcome {
            Ok(RepairOutcome::Candles(corrected)) => {
                tracing::info!(%instrument, reason, from = %gap.from, to = %gap.to, "a gap was closed by the venue's candles");
                self.show(&gap.instrument, corrected);
            }
            Ok(_) => {
                tracing::info!(%instrument, reason, from = %gap.from, to = %gap.to, "the trades missing in a gap were appended to the log");
            }
            Err(error) => {
                let wait = gap.next_wait(error.is_retriable());
                let (attempt, retry_in_s) = (gap.attempts, wait.as_secs());
                // The coverage has each attempt; the log one, and those of a gap that stays for long.
                if attempt <= 1 || attempt % 10 == 0 {
                    tracing::warn!(%error, reason, from = %gap.from, to = %gap.to, attempt, retry_in_s, "a gap could not be closed");
                } else {
                    tracing::debug!(%error, reason, attempt, retry_in_s, "a gap could not be closed again");
                }
                let why = error.to_string();
                store.note_failed_repair(&gap, &why, now + wait).await?;
            }
        }
        Ok(())
    }

    fn show(&self, instrument: &InstrumentKey, corrected: Vec<(Candle, u32)>) {
        self.committed.raise();
        let corrected = corrected.into_iter().map(|(candle, revision)| {
            let instrument = instrument.clone();
            (CandleWrite { instrument, candle }, revision)
        });
        let stored = Stored {
            instruments: [instrument.clone()].into(),
            corrected: corrected.collect(),
        };
        let push = self.push.get();
        if push.is_none_or(|push| push.try_send(stored).is_err()) {
            metrics::counter!("coinsphere_push_dropped_total", "edge" => "repair").increment(1);
        }
    }
}
