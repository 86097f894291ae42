//! Judging records of the log by the armed rules: each trade once, in the order of the log. It knows neither
//! the database nor the log it is read from.

use std::collections::{BTreeSet, HashMap};

use coinsphere_pipelines::candles::{Rules, TakenTrades};
use coinsphere_pipelines::events::{Body, ConnectionId, InstrumentTrades, Record};
use coinsphere_pipelines::market::{InstrumentKey, Timestamp, Trade};
use rust_decimal::Decimal;

use super::load::StoredMarket;
use crate::alerts::evaluator::MarketHandle;
use crate::alerts::{
    ArmError, Candle, Cause, Evaluator, EventTime, Firing, Gap, Instrument, Limits, MarketState,
    Outcome, Rule, RuleId, RuleState, Tick,
};

/// An event, and what is known about the trade that caused it.
#[derive(Debug, Clone)]
pub(super) struct Fired {
    pub(super) firing: Firing,
    /// Trades are missing right before it.
    pub(super) in_gap: bool,
    pub(super) price_before: Option<Decimal>,
    /// When the record that decided it was received; none: it was decided at arming.
    pub(super) received_at: Option<Timestamp>,
}

/// An instrument: its newest trade, and the trades that were taken.
pub(super) struct Market {
    pub(super) instrument: Instrument,
    handle: MarketHandle,
    pub(super) taken: TakenTrades,
    pub(super) last: Option<Tick>,
    /// The connection that its newest record came over.
    pub(super) connection: ConnectionId,
}

/// An instrument to store.
pub(super) struct MarketWrite<'a> {
    pub(super) key: InstrumentKey,
    pub(super) market: &'a Market,
    pub(super) state: Option<MarketState>,
}

/// Numbers since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) judged: u64,
    pub(super) duplicates: u64,
}

pub(super) struct Judge {
    pub(super) evaluator: Evaluator,
    markets: HashMap<InstrumentKey, Market>,
    connections: HashMap<ConnectionId, BTreeSet<InstrumentKey>>,
    /// Instruments with trades since the last commit.
    changed_markets: BTreeSet<InstrumentKey>,
    /// Rules whose state has changed since.
    changed_rules: BTreeSet<RuleId>,
    fired: Vec<Fired>,
    out: Outcome,
    ticks: Vec<Tick>,
    /// Before which of the ticks trades are missing.
    gaps: Vec<bool>,
    rules: Rules,
    pub(super) counts: Counts,
}

impl Judge {
    pub(super) fn new() -> Self {
        Self {
            evaluator: Evaluator::new(Limits::default()),
            markets: HashMap::new(),
            connections: HashMap::new(),
            changed_markets: BTreeSet::new(),
            changed_rules: BTreeSet::new(),
            fired: Vec::new(),
            out: Outcome::default(),
            ticks: Vec::new(),
            gaps: Vec::new(),
            rules: Rules::default(),
            counts: Counts::default(),
        }
    }

    /// Goes on with an instrument where it was left; before any rule about it is armed.
    pub(super) fn resume(&mut self, stored: StoredMarket) {
        let StoredMarket {
            key,
            last,
            taken,
            connection,
            state,
        } = stored;
        let instrument = Instrument::new(key.venue.name(), key.symbol.as_str());
        if let Some(state) = state {
            self.evaluator.restore(state);
        }
        self.evaluator.resume(&instrument, &last);
        let handle = self.evaluator.market(&instrument);
        self.connections
            .entry(connection)
            .or_default()
            .insert(key.clone());
        let market = Market {
            instrument,
            handle,
            taken,
            last: Some(last),
            connection,
        };
        self.markets.insert(key, market);
    }

    /// Arms a rule, which may fire at once.
    pub(super) fn arm(
        &mut self,
        id: RuleId,
        revision: u32,
        rule: &Rule,
        state: Option<&RuleState>,
    ) -> Result<(), ArmError> {
        let armed = self.evaluator.arm(id, revision, rule, state, &mut self.out);
        self.collect(None, None);
        armed
    }

    /// Gives the rules about an instrument the candles from before, for their windows.
    pub(super) fn warm(&mut self, instrument: &Instrument, candles: &[Candle]) {
        self.evaluator.warm(instrument, candles, &mut self.out);
        self.collect(None, None);
    }

    /// Judges no more by a rule.
    pub(super) fn disarm(&mut self, id: RuleId) {
        self.evaluator.disarm(id);
        self.changed_rules.remove(&id);
    }

    /// Judges a record.
    pub(super) fn apply(&mut self, record: &Record) {
        match &record.body {
            Body::Trades(batches) => {
                for batch in batches {
                    self.trades(record, batch);
                }
            }
            Body::Subscribed(symbols) => {
                for symbol in symbols {
                    self.comes_over(record.instrument(symbol), record.connection);
                }
            }
            Body::Disconnected { .. } => {
                self.connections.remove(&record.connection);
            }
            Body::Tick => self.tick(record),
            Body::Heartbeat { .. } | Body::Refused { .. } => {}
        }
    }

    /// Takes the events since the last time.
    pub(super) fn take_fired(&mut self) -> Vec<Fired> {
        std::mem::take(&mut self.fired)
    }

    pub(super) const fn fired(&self) -> usize {
        self.fired.len()
    }

    /// Takes the rules whose states have changed since the last time.
    pub(super) fn take_changed_rules(&mut self) -> BTreeSet<RuleId> {
        std::mem::take(&mut self.changed_rules)
    }

    /// Takes the instruments that have traded since the last time, with what candles do not tell of them.
    pub(super) fn take_changed_markets(&mut self) -> Vec<MarketWrite<'_>> {
        let changed = std::mem::take(&mut self.changed_markets);
        let (markets, evaluator) = (&self.markets, &self.evaluator);
        let writes = changed.into_iter().filter_map(|key| {
            let market = markets.get(&key)?;
            let state = evaluator.trail_state(&market.instrument);
            Some(MarketWrite { key, market, state })
        });
        writes.collect()
    }

    /// All instruments, with everything that is known of them.
    pub(super) fn whole_markets(&mut self) -> Vec<MarketWrite<'_>> {
        self.changed_markets.clear();
        let (markets, evaluator) = (&self.markets, &mut self.evaluator);
        let writes = markets.iter().map(|(key, market)| MarketWrite {
            key: key.clone(),
            market,
            state: evaluator.market_state(&market.instrument),
        });
        writes.collect()
    }

    fn market(&mut self, key: &InstrumentKey, connection: ConnectionId) -> &mut Market {
        let evaluator = &mut self.evaluator;
        self.markets.entry(key.clone()).or_insert_with(|| {
            let instrument = Instrument::new(key.venue.name(), key.symbol.as_str());
            Market {
                handle: evaluator.market(&instrument),
                instrument,
                taken: TakenTrades::default(),
                last: None,
                connection,
            }
        })
    }

    /// Notes the connection of an instrument: the time of its ticks is the instrument's.
    fn comes_over(&mut self, key: InstrumentKey, connection: ConnectionId) {
        self.market(&key, connection).connection = connection;
        self.connections.entry(connection).or_default().insert(key);
    }

    fn tick(&mut self, record: &Record) {
        let Some(instruments) = self.connections.get(&record.connection) else {
            return;
        };
        let time = EventTime(record.received_at.nanos());
        for key in instruments {
            if let Some(market) = self.markets.get(key)
                && market.connection == record.connection
            {
                self.evaluator.time(&market.instrument, time, &mut self.out);
            }
        }
        self.collect(None, Some(record.received_at));
    }

    fn trades(&mut self, record: &Record, batch: &InstrumentTrades) {
        let key = record.instrument(&batch.symbol);
        if record.connection == ConnectionId::REPAIR {
            self.repaired(key, batch);
            return;
        }
        let known = self.markets.get(&key);
        if known.is_none_or(|market| market.connection != record.connection) {
            self.comes_over(key.clone(), record.connection);
        }
        let rules = self.rules;
        let (mut judged, mut duplicates) = (0, 0);
        for trade in &batch.trades {
            let Some(market) = self.markets.get_mut(&key) else {
                continue;
            };
            let Some(taken) = market.taken.take(trade, &rules) else {
                duplicates += 1;
                continue;
            };
            judged += 1;
            if taken.after_gap {
                self.judge_ticks(&key, record.received_at);
                self.gap(&key, trade, record.received_at);
            }
            self.ticks.push(tick_of(trade));
            self.gaps.push(taken.after_gap);
        }
        self.judge_ticks(&key, record.received_at);
        self.counts.judged += judged;
        self.counts.duplicates += duplicates;
        if judged > 0 {
            self.changed_markets.insert(key);
        }
    }

    /// Trades that were missed and are known now. What has been judged since stands: they fire nothing.
    fn repaired(&mut self, key: InstrumentKey, batch: &InstrumentTrades) {
        let rules = self.rules;
        let Some(market) = self.markets.get_mut(&key) else {
            return;
        };
        for trade in &batch.trades {
            if market.taken.take(trade, &rules).is_none() {
                self.counts.duplicates += 1;
            }
        }
        self.changed_markets.insert(key);
    }

    /// The stretch before a trade in which others are missing.
    fn gap(&mut self, key: &InstrumentKey, trade: &Trade, received_at: Timestamp) {
        if let Some(market) = self.markets.get(key)
            && let Some(last) = market.last
        {
            let to = EventTime(trade.time.nanos().max(last.time.0));
            let gap = Gap {
                from: last.time,
                to,
            };
            self.evaluator.gap(&market.instrument, &gap, &mut self.out);
            self.collect(None, Some(received_at));
        }
    }

    /// Judges the trades that have been gathered of an instrument.
    fn judge_ticks(&mut self, key: &InstrumentKey, received_at: Timestamp) {
        let ticks = std::mem::take(&mut self.ticks);
        let before = match self.markets.get_mut(key) {
            Some(market) if !ticks.is_empty() => {
                self.evaluator.trades(market.handle, &ticks, &mut self.out);
                let before = market.last;
                market.last = ticks.last().copied();
                before
            }
            _ => None,
        };
        self.collect(Some((before, &ticks)), Some(received_at));
        self.ticks = ticks;
        self.ticks.clear();
        self.gaps.clear();
    }

    /// Takes over what the evaluator has found, with what the trades that were judged say about it.
    fn collect(&mut self, judged: Option<(Option<Tick>, &[Tick])>, received_at: Option<Timestamp>) {
        self.changed_rules.extend(self.out.changed.drain(..));
        for firing in self.out.firings.drain(..) {
            let place = judged.and_then(|(_, ticks)| match &firing.cause {
                Cause::Trade { trade_id, time, .. } => ticks
                    .iter()
                    .position(|tick| tick.id == *trade_id && tick.time == *time),
                _ => None,
            });
            let price_before = place.and_then(|place| {
                let (before, ticks) = judged?;
                let before = match place {
                    0 => before,
                    place => ticks.get(place - 1).copied(),
                };
                Some(before?.price)
            });
            self.fired.push(Fired {
                in_gap: place.is_some_and(|place| self.gaps.get(place) == Some(&true)),
                price_before,
                received_at,
                firing,
            });
        }
    }
}

fn tick_of(trade: &Trade) -> Tick {
    Tick {
        id: trade.id.0,
        time: EventTime(trade.time.nanos()),
        price: trade.price.get(),
        quantity: trade.quantity.get(),
    }
}
