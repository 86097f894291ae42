//! The simulated market: a pure function of (seed, instrument, time). Whatever way a trade is
//! asked for, by id, by time, or as part of a candle, it is the same trade.
//!
//! Times here are µs since the Unix epoch. Knows nothing of protocols, faults or the present.

mod book;
mod candle;
mod count;
mod epoch;
mod hash;
mod instrument;
mod price;
mod token;
mod trade;

use std::collections::HashMap;

pub use book::{Level, OrderBook};
pub use candle::Candle;
pub use epoch::EpochError;
pub(crate) use instrument::all as listing;
pub use instrument::{Instrument, Venue};
pub use token::{TOKENS, Token};
pub use trade::Trade;

pub(crate) use epoch::{DEFAULT_LIVE_FROM, Epoch, Wanted};
pub(crate) use hash::{Draws, derive, hash, unit};

use count::{Block, Counts};
use trade::TradeMaker;

/// The market: its instruments and what traded when.
#[derive(Debug)]
pub struct Market {
    books: Vec<Book>,
    by_symbol: HashMap<(Venue, String), usize>,
}

#[derive(Debug)]
struct Book {
    instrument: Instrument,
    counts: Counts,
    maker: TradeMaker,
    listed: bool,
}

impl Market {
    /// The market of that epoch, listing the instruments for which `listed` holds.
    pub(crate) fn new(epoch: &Epoch, listed: impl Fn(&Instrument) -> bool) -> Self {
        let books: Vec<Book> = instrument::all()
            .into_iter()
            .map(|instrument| {
                let key = derive(
                    derive(epoch.seed, instrument.venue.name()),
                    &instrument.symbol,
                );
                let segments: Vec<_> = epoch
                    .segments
                    .iter()
                    .map(|s| (s.from.timestamp_micros(), s.pace_of(instrument.weight)))
                    .collect();
                Book {
                    counts: Counts::new(hash(key, 1), &segments),
                    maker: TradeMaker::new(epoch.seed, hash(key, 2), &instrument),
                    listed: listed(&instrument),
                    instrument,
                }
            })
            .collect();
        let by_symbol = books
            .iter()
            .filter(|b| b.listed)
            .map(|b| {
                (
                    (b.instrument.venue, b.instrument.symbol.clone()),
                    b.instrument.index,
                )
            })
            .collect();
        Self { books, by_symbol }
    }

    /// The listed instruments of a venue.
    pub fn instruments(&self, venue: Venue) -> impl Iterator<Item = &Instrument> {
        self.books
            .iter()
            .filter(|b| b.listed)
            .map(|b| &b.instrument)
            .filter(move |i| i.venue == venue)
    }

    /// The instrument at that position.
    pub(crate) fn instrument(&self, index: usize) -> &Instrument {
        &self.books[index].instrument
    }

    /// The listed instrument with exactly that symbol.
    #[must_use]
    pub fn find(&self, venue: Venue, symbol: &str) -> Option<&Instrument> {
        let index = *self.by_symbol.get(&(venue, symbol.to_owned()))?;
        Some(&self.books[index].instrument)
    }

    /// Start of the market: the time before which nothing traded.
    #[must_use]
    pub fn origin(&self) -> i64 {
        self.books[0].counts.origin()
    }

    /// Number of trades before `t`, which is also the id of the last one of them.
    #[must_use]
    pub fn count_before(&self, instrument: &Instrument, t: i64) -> u64 {
        let book = &self.books[instrument.index];
        let block = book.counts.block_at(t);
        let mut trades = Vec::new();
        if block.start < t {
            book.fill(block, &mut trades);
        }
        block.first_id - 1 + trades.partition_point(|trade| trade.time < t) as u64
    }

    /// A rough count of the trades in `[from, to)`, without making any.
    pub(crate) fn estimate(&self, instrument: &Instrument, from: i64, to: i64) -> u64 {
        let counts = &self.books[instrument.index].counts;
        let until = counts.block_at(to).first_id;
        until.saturating_sub(counts.block_at(from).first_id)
    }

    /// Appends the trades of the block that holds `id` (at least 1) to `out`.
    pub(crate) fn block_of(&self, instrument: &Instrument, id: u64, out: &mut Vec<Trade>) {
        let book = &self.books[instrument.index];
        book.fill(book.counts.block_of(id.max(1)), out);
    }

    /// Trades with ids from `from_id`, at most `limit`, that happened before `until`.
    #[must_use]
    pub fn trades_from(
        &self,
        instrument: &Instrument,
        from_id: u64,
        limit: usize,
        until: i64,
    ) -> Vec<Trade> {
        let last = self.count_before(instrument, until);
        let first = from_id.max(1);
        let end = last.min(first.saturating_add(limit as u64).saturating_sub(1));
        let mut trades = Vec::new();
        let mut next = first;
        while next <= end {
            self.block_of(instrument, next, &mut trades);
            next = trades.last().map_or(end + 1, |t| t.id + 1);
        }
        trades.retain(|t| (first..=end).contains(&t.id));
        trades
    }

    /// Calls `f` with every trade in `[from, to)`, ascending, until it answers `false`.
    pub fn for_each(
        &self,
        instrument: &Instrument,
        from: i64,
        to: i64,
        mut f: impl FnMut(&Trade) -> bool,
    ) {
        let book = &self.books[instrument.index];
        let mut maker = book.maker.clone();
        let mut trades = Vec::new();
        book.counts.walk(from, to, |block| {
            trades.clear();
            maker.fill(block, book.counts.rate_at(block.start), &mut trades);
            trades
                .iter()
                .filter(|t| (from..to).contains(&t.time))
                .all(&mut f)
        });
    }

    /// Candles of the trades in `[from, to)`, `from` being a multiple of `interval`; intervals
    /// without trades are absent.
    ///
    /// `skew` is added to every trade's time first: what a venue whose clock is off would compute.
    #[must_use]
    pub fn candles(
        &self,
        instrument: &Instrument,
        interval: i64,
        from: i64,
        to: i64,
        skew: i64,
    ) -> Vec<Candle> {
        let mut candles: Vec<Candle> = Vec::new();
        self.for_each(instrument, from - skew, to - skew, |trade| {
            let open_time = (trade.time + skew).div_euclid(interval) * interval;
            match candles.last_mut() {
                Some(last) if last.open_time == open_time => last.add(trade),
                _ => candles.push(Candle::opened_by(trade, open_time)),
            }
            true
        });
        candles
    }

    /// The candle of all trades in `[from, to)`, if there are any.
    #[must_use]
    pub fn candle(&self, instrument: &Instrument, from: i64, to: i64) -> Option<Candle> {
        let mut candle: Option<Candle> = None;
        self.for_each(instrument, from, to, |trade| {
            match &mut candle {
                Some(candle) => candle.add(trade),
                None => candle = Some(Candle::opened_by(trade, from)),
            }
            true
        });
        candle
    }

    /// The order book at `t`, at most `depth` levels a side.
    #[must_use]
    pub fn book(&self, instrument: &Instrument, t: i64, depth: usize) -> OrderBook {
        self.books[instrument.index].maker.clone().book(t, depth)
    }

    /// The last trade before `t`.
    #[must_use]
    pub fn last_before(&self, instrument: &Instrument, t: i64) -> Option<Trade> {
        let id = self.count_before(instrument, t);
        if id == 0 {
            return None;
        }
        let mut trades = Vec::new();
        self.block_of(instrument, id, &mut trades);
        trades.into_iter().find(|trade| trade.id == id)
    }
}

impl Book {
    fn fill(&self, block: Block, out: &mut Vec<Trade>) {
        self.maker
            .clone()
            .fill(block, self.counts.rate_at(block.start), out);
    }
}

#[cfg(test)]
mod tests;
