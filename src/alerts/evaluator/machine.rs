//! The state machine of rules: what becomes of one when its condition becomes true or false, when it is time,
//! and once it has fired.

use super::Evaluator;
use super::entry::{LEAF, Life, Watch};
use super::index::Direction;
use super::line::Line;
use super::signal::{Number, RATIO_PLACES, Wait};
use super::types::{Cause, Firing, Outcome};
use crate::number::narrow;
use crate::time::EventTime;

/// Cause of a change, and its event time.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) at: i64,
    pub(super) cause: Cause,
}

impl Evaluator {
    /// Gives a signal its next value.
    pub(super) fn feed(&mut self, slot: u32, number: Number, event: &Event, out: &mut Outcome) {
        let Some(signal) = self.signals.get(slot) else {
            return;
        };
        let is_first = signal.last.is_none();
        self.previous = signal.last;
        let mut reached = std::mem::take(&mut self.reached);
        self.move_signal_over(slot, number, &mut reached);
        if is_first {
            self.catch_up(slot, out);
            let waiting = match self.signals.get_mut(slot) {
                Some(signal) => std::mem::take(&mut signal.waiting),
                None => return,
            };
            for rule in waiting {
                self.first_value(rule, event, out);
            }
        }
        for (rule, direction) in reached.drain(..) {
            self.reach(rule, direction, event, out);
        }
        self.reached = reached;
        let recheck = match self.signals.get_mut(slot) {
            Some(signal) if !signal.recheck.is_empty() => std::mem::take(&mut signal.recheck),
            _ => return,
        };
        for rule in recheck {
            self.recheck(rule, out);
        }
    }

    /// Rules that went on from a stored state before their signal had a value: its first one may be where they
    /// wait for it already. One that is armed fires when the value comes there.
    fn catch_up(&mut self, slot: u32, out: &mut Outcome) {
        let Some(signal) = self.signals.get(slot) else {
            return;
        };
        for rule in signal.placed() {
            let Some((_, line, wait)) = self.wait_of(rule) else {
                continue;
            };
            let signal = self.signals.get(slot);
            let is_there = wait != Wait::Met && signal.is_some_and(|it| it.is_at(&line, wait));
            if is_there && let Some(entry) = self.rules.get(rule) {
                let since = match wait {
                    Wait::Rearmed(_) => entry.since,
                    _ => i64::MIN,
                };
                self.enter(rule, Life::Armed, since, out);
            }
        }
    }

    /// Moves a signal without anything being reached.
    pub(super) fn move_signal(&mut self, slot: u32, number: Number) {
        let mut reached = Vec::new();
        if self
            .signals
            .get(slot)
            .is_some_and(|signal| signal.last.is_some())
        {
            self.move_signal_over(slot, number, &mut reached);
        }
        debug_assert!(reached.is_empty(), "what passes quietly reaches nothing");
    }

    /// The same of a signal that may have no value yet, when nobody waits for its first.
    pub(super) fn start_signal(&mut self, slot: u32, number: Number, out: &mut Outcome) {
        let signal = self.signals.get(slot);
        if signal.is_some_and(|signal| signal.last.is_none() && signal.waiting.is_empty()) {
            self.move_signal_over(slot, number, &mut Vec::new());
            self.catch_up(slot, out);
        } else {
            self.move_signal(slot, number);
        }
    }

    fn move_signal_over(&mut self, slot: u32, number: Number, reached: &mut Vec<(u32, Direction)>) {
        let Some(signal) = self.signals.get_mut(slot) else {
            return;
        };
        if !signal.advance(number, reached)
            && let Number::Exact(value) = number
        {
            self.widen(slot, &[value]);
            if let Some(signal) = self.signals.get_mut(slot) {
                signal.advance(number, reached);
            }
        }
    }

    /// Gives a signal keys that fit `values`, and lets everyone wait again.
    fn widen(&mut self, slot: u32, values: &[rust_decimal::Decimal]) {
        let Some(signal) = self.signals.get_mut(slot) else {
            return;
        };
        if signal.source.is_ratio() {
            // Its keys have the places that its thresholds may have: another would wait in vain.
            return;
        }
        let waiting = signal.widen(values);
        if !self.place_all(slot, &waiting)
            && let Some(signal) = self.signals.get_mut(slot)
        {
            signal.widen_fully();
            self.place_all(slot, &waiting);
        }
    }

    fn place_all(&mut self, signal: u32, waiting: &[u32]) -> bool {
        waiting.iter().all(|&slot| {
            let Some((_, line, wait)) = self.wait_of(slot) else {
                return true;
            };
            let signal = self.signals.get_mut(signal);
            signal.is_none_or(|signal| signal.place(slot, &line, wait))
        })
    }

    /// The signal, the line and for which of its keys a rule or a part of one waits.
    fn wait_of(&self, slot: u32) -> Option<(u32, Line, Wait)> {
        if slot & LEAF != 0 {
            let leaf = self.leaves.get(slot & !LEAF)?;
            let composite = self.composites.get(leaf.composite)?;
            let wait = if composite.truth & leaf.bit == 0 {
                Wait::Met
            } else {
                Wait::Unmet(leaf.direction())
            };
            return Some((leaf.signal, leaf.line(), wait));
        }
        let entry = self.rules.get(slot)?;
        match entry.watch {
            Watch::Signal(signal) => Some((signal, entry.line, entry.wait()?)),
            _ => None,
        }
    }

    /// Lets a rule or a part of one wait for what is next in its life.
    pub(super) fn place(&mut self, slot: u32) {
        let Some((signal_slot, line, wait)) = self.wait_of(slot) else {
            return;
        };
        let Some(signal) = self.signals.get_mut(signal_slot) else {
            return;
        };
        if !signal.place(slot, &line, wait) {
            self.widen(signal_slot, &[line.value, line.distance]);
            if let Some(signal) = self.signals.get_mut(signal_slot) {
                signal.place(slot, &line, wait);
            }
        }
    }

    /// The opposite of [`Self::place`], before anything about the rule changes.
    pub(super) fn unplace(&mut self, slot: u32) {
        let Some((signal, line, wait)) = self.wait_of(slot) else {
            return;
        };
        if let Some(signal) = self.signals.get_mut(signal) {
            signal.remove(slot, &line, wait);
        }
    }

    /// Moves a rule on in its life: out of the sets and timers it is in, and into those it is to be in.
    pub(super) fn enter(&mut self, slot: u32, life: Life, since: i64, out: &mut Outcome) {
        self.unplace(slot);
        let Some(entry) = self.rules.get_mut(slot) else {
            return;
        };
        let (watch, expires) = (entry.watch, entry.expires);
        let old_timer = entry.timer();
        let was_pending = matches!(entry.life, Life::Pending(_));
        entry.life = life;
        entry.since = since;
        out.changed.push(entry.id);
        let new_timer = entry.timer();
        let is_over = matches!(life, Life::Fired | Life::Expired);
        if was_pending && !matches!(life, Life::Pending(_)) {
            self.pending.remove(&slot);
        }
        if let Some(market) = self.clock_of(watch) {
            let timers = &mut self.markets[market as usize].timers;
            if let Some(time) = old_timer.filter(|time| *time != expires) {
                timers.remove(&(time, slot));
            }
            if is_over && expires != i64::MAX {
                timers.remove(&(expires, slot));
            }
            if let Some(time) = new_timer {
                timers.insert((time, slot));
            }
        }
        if life == Life::Recheck
            && let Watch::Signal(signal) = watch
            && let Some(signal) = self.signals.get_mut(signal)
        {
            signal.recheck.insert(slot);
        }
        if let Watch::Silence { market, .. } = watch {
            let silent = &mut self.markets[market as usize].silent;
            if matches!(life, Life::Waiting | Life::Resting) {
                silent.insert(slot);
            } else {
                silent.remove(&slot);
            }
        }
        self.place(slot);
    }

    /// The market whose event time a rule's timers follow.
    pub(super) fn clock_of(&self, watch: Watch) -> Option<u32> {
        match watch {
            Watch::Signal(signal) => self.signals.get(signal).map(|signal| signal.market),
            Watch::Composite(composite) => {
                let composite = self.composites.get(composite)?;
                let leaf = self.leaves.get(composite.leaves.first()? & !LEAF)?;
                self.signals.get(leaf.signal).map(|signal| signal.market)
            }
            Watch::Gaps { market, .. } | Watch::Silence { market, .. } => Some(market),
        }
    }

    /// The first value of a rule's signal: the value at arming.
    fn first_value(&mut self, slot: u32, event: &Event, out: &mut Outcome) {
        if slot & LEAF == 0 {
            self.begin(slot, Some(event), event.at, out);
            return;
        }
        let Some(leaf) = self.leaves.get(slot & !LEAF) else {
            return;
        };
        let (signal, line, composite, bit) = (leaf.signal, leaf.line(), leaf.composite, leaf.bit);
        let is_true = self
            .signals
            .get(signal)
            .is_some_and(|signal| signal.is_at(&line, Wait::Met));
        if is_true && let Some(composite) = self.composites.get_mut(composite) {
            composite.truth |= bit;
        }
        self.dirty.push((composite, true));
        self.place(slot);
    }

    /// Arms a rule at its signal's value: what is true fires only if it is asked to.
    pub(super) fn begin(&mut self, slot: u32, event: Option<&Event>, now: i64, out: &mut Outcome) {
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        let asked = entry.fire_if_met && entry.line.is_state();
        let (line, watch) = (entry.line, entry.watch);
        let met = asked
            && match watch {
                Watch::Signal(signal) => self
                    .signals
                    .get(signal)
                    .is_some_and(|signal| signal.is_at(&line, Wait::Met)),
                Watch::Composite(composite) => {
                    self.composites.get(composite).is_some_and(|it| it.met)
                }
                Watch::Gaps { .. } | Watch::Silence { .. } => false,
            };
        self.enter(slot, Life::Armed, i64::MIN, out);
        if let Some(event) = event.filter(|_| met) {
            let event = Event {
                at: now.max(event.at),
                ..event.clone()
            };
            self.become_true(slot, line.direction().unwrap_or(Direction::Up), &event, out);
        }
    }

    /// A signal has reached what a rule or a part of one waits for.
    fn reach(&mut self, slot: u32, direction: Direction, event: &Event, out: &mut Outcome) {
        if slot & LEAF != 0 {
            self.unplace(slot);
            if let Some(leaf) = self.leaves.get(slot & !LEAF)
                && let Some(composite) = self.composites.get_mut(leaf.composite)
            {
                composite.truth ^= leaf.bit;
                self.dirty.push((leaf.composite, false));
            }
            self.place(slot);
            return;
        }
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        match entry.life {
            Life::Armed => self.become_true(slot, direction, event, out),
            Life::Pending(_) => {
                let line = entry.line;
                self.enter(slot, Life::Armed, i64::MIN, out);
                // Back through the threshold, and not from it: a crossing, too.
                if line.direction().is_none() && !self.came_from(&line) {
                    self.become_true(slot, direction, event, out);
                }
            }
            Life::Resting => {
                let since = entry.since;
                self.enter(slot, Life::Armed, since, out);
            }
            _ => {}
        }
    }

    /// True if the value before was the threshold itself.
    fn came_from(&self, line: &Line) -> bool {
        match self.previous {
            Some(Number::Exact(value)) => value == line.value,
            Some(Number::Ratio(key)) => narrow(line.value, RATIO_PLACES) == Some(key),
            None => true,
        }
    }

    /// The condition of an armed rule has become true.
    pub(super) fn become_true(
        &mut self,
        slot: u32,
        direction: Direction,
        event: &Event,
        out: &mut Outcome,
    ) {
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        if entry.hold == 0 {
            self.fire(slot, event, out);
            return;
        }
        self.enter(slot, Life::Pending(direction), event.at, out);
        self.pending.insert(slot, event.cause.clone());
    }

    /// A rule fires.
    pub(super) fn fire(&mut self, slot: u32, event: &Event, out: &mut Outcome) {
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        let value = match entry.watch {
            Watch::Signal(signal) => self.signals.get(signal).and_then(|signal| signal.last),
            _ => None,
        };
        out.firings.push(Firing {
            rule: entry.id,
            revision: entry.revision,
            at: EventTime(event.at),
            cause: event.cause.clone(),
            value: value.map(Number::to_decimal),
        });
        let life = if !entry.always {
            Life::Fired
        } else if entry.cooldown > 0 {
            Life::Cooling
        } else {
            Self::after_cooldown(entry.watch, &entry.line)
        };
        self.enter(slot, life, event.at, out);
    }

    /// State of a repeating rule without a cooldown after it has fired.
    pub(super) const fn after_cooldown(watch: Watch, line: &Line) -> Life {
        match watch {
            Watch::Gaps { .. } => Life::Armed,
            Watch::Signal(_) if line.direction().is_none() => Life::Armed,
            _ => Life::Resting,
        }
    }

    /// The first value after a cooldown: a rule re-arms if it is far enough back.
    fn recheck(&mut self, slot: u32, out: &mut Outcome) {
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        let (Watch::Signal(signal), Some(direction)) = (entry.watch, entry.line.direction()) else {
            return;
        };
        if entry.life != Life::Recheck {
            return;
        }
        let (line, since) = (entry.line, entry.since);
        let is_back = self
            .signals
            .get(signal)
            .is_some_and(|signal| signal.is_at(&line, Wait::Rearmed(direction)));
        let life = if is_back { Life::Armed } else { Life::Resting };
        self.enter(slot, life, since, out);
    }

    /// Looks at the composites of which a part has changed.
    pub(super) fn settle(&mut self, event: &Event, out: &mut Outcome) {
        while !self.dirty.is_empty() {
            let mut dirty = std::mem::take(&mut self.dirty);
            // Those that changed otherwise than by a first value come first, and count.
            dirty.sort_unstable();
            dirty.dedup_by_key(|(composite, _)| *composite);
            for (slot, by_first_value) in dirty {
                // The clock of its first part is its clock.
                let clock = self.clock_of(Watch::Composite(slot));
                if let Some(market) = clock
                    && self.markets[market as usize].now < event.at
                {
                    self.advance_to(market, event.at, out);
                }
                self.settle_one(slot, by_first_value, event, out);
            }
        }
    }

    fn settle_one(&mut self, slot: u32, by_first_value: bool, event: &Event, out: &mut Outcome) {
        let Some(composite) = self.composites.get_mut(slot) else {
            return;
        };
        let met = composite.shape.is_met(composite.truth);
        let turned = met != composite.met;
        composite.met = met;
        let (rule, is_new) = (composite.slot, composite.is_new);
        let Some(entry) = self.rules.get(rule) else {
            return;
        };
        let since = entry.since;
        match (entry.life, met) {
            (Life::Armed, true) if turned && (!by_first_value || is_new && entry.fire_if_met) => {
                self.become_true(rule, Direction::Up, event, out);
            }
            (Life::Pending(_), false) => self.enter(rule, Life::Armed, i64::MIN, out),
            (Life::Resting, false) => self.enter(rule, Life::Armed, since, out),
            _ => {}
        }
    }
}
