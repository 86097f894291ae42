//! Values of signals, and the bounds between which none of an instrument's reaches a threshold.

use rust_decimal::Decimal;

use super::Evaluator;
use super::market::{Guard, Market};
use super::ratio;
use super::series::volume_of;
use super::signal::{Levels, Number, RATIO_PLACES, Signal};
use super::types::{Cause, Side};
use crate::input::Tick;
use crate::number::{narrow, narrow_below, places_of};
use crate::plan::Source;

/// Occasion on which a value is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment<'a> {
    /// A trade happens, and is not in the windows yet.
    Trade(&'a Tick),
    /// A candle of so many seconds has closed.
    Close(u32),
    /// The next trade or candle is about to happen.
    Before,
    /// A signal begins: its value as far as it is known.
    Start,
}

impl Evaluator {
    /// The value of a signal; none if it has none, or if this is not what changes it.
    pub(super) fn value(&self, signal: u32, moment: Moment<'_>) -> Option<Number> {
        let source = &self.signals.get(signal)?.source;
        let market = &self.markets[self.signals.get(signal)?.market as usize];
        match moment {
            Moment::Trade(_) if source.is_of_closes() => return None,
            Moment::Before if source.is_of_closes() => return None,
            // A trade that was looked at has given it its value; one that has passed is within the window.
            Moment::Before if source.is_of_extremes() && !market.has_passed => return None,
            Moment::Before if matches!(source, Source::Spread(..)) => return None,
            // What has closed since the last trade counts from the next one on.
            Moment::Before if source.candles().is_some() && market.has_closed => return None,
            Moment::Close(seconds) => {
                let lookback = source.candles()?;
                if !source.is_of_closes() || lookback.interval != seconds {
                    return None;
                }
            }
            _ => {}
        }
        let price = || market.last.map(|tick| tick.price);
        let at = match moment {
            Moment::Before => market.last_at,
            _ => market.now,
        };
        let against = |reference| ratio::percent(price()?, reference).map(Number::Ratio);
        match source {
            Source::Price(_) => price().map(Number::Exact),
            Source::Change(..) | Source::High(..) | Source::Low(..) | Source::Trailing(..) => {
                against(reference(source, market, at)?)
            }
            Source::Average(_, average) if average.exponential => {
                against(reference(source, market, at)?)
            }
            Source::Average(_, average) => {
                let lookback = average.lookback;
                let sum = market.series(lookback.interval)?.sum(lookback.count)?;
                let price = price()?.checked_mul(Decimal::from(lookback.count))?;
                ratio::percent(price, sum).map(Number::Ratio)
            }
            Source::Volume(_, lookback) => {
                let series = market.series(lookback.interval)?;
                let (open, usual) = series.volume(lookback.count)?;
                let traded = match moment {
                    Moment::Trade(tick) => volume_of(tick.quantity),
                    _ => 0,
                };
                ratio::key_of(open.saturating_add(traded), usual).map(Number::Ratio)
            }
            Source::Volatility(_, lookback, usual) => {
                let series = market.series(lookback.interval)?;
                let (now, usual) = series.volatility(lookback.count, *usual)?;
                factor(now, usual).map(Number::Ratio)
            }
            Source::LowestClose(_, lookback) => {
                let series = market.series(lookback.interval)?;
                series.extreme(lookback.count, true).map(Number::Exact)
            }
            Source::HighestClose(_, lookback) => {
                let series = market.series(lookback.interval)?;
                series.extreme(lookback.count, false).map(Number::Exact)
            }
            Source::Spread(_, other, age) => {
                let other = &self.markets[*self.by_instrument.get(other)? as usize];
                let now = market.now.max(other.now);
                let age = i64::from(*age) * 1_000_000_000;
                let is_fresh = |it: &Market| {
                    it.last
                        .is_some_and(|last| now.saturating_sub(last.time.0) <= age)
                };
                if !is_fresh(market) || !is_fresh(other) {
                    return None;
                }
                against(other.last?.price)
            }
            Source::Outside(_) => match &market.fed {
                Some(Cause::Outside { value, .. }) => Some(Number::Exact(*value)),
                _ => None,
            },
        }
    }

    pub(super) fn set_guard(&mut self, market: u32) {
        self.markets[market as usize].fold();
        let mut guard = Guard::OPEN;
        let state = &self.markets[market as usize];
        guard.places = state
            .last
            .map_or(guard.places, |last| guard.places.max(places_of(last.price)));
        guard.due = state.next_end();
        if let Some((due, _)) = state.timers.first() {
            guard.due = guard.due.min(*due);
        }
        let is_first = state.last.is_none() && !state.signals.is_empty();
        if is_first || !state.dependents.is_empty() || !state.silent.is_empty() {
            guard.shut();
        }
        if state.has_closed {
            // A volume begins again from nothing with the next trade.
            guard.shut();
        }
        for slot in &state.signals {
            if let Some(signal) = self.signals.get(*slot)
                && let (Source::Price(_), Levels::Narrow { places, .. }) =
                    (&signal.source, &signal.levels)
            {
                guard.places = *places;
            }
        }
        for slot in &state.signals {
            let Some(signal) = self.signals.get_mut(*slot) else {
                continue;
            };
            narrow_guard(&mut guard, state, signal);
            if !guard_may_pass(signal, state) {
                guard.shut();
            }
        }
        self.markets[market as usize].guard = guard;
    }
}

/// False if the next trade is to be looked at whatever it is.
fn guard_may_pass(signal: &Signal, market: &Market) -> bool {
    if !signal.recheck.is_empty() {
        return signal.source.is_of_closes();
    }
    // A first value comes with a cell or candle, which is due; that of the price with a trade.
    signal.waiting.is_empty()
        || signal.source.is_of_closes()
        || signal.source.window().is_some()
            && reference(&signal.source, market, market.now).is_none()
        || matches!(&signal.source, Source::Average(..) | Source::Volume(..))
            && !has_enough(&signal.source, market)
}

fn has_enough(source: &Source, market: &Market) -> bool {
    match source {
        Source::Average(_, average) => {
            let lookback = average.lookback;
            let series = market.series(lookback.interval);
            series.is_some_and(|series| {
                if average.exponential {
                    series.average(lookback.count).is_some()
                } else {
                    series.sum(lookback.count).is_some()
                }
            })
        }
        Source::Volume(_, lookback) => market
            .series(lookback.interval)
            .is_some_and(|series| series.volume(lookback.count).is_some()),
        _ => true,
    }
}

/// The price against which a signal's is.
fn reference(source: &Source, market: &Market, at: i64) -> Option<Decimal> {
    match source {
        Source::Change(_, seconds) => market.window(*seconds)?.reference(at),
        Source::High(_, seconds) => market.window(*seconds)?.highest(at),
        Source::Low(_, seconds) => market.window(*seconds)?.lowest(at),
        Source::Trailing(_, _, group) => market.extreme_of(*group),
        Source::Average(_, average) => {
            let lookback = average.lookback;
            let series = market.series(lookback.interval)?;
            if average.exponential {
                series.average(lookback.count)
            } else {
                let sum = series.sum(lookback.count)?;
                sum.checked_div(Decimal::from(lookback.count))
            }
        }
        _ => None,
    }
}

/// Narrows the guard to the prices at which the signal reaches no threshold.
fn narrow_guard(guard: &mut Guard, market: &Market, signal: &mut Signal) {
    if signal.last.is_none() || signal.source.is_of_closes() {
        return;
    }
    let (low, high) = match &mut signal.levels {
        Levels::Narrow { index, .. } => index.near(),
        Levels::Wide(index) => {
            let (low, high) = index.near();
            let low = low.map(|key| key.around(guard.places).1);
            (low, high.map(|key| key.around(guard.places).0))
        }
    };
    match &signal.source {
        Source::Price(_) => {
            guard.low = guard.low.max(low.unwrap_or(i64::MIN));
            guard.high = guard.high.min(high.unwrap_or(i64::MAX));
        }
        Source::Volume(_, lookback) => {
            let found = market.series(lookback.interval);
            let found = found.and_then(|series| series.volume(lookback.count));
            if let (Some((open, usual)), Some(high)) = (found, high) {
                let high = i128::from(high - (high & 1));
                let reach = usual.saturating_mul(high) / (2 * 10_i128.pow(RATIO_PLACES));
                guard.volume = guard.volume.min(reach.saturating_sub(open));
            }
        }
        Source::Outside(_) => {}
        // The other instrument's price is not this guard's.
        Source::Spread(..) => guard.shut(),
        source => {
            let Some(reference) = reference(source, market, market.now) else {
                return;
            };
            let exact = narrow(reference, guard.places).map(|key| (key, key));
            let around = || {
                let below = narrow_below(reference, guard.places)?;
                Some((below, below + 2))
            };
            let Some((below, above)) = exact.or_else(around) else {
                guard.shut();
                return;
            };
            guard.low = guard.low.max(ratio::prices(above, low, None).0);
            guard.high = guard.high.min(ratio::prices(below, None, high).1);
            // A price beyond the extreme is the next one.
            match source {
                Source::High(..) | Source::Trailing(_, Side::Down, _) => {
                    guard.high = guard.high.min(below + 1)
                }
                Source::Low(..) | Source::Trailing(_, Side::Up, _) => {
                    guard.low = guard.low.max(above - 1)
                }
                _ => {}
            }
        }
    }
}

/// The key of a factor of two floats.
#[allow(clippy::cast_possible_truncation, reason = "clamped before")]
fn factor(number: f64, of: f64) -> Option<i64> {
    if of <= 0.0 || !number.is_finite() || !of.is_finite() {
        return None;
    }
    let scaled = (number / of * 10_f64.powi(RATIO_PLACES as i32)).min(1e15);
    let whole = scaled.floor();
    Some(whole as i64 * 2 + i64::from(scaled > whole))
}
