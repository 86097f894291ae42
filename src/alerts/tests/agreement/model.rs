//! The reference: every rule on every trade, from the trades as they were. It shares nothing with the
//! evaluator but the rule as it is read.

use coinsphere_alerts::rules::{ClosesAt, Move, Price, Turn};
use coinsphere_alerts::{Condition, Decimal, Operator, Repeat, Rule};

use crate::signals::{Fraction, History, When};

/// An event: rule, revision, the trade (or the candle's beginning), and when.
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

#[derive(Debug)]
pub(crate) struct ModelRule {
    pub(crate) id: u128,
    pub(crate) revision: u32,
    rule: Rule,
    state: State,
    /// The signal before, as a fraction.
    last: Option<Fraction>,
    /// The number of the trade at which it was armed.
    from: usize,
    /// Of a composite: whether it was true before.
    met: bool,
}

/// Comparison of a signal.
#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Touching(Operator),
    More,
    Less,
}

/// Comparison and threshold; none for a composite.
fn line(condition: &Condition) -> Option<(Comparison, Decimal)> {
    let touching = |operator, threshold| Some((Comparison::Touching(operator), threshold));
    match condition {
        Condition::Price(Price {
            operator,
            threshold,
            ..
        }) => touching(*operator, *threshold),
        Condition::Change(change) => match change.operator {
            Move::RisesBy => touching(Operator::Above, change.percent),
            Move::FallsBy => touching(Operator::Below, -change.percent),
            Move::MovesBy => None,
        },
        Condition::Average(average) => touching(average.operator, average.percent),
        Condition::Trailing(trailing) => match trailing.operator {
            Turn::RisesBy => touching(Operator::Above, trailing.percent),
            Turn::FallsBy => touching(Operator::Below, -trailing.percent),
        },
        Condition::Volatility(volatility) => touching(Operator::Above, volatility.times),
        Condition::Volume(volume) => touching(Operator::Above, volume.times),
        Condition::Candle(candle) => match candle.operator {
            ClosesAt::ClosesAbove => touching(Operator::Above, candle.threshold),
            ClosesAt::ClosesBelow => touching(Operator::Below, candle.threshold),
        },
        Condition::NewHigh(_) => Some((Comparison::More, Decimal::ZERO)),
        Condition::NewLow(_) => Some((Comparison::Less, Decimal::ZERO)),
        Condition::All(_) | Condition::Any(_) => None,
        other => panic!("{other:?}"),
    }
}

/// True upwards and downwards.
fn is_met(comparison: Comparison, threshold: Decimal, value: Fraction) -> (bool, bool) {
    let level = threshold * value.1;
    match comparison {
        Comparison::Touching(Operator::Above | Operator::CrossesUp) => (value.0 >= level, false),
        Comparison::Touching(Operator::Below | Operator::CrossesDown) => (false, value.0 <= level),
        Comparison::Touching(Operator::Crosses) => (value.0 >= level, value.0 <= level),
        Comparison::More => (value.0 > level, false),
        Comparison::Less => (false, value.0 < level),
    }
}

/// A composite, from what its parts are now.
fn is_true(condition: &Condition, history: &History) -> bool {
    match condition {
        Condition::All(all) => all.of.iter().all(|part| is_true(part, history)),
        Condition::Any(any) => any.of.iter().any(|part| is_true(part, history)),
        Condition::Change(change) if change.operator == Move::MovesBy => {
            let value = history.signal(condition, When::Arming);
            value.is_some_and(|value| value.0.abs() >= change.percent * value.1)
        }
        leaf => {
            let (comparison, threshold) = line(leaf).unwrap();
            let value = history.signal(leaf, When::Arming);
            value.is_some_and(|value| {
                let (up, down) = is_met(comparison, threshold, value);
                up || down
            })
        }
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
            from: 0,
            met: false,
        }
    }

    /// Arms it at what is known now.
    pub(crate) fn arm(&mut self, history: &History, events: &mut Vec<Event>) {
        let expires = self.rule.expires_at.map_or(i64::MAX, |time| time.0);
        if expires <= history.now {
            self.state = State::Over;
        }
        let Some((_, tick)) = history.ticks.last() else {
            return;
        };
        self.from = history.ticks.len() - 1;
        if line(&self.rule.condition).is_none() {
            self.met = is_true(&self.rule.condition, history);
            if self.state == State::New {
                self.state = State::Armed;
                if self.met && self.rule.fire_if_met {
                    self.turn(true, tick.id, history.now, events);
                }
            }
        } else if let Some(value) = self.value(history, When::Arming) {
            self.first(value, tick.id, history.now, events);
        }
    }

    fn value(&self, history: &History, when: When) -> Option<Fraction> {
        match &self.rule.condition {
            Condition::Trailing(trailing) => {
                history.distance(self.from, trailing.operator == Turn::FallsBy, when)
            }
            other => history.signal(other, when),
        }
    }

    fn first(&mut self, value: Fraction, trade: u64, now: i64, events: &mut Vec<Event>) {
        self.last = Some(value);
        if self.state != State::New {
            return;
        }
        self.state = State::Armed;
        let (comparison, threshold) = line(&self.rule.condition).unwrap();
        let (up, down) = is_met(comparison, threshold, value);
        let is_state = !matches!(
            comparison,
            Comparison::Touching(Operator::CrossesUp | Operator::CrossesDown | Operator::Crosses)
        );
        if is_state && (up || down) && self.rule.fire_if_met {
            self.turn(up, trade, now, events);
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
        if let State::Rests(at) = self.state
            && line(&self.rule.condition).is_none()
            && self.rule.cooldown_seconds > 0
            && at + seconds(self.rule.cooldown_seconds) <= now
            && !self.met
        {
            self.state = State::Armed;
        }
        if expires <= now {
            self.state = State::Over;
        }
    }

    /// A trade, or a candle that closes, as the newest of the history.
    pub(crate) fn happen(
        &mut self,
        history: &History,
        when: When,
        cause: u64,
        events: &mut Vec<Event>,
    ) {
        let now = history.now;
        let Some((comparison, threshold)) = line(&self.rule.condition) else {
            let met = is_true(&self.rule.condition, history);
            let was = std::mem::replace(&mut self.met, met);
            match self.state {
                State::Armed if met && !was => self.turn(true, cause, now, events),
                State::Pending(..) if !met => self.state = State::Armed,
                State::Rests(at) if !met && at + seconds(self.rule.cooldown_seconds) <= now => {
                    self.state = State::Armed;
                }
                _ => {}
            }
            return;
        };
        let Some(value) = self.value(history, when) else {
            return;
        };
        let Some(last) = self.last.replace(value) else {
            self.first(value, cause, now, events);
            return;
        };
        let level = threshold * value.1;
        let (is_up, is_down) = is_met(comparison, threshold, value);
        let (was_up, was_down) = is_met(comparison, threshold, last);
        let (up, down) = (is_up && !was_up, is_down && !was_down);
        if let State::Rests(at) = self.state
            && now >= at + seconds(self.rule.cooldown_seconds)
        {
            let distance = self.rule.hysteresis.unwrap_or_default() * value.1;
            let back = match comparison {
                Comparison::Touching(Operator::Above | Operator::CrossesUp) | Comparison::More => {
                    !is_up && level - value.0 >= distance
                }
                Comparison::Touching(Operator::Below | Operator::CrossesDown)
                | Comparison::Less => !is_down && value.0 - level >= distance,
                Comparison::Touching(Operator::Crosses) => true,
            };
            if back {
                self.state = State::Armed;
            }
        }
        if let State::Pending(_, _, upwards) = self.state
            && !(if upwards { is_up } else { is_down })
        {
            self.state = State::Armed;
        }
        if self.state == State::Armed && (up || down) {
            self.turn(up, cause, now, events);
        }
    }
}
