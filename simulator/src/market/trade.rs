//! Trades: what fills a block. Taker orders arrive at random moments of the block, take the best
//! price on their side and, when large, sweep through the levels behind it.
//!
//! A block's trades depend on (seed, instrument, block) and the count tree only.

use super::book::{Level, OrderBook};
use super::count::{BLOCK_US, Block};
use super::hash::{Draws, hash, normal, unit};
use super::instrument::Instrument;
use super::price::PricePath;

/// One trade, in ticks and lots of its instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The venue's trade id, contiguous per instrument, from 1.
    pub id: u64,
    /// When it happened, µs since the Unix epoch; strictly ascending with the id.
    pub time: i64,
    /// Price in ticks.
    pub price: i64,
    /// Quantity in lots, at least 1.
    pub quantity: i64,
    /// True if the taker bought (and so the maker sold).
    pub taker_buys: bool,
}

/// Parameters that make one instrument's trades look like its own.
#[derive(Debug, Clone)]
pub(crate) struct TradeMaker {
    key: u64,
    path: PricePath,
    tick: f64,
    lot: f64,
    /// Turnover in the quote currency a second, divided among however many trades there are.
    turnover: f64,
    spread: f64,
}

/// The time for which a book stays as it is: 2^18 µs, a quarter of a second.
const BOOK_STATE: u32 = 18;
/// The time for which the quantity at one price stays as it is: 2^24 µs, 17 seconds.
const LEVEL_STATE: u32 = 24;

/// Turnover a day, in US dollars, of an instrument of weight 1.
const TURNOVER_A_DAY: f64 = 5e7;

impl TradeMaker {
    pub(crate) fn new(seed: u64, key: u64, instrument: &Instrument) -> Self {
        Self {
            key,
            path: PricePath::new(seed, instrument),
            tick: instrument.tick(),
            lot: instrument.lot(),
            turnover: instrument.weight * TURNOVER_A_DAY / 86_400.0,
            // Thinner books are wider: a sixth of a basis point for the largest, two for the smallest.
            spread: 0.000_01 + 0.000_2 / (1.0 + instrument.weight),
        }
    }

    /// Appends the block's trades to `out`. `rate`: the segment's trades a second.
    pub(crate) fn fill(&mut self, block: Block, rate: f64, out: &mut Vec<Trade>) {
        if block.trades == 0 {
            return;
        }
        let mut draws = Draws::new(hash(self.key, block.start as u64));
        let orders = self.orders(&mut draws, block.trades, block.start);
        let mean_notional = self.turnover / rate;
        // Later ids get one more µs each, so times ascend strictly and stay inside the block: the
        // draws leave room for as many µs as there are trades.
        let mut id = block.first_id;
        for (offset, fills) in orders {
            let first = block.start + i64::from(offset);
            let t = first + (id - block.first_id) as i64;
            let mid = self.path.at(t) / self.tick;
            let (buys, mut price, step) = self.arrive(&mut draws, t, mid);
            let size = (1.1 * draws.normal() - 0.6).exp() * mean_notional / (mid * self.tick);
            for fill in 0..fills {
                if fill > 0 && draws.unit() < 0.4 {
                    let behind = 1 + (draws.below(2) as i64) * step;
                    price += if buys { behind } else { -behind };
                }
                out.push(Trade {
                    id,
                    time: first + (id - block.first_id) as i64,
                    price: price.max(1),
                    quantity: self.quantity(&mut draws, size),
                    taker_buys: buys,
                });
                id += 1;
            }
        }
    }

    /// Taker orders of the block: (µs from its start, fills), ascending.
    fn orders(&self, draws: &mut Draws, trades: u64, start: i64) -> Vec<(u32, u64)> {
        let room = (BLOCK_US as u64).saturating_sub(trades).max(1);
        // Some blocks are all in one flurry.
        let flurry = (unit(hash(self.key ^ 0xF1, start as u64)) < 0.15)
            .then(|| (draws.below(room), 1 + room / 12));
        let mut left = trades;
        let mut orders = Vec::new();
        while left > 0 {
            let mut fills = 1;
            while fills < left && fills < 40 && draws.unit() < 0.42 {
                fills += 1;
            }
            let at = match flurry {
                Some((at, width)) if draws.unit() < 0.8 => (at + draws.below(width)).min(room - 1),
                _ => draws.below(room),
            };
            orders.push((at as u32, fills));
            left -= fills;
        }
        orders.sort_unstable_by_key(|order| order.0);
        orders
    }

    /// An order's side, its first price in ticks, and a step between levels.
    fn arrive(&self, draws: &mut Draws, t: i64, mid: f64) -> (bool, i64, i64) {
        // Buyers or sellers lead for some seconds at a time.
        let lead = unit(hash(self.key ^ 0x51DE, (t >> 23) as u64));
        let buys = draws.unit() < 0.25 + 0.5 * lead;
        let (bid, spread) = self.best(mid);
        let price = if buys { bid + spread } else { bid };
        (buys, price, (spread / 4).max(1))
    }

    /// The best bid around `mid`, and the distance of the best ask from it; all in ticks.
    fn best(&self, mid: f64) -> (i64, i64) {
        let spread = (mid * self.spread).round().max(1.0);
        ((mid - spread / 2.0).floor() as i64, spread as i64)
    }

    /// The book at `t`, at most `depth` levels a side.
    pub(crate) fn book(&mut self, t: i64, depth: usize) -> OrderBook {
        let t = t >> BOOK_STATE << BOOK_STATE;
        let mid = self.path.at(t) / self.tick;
        let (bid, spread) = self.best(mid);
        let bid = bid.max(1);
        let gap = |key: u64, price: i64| {
            1 + (hash(key, price as u64) % (spread / 2).max(2) as u64) as i64
        };
        let side = |key: u64, best: i64, away: i64| -> Vec<Level> {
            std::iter::successors(Some(best), |&price| Some(price + away * gap(key, price)))
                .take_while(|&price| price >= 1)
                .take(depth)
                .map(|price| self.level(key, price, t))
                .collect()
        };
        OrderBook {
            update: (t >> BOOK_STATE).max(0) as u64,
            bids: side(hash(self.key, 0xB1D), bid, -1),
            asks: side(hash(self.key, 0xA5C), bid + spread, 1),
        }
    }

    fn level(&self, key: u64, price: i64, t: i64) -> Level {
        let phase = (hash(key ^ 1, price as u64) >> (64 - LEVEL_STATE)) as i64;
        let state = (t + phase) >> LEVEL_STATE;
        let draw = hash(hash(key ^ 2, price as u64), state as u64);
        // As much as trades in a few seconds.
        let notional = 3.0 * self.turnover * (1.1 * normal(draw) - 0.6).exp();
        let lots = notional / (price as f64 * self.tick) / self.lot;
        Level {
            price,
            quantity: lots.round().max(1.0) as i64,
            orders: 1 + draw % 5,
            since: (state << LEVEL_STATE) - phase,
        }
    }

    fn quantity(&self, draws: &mut Draws, size: f64) -> i64 {
        let lots = (size * (0.5 + draws.unit()) / self.lot).round().max(1.0) as i64;
        if draws.unit() < 0.3 {
            // People type round numbers: one or two significant digits.
            let mut unit = 1;
            while unit <= lots / 100 {
                unit *= 10;
            }
            return (lots / unit * unit).max(1);
        }
        lots
    }
}
