//! Time: gaps, silences, holds, cooldowns and expiries of rules, and candles that close, all by event time.

use super::Evaluator;
use super::entry::{Life, Watch, after};
use super::machine::Event;
use super::types::{Cause, Outcome};
use super::value::Moment;
use crate::time::EventTime;

impl Evaluator {
    /// A gap that lasted so many nanoseconds, for a rule on gaps.
    pub(super) fn gap_of_rule(&mut self, slot: u32, lasted: i64, event: &Event, out: &mut Outcome) {
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        let Watch::Gaps { seconds, .. } = entry.watch else {
            return;
        };
        if entry.life == Life::Armed && lasted >= i64::from(seconds) * 1_000_000_000 {
            self.fire(slot, event, out);
        }
    }

    /// A trade arms the rules on silence that wait for one.
    pub(super) fn end_silence(&mut self, market: u32, out: &mut Outcome) {
        let state = &mut self.markets[market as usize];
        let now = state.now;
        for slot in std::mem::take(&mut state.silent) {
            self.enter(slot, Life::Armed, now, out);
        }
    }

    /// Event time reaches `time`: what is due by then happens, in its order. Of what is due at once, rules
    /// come before the close of a candle.
    pub(super) fn advance_to(&mut self, market: u32, time: i64, out: &mut Outcome) {
        self.touched.push(market);
        self.markets[market as usize].restored = None;
        self.markets[market as usize].fold();
        // Where a signal was at the last trade matters, which may have passed quietly.
        let count = match self.markets[market as usize].has_passed {
            true => self.markets[market as usize].signals.len(),
            false => 0,
        };
        for at in 0..count {
            let signal = self.markets[market as usize].signals[at];
            if let Some(number) = self.value(signal, Moment::Before) {
                self.move_signal(signal, number);
            }
        }
        loop {
            let state = &mut self.markets[market as usize];
            let timer = state.timers.first().copied();
            let ends = state.all_series().iter().map(|(_, series)| series.end());
            let end = ends.min().unwrap_or(i64::MAX);
            match timer {
                Some((due, slot)) if due <= time && due <= end => {
                    state.timers.pop_first();
                    state.now = state.now.max(due);
                    self.time_of_rule(slot, due, out);
                }
                _ if end <= time => self.close_candles(market, end, out),
                _ => break,
            }
        }
        let state = &mut self.markets[market as usize];
        state.now = state.now.max(time);
    }

    /// Candles of an instrument end.
    fn close_candles(&mut self, market: u32, end: i64, out: &mut Outcome) {
        let state = &mut self.markets[market as usize];
        state.now = state.now.max(end);
        state.has_closed = true;
        let Some(instrument) = state.instrument.clone() else {
            return;
        };
        let mut closed = Vec::new();
        for (seconds, series) in state.all_series_mut() {
            if series.end() == end
                && let Some(candle) = series.close()
            {
                closed.push((*seconds, candle));
            }
        }
        for (seconds, candle) in closed {
            let event = Event {
                at: end,
                cause: Cause::Candle {
                    instrument: instrument.clone(),
                    seconds,
                    open_time: EventTime(candle.open_time),
                    close: candle.close,
                },
            };
            for signal in self.markets[market as usize].signals.clone() {
                if let Some(number) = self.value(signal, Moment::Close(seconds)) {
                    self.feed(signal, number, &event, out);
                }
            }
            self.settle(&event, out);
        }
    }

    fn time_of_rule(&mut self, slot: u32, due: i64, out: &mut Outcome) {
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        let (watch, line, since) = (entry.watch, entry.line, entry.since);
        if due == entry.expires {
            self.enter(slot, Life::Expired, since, out);
            return;
        }
        if entry.timer() != Some(due) {
            return;
        }
        match (entry.life, watch) {
            (Life::Pending(_), _) => {
                if let Some(cause) = self.pending.get(&slot).cloned() {
                    self.fire(slot, &Event { at: due, cause }, out);
                }
            }
            (Life::Cooling, _) => {
                let life = match (watch, Self::after_cooldown(watch, &line)) {
                    (Watch::Composite(_), _) => self.resting(watch, &line),
                    (Watch::Signal(_), Life::Resting) => Life::Recheck,
                    (_, life) => life,
                };
                self.enter(slot, life, since, out);
            }
            (Life::Armed, Watch::Silence { market, seconds }) => {
                self.time_of_silence(slot, market, seconds, due, out);
            }
            _ => {}
        }
    }

    /// The timer of a rule on silence.
    fn time_of_silence(
        &mut self,
        slot: u32,
        market: u32,
        seconds: u32,
        due: i64,
        out: &mut Outcome,
    ) {
        let state = &mut self.markets[market as usize];
        let last = state.last_at;
        if after(last, seconds) > due {
            // Trades passed meanwhile. That is nothing to be stored.
            state.timers.insert((after(last, seconds), slot));
            if let Some(entry) = self.rules.get_mut(slot) {
                entry.since = last;
            }
            return;
        }
        if let (Some(instrument), Some(entry)) = (state.instrument.clone(), self.rules.get(slot)) {
            let cause = Cause::Silence {
                instrument,
                since: EventTime(entry.since),
                time: EventTime(due),
            };
            self.fire(slot, &Event { at: due, cause }, out);
        }
    }
}
