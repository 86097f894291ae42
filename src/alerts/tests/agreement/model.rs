//! The reference: every rule on every trade, from the trades as they were. It shares nothing with the
//! evaluator but the rule as it is read.

use coinsphere_alerts::rules::Price;
use coinsphere_alerts::{Condition, Decimal, Operator, Repeat, Rule, Tick};

/// An event: rule, revision, trade, and when.
pub(crate) type Event = (u128, u32, u64, i64);

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    New,
    Armed,
    /// Since when, by which trade, and whether upwards.
    Pending(i64, u64, bool),
    Rests(i64),
    Over,
}

pub(crate) struct ModelRule {
    pub(crate) id: u128,
    pub(crate) revision: u32,
    rule: Rule,
    state: State,
    /// The signal at the trade before, over its denominator.
    last: Option<(Decimal, Decimal)>,
}

/// Everything that happened to an instrument.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) ticks: Vec<Tick>,
    pub(crate) now: i64,
}

impl History {
    /// The signal as a fraction; none if it has no value.
    fn signal(&self, condition: &Condition) -> Option<(Decimal, Decimal)> {
        let price = self.ticks.last()?.price;
        match condition {
            Condition::Price(_) => Some((price, Decimal::ONE)),
            other => panic!("{other:?}"),
        }
    }
}

fn line(condition: &Condition) -> (Operator, Decimal) {
    match condition {
        Condition::Price(Price {
            operator,
            threshold,
            ..
        }) => (*operator, *threshold),
        other => panic!("{other:?}"),
    }
}

fn seconds(count: u32) -> i64 {
    i64::from(count) * 1_000_000_000
}

impl ModelRule {
    pub(crate) fn new(id: u128, revision: u32, rule: Rule) -> Self {
        Self {
            id,
            revision,
            rule,
            state: State::New,
            last: None,
        }
    }

    /// Arms it at what is known now.
    pub(crate) fn arm(&mut self, history: &History, events: &mut Vec<Event>) {
        let expires = self.rule.expires_at.map_or(i64::MAX, |time| time.0);
        if expires <= history.now {
            self.state = State::Over;
        }
        if let (Some(last), Some(tick)) =
            (history.signal(&self.rule.condition), history.ticks.last())
        {
            self.first(last, tick, history.now, events);
        }
    }

    fn first(&mut self, value: (Decimal, Decimal), tick: &Tick, now: i64, events: &mut Vec<Event>) {
        self.last = Some(value);
        if self.state != State::New {
            return;
        }
        self.state = State::Armed;
        let (operator, threshold) = line(&self.rule.condition);
        let level = threshold * value.1;
        let met = match operator {
            Operator::Above => value.0 >= level,
            Operator::Below => value.0 <= level,
            _ => false,
        };
        if met && self.rule.fire_if_met {
            self.turn(operator == Operator::Above, tick.id, now, events);
        }
    }

    /// The condition has become true.
    fn turn(&mut self, up: bool, trade: u64, now: i64, events: &mut Vec<Event>) {
        if self.rule.hold_seconds > 0 {
            self.state = State::Pending(now, trade, up);
        } else {
            self.fire(trade, now, events);
        }
    }

    fn fire(&mut self, trade: u64, at: i64, events: &mut Vec<Event>) {
        events.push((self.id, self.revision, trade, at));
        self.state = match self.rule.repeat {
            Repeat::Once => State::Over,
            Repeat::Always => State::Rests(at),
        };
    }

    /// Time has reached `now`.
    pub(crate) fn time(&mut self, now: i64, events: &mut Vec<Event>) {
        let expires = self.rule.expires_at.map_or(i64::MAX, |time| time.0);
        if let State::Pending(since, trade, _) = self.state {
            let end = since + seconds(self.rule.hold_seconds);
            if end <= now && end < expires {
                self.fire(trade, end, events);
            }
        }
        if expires <= now {
            self.state = State::Over;
        }
    }

    /// The newest trade of the history.
    pub(crate) fn trade(&mut self, history: &History, events: &mut Vec<Event>) {
        let Some(tick) = history.ticks.last() else {
            return;
        };
        let Some(value) = history.signal(&self.rule.condition) else {
            return;
        };
        let now = history.now;
        let Some(last) = self.last.replace(value) else {
            self.first(value, tick, now, events);
            return;
        };
        let (operator, threshold) = line(&self.rule.condition);
        // Each side of the comparison over its own denominator.
        let (level, level_before) = (threshold * value.1, threshold * last.1);
        let up = last.0 < level_before && value.0 >= level;
        let down = last.0 > level_before && value.0 <= level;
        let (wants_up, wants_down) = match operator {
            Operator::Above | Operator::CrossesUp => (true, false),
            Operator::Below | Operator::CrossesDown => (false, true),
            Operator::Crosses => (true, true),
        };
        if let State::Rests(at) = self.state
            && now >= at + seconds(self.rule.cooldown_seconds)
        {
            let distance = self.rule.hysteresis.unwrap_or_default() * value.1;
            let back = match (wants_up, wants_down) {
                (true, false) => value.0 < level && level - value.0 >= distance,
                (false, _) => value.0 > level && value.0 - level >= distance,
                _ => true,
            };
            if back {
                self.state = State::Armed;
            }
        }
        if let State::Pending(_, _, upwards) = self.state {
            let lost = if upwards {
                value.0 < level
            } else {
                value.0 > level
            };
            if lost {
                self.state = State::Armed;
            }
        }
        if self.state == State::Armed && (up && wants_up || down && wants_down) {
            self.turn(up, tick.id, now, events);
        }
    }
}
