//! Shows live what the candle actors found: trades and 1-minute candles at once, longer candles
//! derived from them, and, once they are stored, closed longer candles and corrections as the store
//! holds them. [`crate::push`] does the delivering.
//!
//! The longer candles' closed minutes are asked of the store once an instrument first trades, and
//! carried on from there. All edges are notices: what is dropped is shown with the next change.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use async_trait::async_trait;
use coinsphere_pipelines::candles::{CandleWrite, merge};
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp};
use serde::Serialize;

use crate::market::candle_store::StoreFault;
use crate::market::messages::{Show, Stored};
use crate::push::PushHub;
use crate::supervision::Quit;
use crate::supervision::{ExitNotice, ExitReason};
use crate::supervision::{PartStatus, StatusRegistry};

/// Batches of live updates the mailbox holds; then candle actors drop theirs and count.
const MAILBOX: usize = 1_024;

/// Instruments whose closed minutes may be asked of the store at a time.
const LOADS: usize = 4;

/// The time to wait before asking the store again.
const RETRY: Duration = Duration::from_secs(2);

/// Longer candles of an instrument that may wait to be stored.
const ENDED: usize = 16;

/// Closed minutes that may not be stored yet.
const RECENT: usize = 4;

/// The intervals longer than a minute.
const LONGER: [Interval; 5] = [
    Interval::Minute5,
    Interval::Minute15,
    Interval::Hour1,
    Interval::Hour4,
    Interval::Day1,
];

/// The longer candles' interface to the store.
#[async_trait]
pub trait CandleHistory: Send + Sync + 'static {
    /// The closed minutes of an instrument from `from` on, ascending.
    ///
    /// # Errors
    /// When the store is away.
    async fn minutes(
        &self,
        instrument: &InstrumentKey,
        from: Timestamp,
    ) -> Result<Vec<Candle>, StoreFault>;

    /// A closed candle, longer than a minute, as its stored minutes make it, with its revision.
    ///
    /// # Errors
    /// When the store is away.
    async fn candle(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        open_time: Timestamp,
    ) -> Result<Option<(Candle, u32)>, StoreFault>;
}

/// Observable state.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PusherState {
    /// Batches shown.
    pub batches: u64,
    /// Instruments whose longer candles are followed.
    pub instruments: usize,
    /// The hub's state.
    pub hub: crate::push::PushState,
}

/// Dependencies of a push actor.
#[derive(Clone)]
pub struct PusherDeps {
    /// Its name on the statuses.
    pub name: String,
    /// Who delivers.
    pub hub: Arc<PushHub>,
    /// Where closed minutes are.
    pub history: Arc<dyn CandleHistory>,
    /// Where its state is published.
    pub statuses: StatusRegistry,
}

/// The actor.
pub struct PushActor {
    parts: PusherDeps,
    exit: ExitNotice,
    rollups: HashMap<InstrumentKey, RollupState>,
    wanted: BTreeSet<InstrumentKey>,
    loading: usize,
    /// Longer candles that have ended and wait until their last minute is stored.
    ended: HashMap<InstrumentKey, Vec<(Interval, Timestamp)>>,
    state: PusherState,
}

/// Where an instrument's longer candles stand.
enum RollupState {
    /// The store has been or will be asked; minutes that close meanwhile are kept.
    Awaited(Vec<Candle>),
    /// The store has answered: closed minutes up to now.
    Known(IntervalRollup),
}

/// The closed minutes of each longer interval that is open, merged.
#[derive(Debug, Default)]
struct IntervalRollup {
    closed: BTreeMap<Interval, Candle>,
    /// Minutes before this are in `closed`.
    upto: Option<Timestamp>,
    /// The newest minutes, which may not be stored yet, should the rollup be loaded again.
    recent: VecDeque<Candle>,
}

impl IntervalRollup {
    /// Adds a closed minute; returns the longer candles that ended before it.
    fn add(&mut self, minute: &Candle) -> Vec<(Interval, Timestamp)> {
        if self.upto.is_some_and(|upto| minute.open_time < upto) {
            return Vec::new();
        }
        self.upto = Some(Interval::Minute1.end_of(minute.open_time));
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(minute.clone());
        let mut ended = Vec::new();
        for interval in LONGER {
            let open_time = interval.open_of(minute.open_time);
            match self.closed.get_mut(&interval) {
                Some(candle) if candle.open_time == open_time => merge(candle, minute),
                other => {
                    ended.extend(other.map(|old| (interval, old.open_time)));
                    let first = Candle {
                        open_time,
                        ..minute.clone()
                    };
                    self.closed.insert(interval, first);
                }
            }
        }
        ended
    }

    /// The longer candles with the open minute in them.
    fn with_open<'a>(&'a self, open: &'a Candle) -> impl Iterator<Item = (Interval, Candle)> + 'a {
        LONGER.into_iter().map(move |interval| {
            let open_time = interval.open_of(open.open_time);
            let mut candle = match self.closed.get(&interval) {
                Some(closed) if closed.open_time == open_time => {
                    let mut candle = closed.clone();
                    merge(&mut candle, open);
                    candle
                }
                _ => Candle {
                    open_time,
                    ..open.clone()
                },
            };
            candle.complete = false;
            (interval, candle)
        })
    }
}

impl PushActor {
    /// A part to be started.
    #[must_use]
    pub fn new(parts: PusherDeps, exit: ExitNotice) -> Self {
        Self {
            parts,
            exit,
            rollups: HashMap::new(),
            wanted: BTreeSet::new(),
            loading: 0,
            ended: HashMap::new(),
            state: PusherState::default(),
        }
    }

    fn closed(&mut self, write: &CandleWrite, ctx: &mut Context<Self>) {
        let CandleWrite { instrument, candle } = write;
        self.parts
            .hub
            .publish_candle(instrument, Interval::Minute1, candle, 0, true);
        match self.rollups.get_mut(instrument) {
            Some(RollupState::Known(rollup)) => {
                let ended = rollup.add(candle);
                if !ended.is_empty() {
                    let waiting = self.ended.entry(instrument.clone()).or_default();
                    waiting.extend(ended);
                    let excess = waiting.len().saturating_sub(ENDED);
                    waiting.drain(..excess);
                }
            }
            Some(RollupState::Awaited(minutes)) => minutes.push(candle.clone()),
            None => self.want(instrument.clone(), vec![candle.clone()], ctx),
        }
    }

    fn open(&mut self, write: &CandleWrite, ctx: &mut Context<Self>) {
        let CandleWrite { instrument, candle } = write;
        self.parts
            .hub
            .publish_candle(instrument, Interval::Minute1, candle, 0, false);
        match self.rollups.get(instrument) {
            Some(RollupState::Known(rollup)) => {
                for (interval, candle) in rollup.with_open(candle) {
                    self.parts
                        .hub
                        .publish_candle(instrument, interval, &candle, 0, false);
                }
            }
            Some(RollupState::Awaited(_)) => {}
            None => self.want(instrument.clone(), Vec::new(), ctx),
        }
    }

    fn want(&mut self, instrument: InstrumentKey, minutes: Vec<Candle>, ctx: &mut Context<Self>) {
        self.rollups
            .insert(instrument.clone(), RollupState::Awaited(minutes));
        self.wanted.insert(instrument);
        self.load_next(ctx);
    }

    /// Asks the store for the day's minutes of the next instrument.
    fn load_next(&mut self, ctx: &mut Context<Self>) {
        if self.loading >= LOADS {
            return;
        }
        let Some(instrument) = self.wanted.pop_first() else {
            return;
        };
        self.loading += 1;
        let newest = self.parts.hub.newest_candle(&instrument, Interval::Minute1);
        let day = newest.map_or(Timestamp::MIN, |live| {
            Interval::Day1.open_of(live.candle.open_time)
        });
        let history = Arc::clone(&self.parts.history);
        let load = async move {
            let minutes = history.minutes(&instrument, day).await;
            (instrument, minutes)
        };
        ctx.spawn(load.into_actor(self).map(|(instrument, minutes), actor: &mut Self, ctx| {
            actor.loading -= 1;
            match minutes {
                Ok(minutes) => actor.loaded(&instrument, &minutes),
                Err(fault) => {
                    tracing::debug!(%instrument, %fault, "longer candles wait for the store");
                    ctx.run_later(RETRY, move |actor, ctx| {
                        actor.wanted.insert(instrument);
                        actor.load_next(ctx);
                    });
                }
            }
            actor.load_next(ctx);
        }));
    }

    fn loaded(&mut self, instrument: &InstrumentKey, minutes: &[Candle]) {
        let Some(RollupState::Awaited(since)) = self.rollups.remove(instrument) else {
            return;
        };
        let mut rollup = IntervalRollup::default();
        for minute in minutes.iter().chain(&since) {
            rollup.add(minute);
        }
        self.rollups
            .insert(instrument.clone(), RollupState::Known(rollup));
    }

    /// Shows a candle as the store holds it.
    fn show_stored(
        &self,
        instrument: InstrumentKey,
        interval: Interval,
        open_time: Timestamp,
        ctx: &mut Context<Self>,
    ) {
        let history = Arc::clone(&self.parts.history);
        let read = async move {
            let candle = history.candle(&instrument, interval, open_time).await;
            (instrument, candle)
        };
        ctx.spawn(read.into_actor(self).map(move |(instrument, candle), actor: &mut Self, _| {
            match candle {
                Ok(Some((candle, revision))) => {
                    actor.parts.hub.publish_candle(&instrument, interval, &candle, revision, true);
                }
                Ok(None) => {}
                Err(fault) => {
                    tracing::debug!(%instrument, %interval, %fault, "a closed candle was not shown");
                }
            }
        }));
    }
}

impl Actor for PushActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.exit.obey_faults(self, ctx);
        self.parts
            .statuses
            .set(&self.parts.name, PartStatus::Running, None);
        ctx.run_interval(Duration::from_secs(1), |actor, _| {
            actor.state.instruments = actor.rollups.len();
            actor.state.hub = actor.parts.hub.state();
            actor
                .parts
                .statuses
                .observe(&actor.parts.name, &actor.state);
        });
    }
}

impl Handler<Show> for PushActor {
    type Result = ();

    fn handle(&mut self, Show(live): Show, ctx: &mut Self::Context) {
        self.state.batches += 1;
        for (instrument, trades) in &live.trades {
            self.parts.hub.publish_trades(instrument, trades);
        }
        for write in &live.closed {
            self.closed(write, ctx);
        }
        for write in &live.open {
            self.open(write, ctx);
        }
    }
}

impl Handler<Stored> for PushActor {
    type Result = ();

    fn handle(&mut self, stored: Stored, ctx: &mut Self::Context) {
        for instrument in stored.instruments {
            for (interval, open_time) in self.ended.remove(&instrument).unwrap_or_default() {
                self.show_stored(instrument.clone(), interval, open_time, ctx);
            }
        }
        let mut stale = BTreeSet::new();
        for (write, revision) in &stored.corrected {
            let CandleWrite { instrument, candle } = write;
            self.parts
                .hub
                .publish_candle(instrument, Interval::Minute1, candle, *revision, true);
            stale.insert(instrument.clone());
        }
        // Their merged minutes hold the candle as it was before.
        for instrument in stale {
            let recent = match self.rollups.remove(&instrument) {
                Some(RollupState::Known(rollup)) => rollup.recent.into(),
                Some(RollupState::Awaited(minutes)) => minutes,
                None => Vec::new(),
            };
            self.want(instrument, recent, ctx);
        }
    }
}

impl Handler<Quit> for PushActor {
    type Result = ();

    fn handle(&mut self, _: Quit, ctx: &mut Self::Context) {
        self.parts.hub.close();
        self.exit.because(ExitReason::Quit);
        ctx.stop();
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn minute(at: i64, price: i64) -> Candle {
        let price = Decimal::from(price);
        Candle {
            open_time: Timestamp::from_seconds(at * 60).unwrap(),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ONE,
            quote_volume: price,
            trades: 1,
            taker_buy_volume: Decimal::ZERO,
            complete: true,
        }
    }

    #[test]
    fn longer_candles_are_the_closed_minutes_and_the_open_one() {
        let mut rollup = IntervalRollup::default();
        for (at, price) in [(0, 5), (1, 9), (3, 2)] {
            assert_eq!(rollup.add(&minute(at, price)), []);
        }
        let five = rollup
            .with_open(&minute(4, 7))
            .find(|(i, _)| *i == Interval::Minute5)
            .unwrap()
            .1;
        assert_eq!(
            (five.open, five.high, five.low, five.close),
            (5.into(), 9.into(), 2.into(), 7.into())
        );
        assert_eq!((five.trades, five.complete), (4, false));
        // Already merged: a minute counts once.
        assert_eq!(rollup.add(&minute(3, 100)), []);
        let ended = rollup.add(&minute(5, 1));
        assert_eq!(
            ended,
            [(Interval::Minute5, Timestamp::from_seconds(0).unwrap())]
        );
        let hour = rollup
            .with_open(&minute(6, 3))
            .find(|(i, _)| *i == Interval::Hour1)
            .unwrap()
            .1;
        assert_eq!((hour.trades, hour.low, hour.high), (5, 1.into(), 9.into()));
    }
}
