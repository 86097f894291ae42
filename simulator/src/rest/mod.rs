//! The venues' REST endpoints: the same trades, ids and candles as over WebSocket.
//!
//! Here is what they share; each venue's paths, shapes and errors are in its own file. A venue
//! that serves a recording has no trades here: the market's own would not fit the recorded ones.

pub(crate) mod admin;
pub(crate) mod binance;
pub(crate) mod coinbase;
pub(crate) mod coinbase_advanced;
pub(crate) mod kraken;
mod limit;
mod statistics;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::hub::Hub;
use crate::market::{Candle, Instrument, OrderBook, Trade, Venue};

pub(crate) use limit::{Limited, rate_limit};
pub(crate) use statistics::Hours;

/// Query parameters by name.
pub(crate) type Query = axum::extract::Query<HashMap<String, String>>;

/// Trades that one candle request may cost. Long candles over busy times are answered for as many
/// of them as this allows, like a venue's own limit on rows.
const COST: u64 = 8_000_000;

/// A JSON answer from text.
pub(crate) fn json_text(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// An answer that says no, in the venue's own words.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, body: String) -> Self {
        Self { status, body }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json_text(self.status, self.body)
    }
}

/// A handler's answer.
pub(crate) type Answer = Result<Response, Refusal>;

/// The parameter as a number; `None` when absent, `Err` when it is no such number.
pub(crate) fn number<T: FromStr>(query: &Query, name: &str) -> Result<Option<T>, ()> {
    query
        .get(name)
        .map(|value| value.parse().map_err(|_| ()))
        .transpose()
}

/// One instrument's answers, in the venue's own time.
#[derive(Debug, Clone)]
pub(crate) struct InstrumentView {
    hub: Arc<Hub>,
    pub(crate) instrument: Instrument,
    skew: i64,
    now: i64,
    replays: bool,
}

impl InstrumentView {
    pub(crate) fn new(hub: &Arc<Hub>, instrument: &Instrument) -> Self {
        Self {
            hub: Arc::clone(hub),
            instrument: instrument.clone(),
            skew: hub.faults.skew(instrument.venue),
            now: hub.clock.now(),
            replays: hub.replays(instrument.venue),
        }
    }

    /// The view of a venue's symbol, if it is listed.
    pub(crate) fn of(hub: &Arc<Hub>, venue: Venue, symbol: &str) -> Option<Self> {
        hub.market
            .find(venue, symbol)
            .map(|instrument| Self::new(hub, instrument))
    }

    /// The venue's present, µs.
    pub(crate) fn now(&self) -> i64 {
        self.now + self.skew
    }

    /// Id of the last trade so far; 0 when there is none.
    pub(crate) fn last_id(&self) -> u64 {
        if self.replays {
            0
        } else {
            self.hub.market.count_before(&self.instrument, self.now)
        }
    }

    /// Id of the first trade at or after the venue time `t`, µs.
    pub(crate) fn first_id_at(&self, t: i64) -> u64 {
        let t = t.saturating_sub(self.skew).min(self.now);
        self.hub.market.count_before(&self.instrument, t) + 1
    }

    /// Trades with ids from `from`, at most `limit`, that have happened.
    pub(crate) fn trades(&self, from: u64, limit: usize) -> Vec<Trade> {
        if self.replays {
            return Vec::new();
        }
        let mut trades = self
            .hub
            .market
            .trades_from(&self.instrument, from, limit, self.now);
        trades.iter_mut().for_each(|trade| trade.time += self.skew);
        trades
    }

    /// The order book of the present, at most `depth` levels a side.
    pub(crate) fn book(&self, depth: usize) -> OrderBook {
        if self.replays {
            return OrderBook::default();
        }
        let mut book = self.hub.market.book(&self.instrument, self.now, depth);
        for level in book.bids.iter_mut().chain(&mut book.asks) {
            level.since += self.skew;
        }
        book
    }

    /// Candles that open in `[from, to]` (venue time, multiples of `interval`), ascending, at
    /// most `limit`, counted from the end if `newest`. With `flat`, intervals without trades are
    /// there too.
    pub(crate) async fn candles(
        &self,
        interval: i64,
        (from, to): (i64, i64),
        (limit, newest): (usize, bool),
        flat: bool,
    ) -> Vec<Candle> {
        let view = self.clone();
        // Making a day's trades takes a while; the sockets must not wait for it.
        tokio::task::spawn_blocking(move || {
            view.candles_now(interval, (from, to), (limit, newest), flat)
        })
        .await
        .unwrap_or_default()
    }

    fn candles_now(
        &self,
        interval: i64,
        (from, to): (i64, i64),
        (limit, newest): (usize, bool),
        flat: bool,
    ) -> Vec<Candle> {
        let market = &self.hub.market;
        let align = |t: i64| t.div_euclid(interval) * interval;
        let mut from = from.max(align(market.origin() + self.skew));
        let mut to = to.min(align(self.now()));
        if self.replays || from > to || limit == 0 {
            return Vec::new();
        }
        let span = (limit as i64 - 1).saturating_mul(interval);
        if newest {
            from = from.max(to - span);
        } else {
            to = to.min(from + span);
        }
        let end = |to: i64| (to + interval).min(self.now());
        while from < to
            && market.estimate(&self.instrument, from - self.skew, end(to) - self.skew) > COST
        {
            let half = align((to - from) / 2).max(interval);
            if newest {
                from += half;
            } else {
                to -= half;
            }
        }
        let made = market.candles(&self.instrument, interval, from, end(to), self.skew);
        if !flat {
            return made;
        }
        let mut last = market
            .last_before(&self.instrument, from - self.skew)
            .map(|t| t.price);
        let mut made = made.into_iter().peekable();
        let mut all = Vec::new();
        let mut open_time = from;
        while open_time <= to {
            match made.next_if(|candle| candle.open_time == open_time) {
                Some(candle) => {
                    last = Some(candle.close);
                    all.push(candle);
                }
                None => all.extend(last.map(|price| Candle::flat(open_time, price))),
            }
            open_time += interval;
        }
        all
    }
}
