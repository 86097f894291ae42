//! State of an instrument that is stored with its rules' states: its last trade, windows and candles, and where
//! its signals are. With it an evaluator that begins again gives the events that an uninterrupted one would.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Evaluator;
use super::series::Series;
use super::signal::Number;
use super::types::{Cause, RuleId, Side};
use super::window::Window;
use crate::input::{Instrument, Tick};
use crate::number::text;
use crate::plan::Source;
use crate::time::EventTime;

/// The state of an instrument. As JSON it has at most about 15 kB a window, 20 kB an interval of candles and 100
/// bytes a signal; limits bound the signals.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarketState {
    instrument: Instrument,
    last: Option<StoredTick>,
    last_at: i64,
    now: i64,
    has_closed: bool,
    has_passed: bool,
    windows: Vec<(u32, Window)>,
    series: Vec<(u32, Series)>,
    signals: Vec<(Source, Option<Number>)>,
    trails: Vec<TrailState>,
}

/// A trade as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct StoredTick {
    id: u64,
    time: EventTime,
    #[serde(with = "text")]
    price: Decimal,
    #[serde(with = "text")]
    quantity: Decimal,
}

impl From<Tick> for StoredTick {
    fn from(tick: Tick) -> Self {
        Self {
            id: tick.id,
            time: tick.time,
            price: tick.price,
            quantity: tick.quantity,
        }
    }
}

/// Rules that follow the price from the same highest or lowest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TrailState {
    pub(super) side: Side,
    #[serde(with = "text")]
    pub(super) extreme: Decimal,
    pub(super) rules: Vec<RuleId>,
}

/// What is restored of an instrument until rules ask for it.
#[derive(Debug, Default)]
pub(super) struct Restored {
    pub(super) windows: Vec<(u32, Window)>,
    pub(super) series: Vec<(u32, Series)>,
    pub(super) signals: Vec<(Source, Option<Number>)>,
    pub(super) trails: Vec<TrailState>,
}

impl Restored {
    /// The value of a signal; none if it was not there, and none in it if it had no value yet.
    pub(super) fn value_of(&self, source: &Source) -> Option<Option<Number>> {
        let mut signals = self.signals.iter();
        let found = signals.find(|(other, _)| other == source)?;
        Some(found.1)
    }
}

impl MarketState {
    /// The instrument.
    #[must_use]
    pub const fn instrument(&self) -> &Instrument {
        &self.instrument
    }
}

impl Evaluator {
    /// The state of an instrument, to be stored with the states of its rules and the place in the log up to which
    /// they were judged; none if it is not known here.
    #[must_use]
    pub fn market_state(&mut self, instrument: &Instrument) -> Option<MarketState> {
        let market = *self.by_instrument.get(instrument)?;
        let trails = self.trail_states(market);
        let state = &mut self.markets[market as usize];
        state.fold();
        state.guard.forget();
        let signals = state.signals.iter();
        let signals = signals.filter_map(|slot| self.signals.get(*slot));
        // Groups of trailing rules get other numbers, and their values come of the prices they follow.
        let signals = signals.filter(|signal| !matches!(signal.source, Source::Trailing(..)));
        let signals = signals.map(|signal| (signal.source.clone(), signal.last));
        Some(MarketState {
            instrument: instrument.clone(),
            last: state.last.map(StoredTick::from),
            last_at: state.last_at,
            now: state.now,
            has_closed: state.has_closed,
            has_passed: state.has_passed,
            signals: signals.collect(),
            windows: state.windows().to_vec(),
            series: state.all_series().clone(),
            trails,
        })
    }

    /// The same without windows, candles and signals, which grow with what is asked of the instrument; none if
    /// nothing is left that candles do not tell.
    #[must_use]
    pub fn trail_state(&self, instrument: &Instrument) -> Option<MarketState> {
        let market = *self.by_instrument.get(instrument)?;
        let trails = self.trail_states(market);
        let state = &self.markets[market as usize];
        (!trails.is_empty()).then(|| MarketState {
            instrument: instrument.clone(),
            last: state.last.map(StoredTick::from),
            last_at: state.last_at,
            now: state.now,
            has_closed: false,
            has_passed: false,
            signals: Vec::new(),
            windows: Vec::new(),
            series: Vec::new(),
            trails,
        })
    }

    /// Goes on with an instrument where [`Self::market_state`] was taken. To be called before its rules are armed
    /// with their states, in place of [`Self::resume`]; it fires nothing, and does nothing once the instrument has
    /// had a trade. What no rule has asked for by the next trade is forgotten.
    pub fn restore(&mut self, state: MarketState) {
        let slot = self.market_of(&state.instrument);
        let market = &mut self.markets[slot as usize];
        if market.last.is_some() || !market.signals.is_empty() {
            return;
        }
        let last = state.last.map(|tick| Tick {
            id: tick.id,
            time: tick.time,
            price: tick.price,
            quantity: tick.quantity,
        });
        (market.last, market.last_at, market.now) = (last, state.last_at, state.now);
        (market.has_closed, market.has_passed) = (state.has_closed, state.has_passed);
        market.restored = Some(Box::new(Restored {
            windows: state.windows,
            series: state.series,
            signals: state.signals,
            trails: state.trails,
        }));
        market.guard.forget();
    }

    /// The number that was fed in last by a name, and when: to be stored, if rules on it are to go on from there.
    #[must_use]
    pub fn last_number(&self, name: &str) -> Option<(EventTime, Decimal)> {
        let market = self.by_name.get(name)?;
        match &self.markets[*market as usize].fed {
            Some(Cause::Outside { time, value, .. }) => Some((*time, *value)),
            _ => None,
        }
    }

    /// Says what number was fed in last by a name when its rules' states were stored. To be called before those
    /// rules are armed; it fires nothing, and does nothing once a number was fed in.
    pub fn resume_number(&mut self, name: &str, time: EventTime, value: Decimal) {
        let market = self.market_of_name(name);
        let market = &mut self.markets[market as usize];
        if market.fed.is_none() {
            market.now = market.now.max(time.0);
            let name = name.to_owned();
            market.fed = Some(Cause::Outside { name, time, value });
        }
    }
}
