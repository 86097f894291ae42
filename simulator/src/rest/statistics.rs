//! What tickers are made of: the trades of the last 24 hours as one candle, the newest trade, the book.
//!
//! A day of a busy market is millions of trades. Whole hours are added up once and kept; and where even
//! that is too much for one answer, its statistics are of less than a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::InstrumentView;
use crate::hub::Hub;
use crate::market::{Candle, Instrument, OrderBook, Trade};

const HOUR: i64 = 3_600_000_000;
/// The time that tickers are about.
pub(crate) const DAY: i64 = 24 * HOUR;
/// Trades, over all its instruments, that the statistics of one answer are about at most.
const COST: u64 = 30_000_000;
/// Hours kept at most: of 93 instruments more than two days.
const KEPT: usize = 6_000;

/// Whole hours of instruments by index and start, each as one candle; `None` where nothing traded.
#[derive(Debug, Default)]
pub(crate) struct Hours(Mutex<HashMap<(usize, i64), Option<Candle>>>);

impl Hours {
    fn get(&self, hub: &Hub, instrument: &Instrument, start: i64) -> Option<Candle> {
        let key = (instrument.index, start);
        let kept = |hours: &Self| {
            let hours = hours.0.lock().unwrap_or_else(PoisonError::into_inner);
            hours.get(&key).copied()
        };
        if let Some(candle) = kept(self) {
            return candle;
        }
        let candle = hub.market.candle(instrument, start, start + HOUR);
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hours.len() >= KEPT {
            hours.clear();
        }
        hours.insert(key, candle);
        candle
    }

    /// The candle of the trades in `[from, to)`, market time.
    fn candle(&self, hub: &Hub, instrument: &Instrument, from: i64, to: i64) -> Option<Candle> {
        let mut all: Option<Candle> = None;
        let mut start = from;
        while start < to {
            let end = (start.div_euclid(HOUR) + 1) * HOUR;
            let part = if start.rem_euclid(HOUR) == 0 && end <= to {
                self.get(hub, instrument, start)
            } else {
                hub.market.candle(instrument, start, end.min(to))
            };
            match (&mut all, part) {
                (Some(all), Some(part)) => all.merge(&part),
                (None, part) => all = part,
                (Some(_), None) => {}
            }
            start = end;
        }
        all
    }
}

/// An instrument's statistics up to the present; times are the venue's.
#[derive(Debug, Clone)]
pub(crate) struct Statistics {
    pub(crate) instrument: Instrument,
    /// Start of what they are about.
    pub(crate) from: i64,
    /// Its end: the present.
    pub(crate) to: i64,
    /// All trades of that time; flat where there were none.
    pub(crate) day: Candle,
    /// The last trade before that time.
    pub(crate) before: Option<Trade>,
    /// The newest trade.
    pub(crate) last: Option<Trade>,
    pub(crate) book: OrderBook,
}

impl Statistics {
    /// Close minus open, in ticks.
    pub(crate) fn change(&self) -> i64 {
        self.day.close - self.day.open
    }
}

/// The statistics of each of the instruments over the last `span` µs, or the newest part of that.
pub(crate) async fn statistics(
    hub: &Arc<Hub>,
    instruments: Vec<Instrument>,
    span: i64,
) -> Vec<Statistics> {
    let hub = Arc::clone(hub);
    // Making a day's trades takes a while; the sockets must not wait for it.
    tokio::task::spawn_blocking(move || {
        let views: Vec<_> = instruments
            .iter()
            .map(|instrument| InstrumentView::new(&hub, instrument))
            .collect();
        let mut span = span;
        while trades_in(&hub, &views, span) > COST {
            span /= 2;
        }
        views.iter().map(|view| of(&hub, view, span)).collect()
    })
    .await
    .unwrap_or_default()
}

fn trades_in(hub: &Hub, views: &[InstrumentView], span: i64) -> u64 {
    let one = |view: &InstrumentView| {
        hub.market
            .estimate(&view.instrument, view.now - span, view.now)
    };
    views.iter().map(one).sum()
}

fn of(hub: &Hub, view: &InstrumentView, span: i64) -> Statistics {
    let (from, to) = (view.now - span, view.now);
    let instrument = view.instrument.clone();
    let later = |mut trade: Trade| {
        trade.time += view.skew;
        trade
    };
    let (traded, before, last, book) = if view.replays {
        (None, None, None, OrderBook::default())
    } else {
        let last = hub.market.last_before(&instrument, to);
        (
            hub.hours.candle(hub, &instrument, from, to),
            hub.market.last_before(&instrument, from),
            last,
            hub.market.book(&instrument, to, 1),
        )
    };
    let quiet = Candle::flat(from, last.map_or(0, |trade| trade.price));
    Statistics {
        from: from + view.skew,
        to: to + view.skew,
        day: traded.unwrap_or(quiet),
        before: before.map(later),
        last: last.map(later),
        book,
        instrument,
    }
}
