//! The evaluator: armed rules, and what fires them. One state machine and one index serve every kind.
//!
//! A trade is compared with the bounds between which nothing happens to its instrument; only one that leaves
//! them is looked at. Time is event time: that of trades, candles and ticks, so the same inputs in the same
//! order give the same events.

mod arming;
mod clock;
mod composite;
mod entry;
mod index;
mod line;
mod machine;
mod market;
mod ratio;
mod series;
mod signal;
mod state;
mod trail;
mod types;
mod value;
mod window;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rust_decimal::Decimal;

pub(crate) use composite::MOST_LEAVES;
pub(crate) use signal::RATIO_PLACES;
pub use state::MarketState;
pub use types::{ArmError, Cause, Firing, Limits, Outcome, Phase, RuleId, RuleState, Side};

use composite::Composite;
use entry::{Entry, Leaf, Slots};
use index::Direction;
use machine::Event;
use market::Market;
use signal::{Number, Signal};
use value::Moment;

use crate::input::{Candle, Gap, Instrument, Tick};
use crate::plan::Source;
use crate::time::EventTime;

/// Armed rules with the signals they watch.
///
/// Trades of an instrument are given in the order of the log, each once; event time never goes back: a trade
/// that is earlier than one before it counts at that one's time. A rule that is armed between two trades is
/// judged by every later one.
#[derive(Debug, Default)]
pub struct Evaluator {
    limits: Limits,
    rules: Slots<Entry>,
    leaves: Slots<Leaf>,
    composites: Slots<Composite>,
    signals: Slots<Signal>,
    markets: Vec<Market>,
    by_id: HashMap<RuleId, u32>,
    by_source: HashMap<Source, u32>,
    by_instrument: HashMap<Instrument, u32>,
    by_name: HashMap<Arc<str>, u32>,
    /// Markets of names that no rule is about any more.
    free_markets: Vec<u32>,
    /// Names that were without rules at some time, the latest last.
    idle: VecDeque<Arc<str>>,
    /// The number of the newest group of trailing rules.
    last_group: u32,
    /// Causes that made the conditions of pending rules true.
    pending: HashMap<u32, Cause>,
    /// Composites of which a part has changed; true if only by its first value.
    dirty: Vec<(u32, bool)>,
    reached: Vec<(u32, Direction)>,
    /// The value of the signal that is being fed, before.
    previous: Option<Number>,
    /// Room for what disarming changes, which nobody asks for.
    ignored: Outcome,
    /// Markets whose guards are to be set.
    touched: Vec<u32>,
}

/// An instrument, as the evaluator finds it fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketHandle(u32);

impl Evaluator {
    /// An evaluator without rules.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Number of rules, those that have fired for good included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Number of different signals kept.
    #[must_use]
    pub fn signal_count(&self) -> usize {
        self.by_source.len()
    }

    /// The instrument's handle. Whoever feeds an instrument that no rule is about should do so all the same:
    /// its last trade is the value at which a rule is armed later.
    pub fn market(&mut self, instrument: &Instrument) -> MarketHandle {
        MarketHandle(self.market_of(instrument))
    }

    /// The last trade of an instrument.
    #[must_use]
    pub fn last_trade(&self, instrument: &Instrument) -> Option<&Tick> {
        let market = self.by_instrument.get(instrument)?;
        self.markets[*market as usize].last.as_ref()
    }

    /// Says what the last trade of an instrument was when its rules' states were stored. To be called before
    /// those rules are armed; it fires nothing, and does nothing once the instrument has had a trade.
    pub fn resume(&mut self, instrument: &Instrument, last: &Tick) {
        let market = self.market_of(instrument);
        let state = &mut self.markets[market as usize];
        if state.last.is_some() {
            return;
        }
        state.note(last);
        for slot in state.signals.clone() {
            if let Some(number) = self.value(slot, Moment::Before) {
                self.start_signal(slot, number, &mut Outcome::default());
            }
        }
        self.markets[market as usize].guard.forget();
    }

    /// Gives the windows and candles of an instrument's rules what happened before, as far as they have nothing
    /// of their own yet: candles of one minute, in order. It fires only what fires at arming. To be called after
    /// the rules are armed; [`Rule::seconds_of_history`](crate::Rule::seconds_of_history) says how far back a rule looks.
    pub fn warm(&mut self, instrument: &Instrument, candles: &[Candle], out: &mut Outcome) {
        let market = self.market_of(instrument);
        self.markets[market as usize].fold();
        self.markets[market as usize].warm(candles);
        for slot in self.markets[market as usize].signals.clone() {
            let has_none = self.signals.get(slot).is_some_and(|it| it.last.is_none());
            if has_none
                && let Some(number) = self.value(slot, Moment::Start)
                && let Some(event) = self.last_event(market)
            {
                self.feed(slot, number, &event, out);
                self.settle(&event, out);
            }
        }
        self.markets[market as usize].guard.forget();
    }

    /// The last trade of a market, or the last number that was fed in, as an event.
    fn last_event(&self, market: u32) -> Option<Event> {
        let market = &self.markets[market as usize];
        let cause = match (&market.instrument, market.last) {
            (Some(instrument), Some(last)) => Cause::Trade {
                instrument: instrument.clone(),
                trade_id: last.id,
                time: last.time,
                price: last.price,
            },
            _ => market.fed.clone()?,
        };
        Some(Event {
            at: market.now,
            cause,
        })
    }

    /// A trade.
    pub fn trade(&mut self, instrument: &Instrument, tick: &Tick, out: &mut Outcome) {
        let market = match self.by_instrument.get(instrument) {
            Some(market) => *market,
            None => self.market_of(instrument),
        };
        self.trades(MarketHandle(market), std::slice::from_ref(tick), out);
    }

    /// Trades of one instrument, in order.
    pub fn trades(&mut self, market: MarketHandle, ticks: &[Tick], out: &mut Outcome) {
        for tick in ticks {
            if !self.markets[market.0 as usize].lets_pass(tick) {
                self.look_at_trade(market.0, tick, out);
            }
        }
    }

    /// Event time of an instrument has reached `time`, with or without a trade.
    pub fn time(&mut self, instrument: &Instrument, time: EventTime, out: &mut Outcome) {
        let market = self.market_of(instrument);
        if time.0 < self.markets[market as usize].guard.due {
            let market = &mut self.markets[market as usize];
            market.now = market.now.max(time.0);
            return;
        }
        let before = out.firings.len();
        self.advance_to(market, time.0, out);
        self.finish(market, before, out);
    }

    /// A gap in an instrument's trades has ended.
    pub fn gap(&mut self, instrument: &Instrument, gap: &Gap, out: &mut Outcome) {
        let market = self.market_of(instrument);
        let before = out.firings.len();
        self.advance_to(market, gap.to.0, out);
        let event = Event {
            at: self.markets[market as usize].now,
            cause: Cause::Gap {
                instrument: instrument.clone(),
                from: gap.from,
                to: gap.to,
            },
        };
        let lasted = gap.to.0.saturating_sub(gap.from.0);
        for slot in self.markets[market as usize].gaps.clone() {
            self.gap_of_rule(slot, lasted, &event, out);
        }
        self.finish(market, before, out);
    }

    /// Event time of a number that is fed in by name has reached `time`, with or without a number.
    pub fn time_of_number(&mut self, name: &str, time: EventTime, out: &mut Outcome) {
        if let Some(market) = self.by_name.get(name).copied() {
            let before = out.firings.len();
            self.advance_to(market, time.0, out);
            self.finish(market, before, out);
        }
    }

    /// A number that is fed in by name: a portfolio's value, a forecast. One that no rule is about is ignored.
    pub fn number(&mut self, name: &str, time: EventTime, value: Decimal, out: &mut Outcome) {
        let Some(market) = self.by_name.get(name).copied() else {
            return;
        };
        let before = out.firings.len();
        self.advance_to(market, time.0, out);
        let event = Event {
            at: self.markets[market as usize].now,
            cause: Cause::Outside {
                name: name.to_owned(),
                time,
                value,
            },
        };
        self.markets[market as usize].fed = Some(event.cause.clone());
        for signal in self.markets[market as usize].signals.clone() {
            self.feed(signal, Number::Exact(value), &event, out);
        }
        self.settle(&event, out);
        self.finish(market, before, out);
    }

    /// Something that has a name has happened: its number is 1 for a moment, and 0 before and after.
    pub fn happened(&mut self, name: &str, time: EventTime, out: &mut Outcome) {
        for value in [Decimal::ZERO, Decimal::ONE, Decimal::ZERO] {
            self.number(name, time, value, out);
        }
    }

    fn look_at_trade(&mut self, market: u32, tick: &Tick, out: &mut Outcome) {
        let before = out.firings.len();
        self.advance_to(market, tick.time.0, out);
        let state = &mut self.markets[market as usize];
        let Some(instrument) = state.instrument.clone() else {
            return;
        };
        state.last = Some(*tick);
        state.follow(tick.price);
        let event_at = state.now;
        let event = Event {
            at: event_at,
            cause: Cause::Trade {
                instrument,
                trade_id: tick.id,
                time: tick.time,
                price: tick.price,
            },
        };
        self.end_silence(market, out);
        for at in 0..self.markets[market as usize].signals.len() {
            let signal = self.markets[market as usize].signals[at];
            if let Some(number) = self.value(signal, Moment::Trade(tick)) {
                self.feed(signal, number, &event, out);
            }
        }
        for signal in self.markets[market as usize].dependents.clone() {
            let home = self.signals.get(signal).map(|signal| signal.market);
            if let Some(home) = home {
                self.advance_to(home, event.at, out);
            }
            if let Some(number) = self.value(signal, Moment::Trade(tick)) {
                self.feed(signal, number, &event, out);
            }
        }
        self.settle(&event, out);
        if self.markets[market as usize].trails.len() > 1 {
            self.merge_trails(market, tick.price);
        }
        self.markets[market as usize].note(tick);
        self.finish(market, before, out);
    }

    /// Puts the events of one input into the order of rules, and sets the guards.
    fn finish(&mut self, market: u32, before: usize, out: &mut Outcome) {
        out.firings[before..].sort_by_key(|firing| (firing.at, firing.rule));
        self.touched.push(market);
        self.touched.sort_unstable();
        self.touched.dedup();
        while let Some(market) = self.touched.pop() {
            self.set_guard(market);
        }
    }

    fn market_of_name(&mut self, name: &str) -> u32 {
        if let Some(market) = self.by_name.get(name) {
            return *market;
        }
        let market = match self.free_markets.pop() {
            Some(market) => market,
            None => self.add_market(None),
        };
        self.by_name.insert(name.into(), market);
        market
    }

    fn market_of(&mut self, instrument: &Instrument) -> u32 {
        if let Some(market) = self.by_instrument.get(instrument) {
            return *market;
        }
        let market = self.add_market(Some(instrument.clone()));
        self.by_instrument.insert(instrument.clone(), market);
        market
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "fewer instruments than 2^32"
    )]
    fn add_market(&mut self, instrument: Option<Instrument>) -> u32 {
        self.markets.push(Market::new(instrument));
        (self.markets.len() - 1) as u32
    }
}
