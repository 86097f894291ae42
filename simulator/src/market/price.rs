//! The price path: a continuous function of time that can be asked for any moment directly.
//!
//! The logarithm of a token's price is a sum of octaves, each a line through random values on a
//! regular lattice (value noise). With amplitudes growing as the square root of the period the sum
//! moves like a random walk from a quarter of a second to a year, and stays bounded beyond
//! that. The tokens share part of each lattice value, so the market moves together; values on
//! short lattices are scaled by the hour's volatility; now and then news makes a jump that fades.
//! The venues of one token quote it with a small, slowly moving basis. Knows nothing of trades.

use super::hash::{derive, hash, mix, normal, unit};
use super::instrument::Instrument;

/// Periods are `2^(FIRST + k)` µs: 0.26 s, …, 1.1 years.
const FIRST: u32 = 18;
const OCTAVES: usize = 28;
/// Octaves below this one (periods under half an hour) follow the hour's volatility.
const FAST: usize = 13;
/// The basis of a venue moves over 17 s … 18 min.
const BASIS_FIRST: u32 = 24;
const BASIS_OCTAVES: usize = 7;
const BASIS: f64 = 0.000_08;
/// A cell of time that may hold one piece of news: 2^35 µs, 9.5 hours.
const NEWS: u32 = 35;
const NEWS_CHANCE: f64 = 0.12;
const NEWS_SIZE: f64 = 0.009;
const SHARED: f64 = 0.75;
const SECONDS_A_YEAR: f64 = 31_557_600.0;

#[derive(Debug, Clone, Copy)]
struct Cell {
    index: i64,
    from: f64,
    to: f64,
}

const NOWHERE: Cell = Cell {
    index: i64::MIN,
    from: 0.0,
    to: 0.0,
};

/// The price path of one instrument, with the lattice cells of the last moment asked for.
#[derive(Debug, Clone)]
pub(crate) struct PricePath {
    market: u64,
    token: u64,
    venue: u64,
    level: f64,
    amplitudes: [f64; OCTAVES],
    cells: [Cell; OCTAVES],
    basis: [Cell; BASIS_OCTAVES],
    news: (i64, [News; 2]),
    /// The last hour asked for and its volatility.
    hour: (i64, f64),
}

#[derive(Debug, Clone, Copy)]
struct News {
    at: i64,
    fades: i64,
    size: f64,
}

impl PricePath {
    pub(crate) fn new(seed: u64, instrument: &Instrument) -> Self {
        let per_second = instrument.token.volatility / SECONDS_A_YEAR.sqrt();
        let token = derive(derive(seed, "price"), instrument.token.id);
        Self {
            market: derive(seed, "market"),
            token,
            venue: derive(token, instrument.venue.name()),
            level: instrument.token.price,
            amplitudes: std::array::from_fn(|k| {
                let period = (1u64 << (FIRST + k as u32)) as f64 / 1e6;
                // Summed over all octaves, 1/6 makes the variance over a span equal that span's.
                per_second * (period / 6.0).sqrt()
            }),
            cells: [NOWHERE; OCTAVES],
            basis: [NOWHERE; BASIS_OCTAVES],
            news: (
                i64::MIN,
                [News {
                    at: 0,
                    fades: 1,
                    size: 0.0,
                }; 2],
            ),
            hour: (i64::MIN, 1.0),
        }
    }

    /// The mid price in the quote currency at time `t`, µs.
    pub(crate) fn at(&mut self, t: i64) -> f64 {
        let mut log = 0.0;
        for k in 0..OCTAVES {
            let shift = FIRST + k as u32;
            let index = t >> shift;
            let cell = self.cells[k];
            if cell.index != index {
                let from = if cell.index == index - 1 {
                    cell.to
                } else {
                    self.value(k, index)
                };
                self.cells[k] = Cell {
                    index,
                    from,
                    to: self.value(k, index + 1),
                };
            }
            let Cell { from, to, .. } = self.cells[k];
            log += self.amplitudes[k] * (from + (to - from) * within(t, shift));
        }
        for k in 0..BASIS_OCTAVES {
            let shift = BASIS_FIRST + k as u32;
            let index = t >> shift;
            if self.basis[k].index != index {
                let value = |i: i64| normal(hash(self.venue ^ mix(k as u64), i as u64));
                self.basis[k] = Cell {
                    index,
                    from: value(index),
                    to: value(index + 1),
                };
            }
            let Cell { from, to, .. } = self.basis[k];
            log += BASIS * (from + (to - from) * within(t, shift));
        }
        self.level * (log + self.news(t)).exp()
    }

    fn value(&mut self, k: usize, index: i64) -> f64 {
        let place = mix(k as u64 + 1) ^ index as u64;
        let own = normal(hash(self.token, place));
        let shared = normal(hash(self.market, place));
        let value = SHARED * shared + (1.0 - SHARED * SHARED).sqrt() * own;
        if k >= FAST {
            return value;
        }
        let hour = (index << (FIRST + k as u32)) >> 32; // 2^32 µs is 72 minutes
        if self.hour.0 != hour {
            let volatility = (0.45 * normal(hash(self.market ^ 0x70, hour as u64))).exp();
            self.hour = (hour, volatility);
        }
        value * self.hour.1
    }

    fn news(&mut self, t: i64) -> f64 {
        let cell = t >> NEWS;
        if self.news.0 != cell {
            let of = |c: i64| {
                let h = hash(self.token ^ 0x4E, c as u64);
                let size = if unit(h) < NEWS_CHANCE {
                    NEWS_SIZE * normal(mix(h))
                } else {
                    0.0
                };
                let at = (c << NEWS) + (unit(mix(h ^ 1)) * (1i64 << NEWS) as f64) as i64;
                News {
                    at,
                    fades: (c + 2) << NEWS,
                    size,
                }
            };
            self.news = (cell, [of(cell - 1), of(cell)]);
        }
        self.news
            .1
            .iter()
            .filter(|n| n.at <= t && t < n.fades)
            .map(|n| n.size * (n.fades - t) as f64 / (n.fades - n.at) as f64)
            .sum()
    }
}

fn within(t: i64, shift: u32) -> f64 {
    (t & ((1i64 << shift) - 1)) as f64 / (1i64 << shift) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::instrument;

    const DAY: i64 = 86_400_000_000;
    const START: i64 = 1_767_225_600_000_000;

    #[test]
    fn a_price_does_not_depend_on_what_was_asked_before() {
        let btc = &instrument::all()[0];
        let mut walked = PricePath::new(3, btc);
        for i in 0..5_000i64 {
            let t = START + i * 777_777;
            assert_eq!(walked.at(t), PricePath::new(3, btc).at(t));
        }
    }

    #[test]
    fn daily_moves_have_the_tokens_volatility_and_venues_stay_close() {
        let all = instrument::all();
        let (mut binance, mut kraken) = (PricePath::new(3, &all[0]), PricePath::new(3, &all[2]));
        let days = 1_500;
        let logs: Vec<f64> = (0..days)
            .map(|d| binance.at(START + d * DAY).ln())
            .collect();
        let moves: Vec<f64> = logs.windows(2).map(|w| w[1] - w[0]).collect();
        let variance = moves.iter().map(|m| m * m).sum::<f64>() / moves.len() as f64;
        let yearly = (variance * 365.25).sqrt();
        assert!(
            (0.3..0.7).contains(&yearly),
            "bitcoin's yearly volatility is {yearly}"
        );
        for d in 0..days {
            let t = START + d * DAY;
            let apart = (binance.at(t) / kraken.at(t) - 1.0).abs();
            assert!(apart < 0.003, "venues are {apart} apart");
        }
    }

    #[test]
    fn the_path_is_continuous_but_for_news() {
        let btc = &instrument::all()[0];
        let mut path = PricePath::new(9, btc);
        let mut last = path.at(START);
        let mut steps = 0;
        for i in 1..200_000i64 {
            let now = path.at(START + i * 50_000);
            if (now / last - 1.0).abs() > 0.000_5 {
                steps += 1;
            }
            last = now;
        }
        assert!(steps <= 2, "{steps} jumps in under three hours");
    }
}
