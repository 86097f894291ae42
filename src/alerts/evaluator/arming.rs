//! Arming, disarming and storing of rules.

use std::sync::Arc;

use super::Evaluator;
use super::composite::{Composite, Shape};
use super::entry::{Entry, LEAF, Leaf, Life, Watch, after};
use super::index::Direction;
use super::line::Line;
use super::market::Market;
use super::signal::{RATIO_PLACES, Signal, Wait};
use super::types::{ArmError, Outcome, Phase, RuleId, RuleState, Side};
use super::value::Moment;
use crate::plan::{Comparison, Plan, Source, Threshold};
use crate::rule::{Operator, Repeat, Rule};
use crate::rules::MOST;
use crate::time::EventTime;
use rust_decimal::{Decimal, RoundingStrategy};

/// Names without rules whose last number is kept.
const MOST_IDLE: usize = 256;

impl Evaluator {
    /// Arms a rule, in place of the one with the same id. Without a stored state, or with one that waits, it is
    /// armed at the value its signal has now, and may fire at once if it is asked to; a rule with another
    /// state goes on from there.
    ///
    /// # Errors
    /// When a limit is reached; then the rule that had the id is gone.
    pub fn arm(
        &mut self,
        id: RuleId,
        revision: u32,
        rule: &Rule,
        state: Option<&RuleState>,
        out: &mut Outcome,
    ) -> Result<(), ArmError> {
        self.disarm(id);
        if self.by_id.len() >= self.limits.rules {
            return Err(ArmError::TooManyRules(self.limits.rules));
        }
        let plan = rule.condition.plan();
        self.check_limits(&plan)?;
        let line = match &plan {
            Plan::Threshold(threshold) => Line {
                value: threshold.value.normalize(),
                distance: distance_of(rule, &threshold.source),
                comparison: threshold.comparison,
            },
            // True or false: as a state.
            _ => Line {
                value: Decimal::ONE,
                distance: Decimal::ZERO,
                comparison: Comparison::Touching(Operator::Above),
            },
        };
        let entry = Entry {
            id,
            watch: Watch::Composite(u32::MAX),
            line,
            life: Life::Waiting,
            always: rule.repeat == Repeat::Always,
            fire_if_met: rule.fire_if_met,
            revision,
            cooldown: rule.cooldown_seconds,
            hold: rule.hold_seconds,
            since: i64::MIN,
            expires: rule.expires_at.map_or(i64::MAX, |time| time.0),
        };
        let slot = self.rules.insert(entry);
        self.by_id.insert(id, slot);
        let watch = match &plan {
            Plan::Threshold(threshold) => Watch::Signal(match &threshold.source {
                Source::Trailing(instrument, side, _) => {
                    let goes_on = state.is_some_and(|state| state.phase != Phase::Waiting);
                    self.follow(slot, goes_on.then_some(id), instrument, *side, out)
                }
                source => self.subscribe(source, out),
            }),
            Plan::Gap(instrument, seconds) => {
                let market = self.market_of(instrument);
                self.markets[market as usize].gaps.insert(slot);
                Watch::Gaps {
                    market,
                    seconds: *seconds,
                }
            }
            Plan::Silence(instrument, seconds) => Watch::Silence {
                market: self.market_of(instrument),
                seconds: *seconds,
            },
            Plan::All(_) | Plan::Any(_) => Watch::Composite(self.compose(slot, &plan, out)),
        };
        if let Some(entry) = self.rules.get_mut(slot) {
            entry.watch = watch;
        }
        self.go_on(slot, watch, state, out);
        Ok(())
    }

    /// Removes a rule; false if there is none with this id.
    pub fn disarm(&mut self, id: RuleId) -> bool {
        let Some(slot) = self.by_id.remove(&id) else {
            return false;
        };
        let mut ignored = std::mem::take(&mut self.ignored);
        // Out of every set and timer.
        self.enter(slot, Life::Expired, i64::MIN, &mut ignored);
        ignored.clear();
        self.ignored = ignored;
        let Some(entry) = self.rules.remove(slot) else {
            return false;
        };
        self.forget_guards(entry.watch);
        match entry.watch {
            Watch::Signal(signal) => self.unsubscribe(signal, slot),
            Watch::Composite(composite) => {
                let leaves = self.composites.get_mut(composite);
                let leaves = leaves.map_or_else(Box::default, |it| std::mem::take(&mut it.leaves));
                for leaf_slot in leaves {
                    self.unplace(leaf_slot);
                    if let Some(leaf) = self.leaves.remove(leaf_slot & !LEAF) {
                        self.unsubscribe(leaf.signal, leaf_slot);
                    }
                }
                self.composites.remove(composite);
            }
            Watch::Gaps { market, .. } => {
                self.markets[market as usize].gaps.remove(&slot);
            }
            Watch::Silence { market, .. } => {
                self.markets[market as usize].silent.remove(&slot);
            }
        }
        true
    }

    /// State of a rule that must be stored.
    #[must_use]
    pub fn state(&self, id: RuleId) -> Option<RuleState> {
        let slot = self.by_id.get(&id)?;
        let entry = self.rules.get(*slot)?;
        let (phase, side) = match entry.life {
            Life::Waiting => (Phase::Waiting, None),
            Life::Armed => (Phase::Armed, None),
            Life::Pending(Direction::Up) => (Phase::Pending, Some(Side::Up)),
            Life::Pending(Direction::Down) => (Phase::Pending, Some(Side::Down)),
            Life::Cooling | Life::Recheck | Life::Resting => (Phase::Resting, None),
            Life::Fired => (Phase::Fired, None),
            Life::Expired => (Phase::Expired, None),
        };
        Some(RuleState {
            phase,
            since: (entry.since != i64::MIN).then_some(EventTime(entry.since)),
            side,
            cause: self.pending.get(slot).cloned(),
        })
    }

    /// Every rule there is.
    pub fn ids(&self) -> impl Iterator<Item = RuleId> + '_ {
        self.by_id.keys().copied()
    }

    /// The life of a rule that has just got its slot.
    fn go_on(&mut self, slot: u32, watch: Watch, state: Option<&RuleState>, out: &mut Outcome) {
        let market = self.clock_of(watch);
        let now = market.map_or(i64::MIN, |market| self.markets[market as usize].now);
        let Some(entry) = self.rules.get(slot) else {
            return;
        };
        let (expires, line, cooldown) = (entry.expires, entry.line, entry.cooldown);
        let since = state.and_then(|state| state.since);
        let since = since.map_or(i64::MIN, |time| time.0);
        let phase = state.map_or(Phase::Waiting, |state| state.phase);
        if let Watch::Composite(composite) = watch
            && let Some(composite) = self.composites.get_mut(composite)
        {
            composite.is_new = phase == Phase::Waiting;
        }
        let over = matches!(phase, Phase::Fired | Phase::Expired);
        if !over && expires != i64::MAX {
            if expires <= now {
                self.enter(slot, Life::Expired, since, out);
                return;
            }
            if let Some(market) = market {
                self.markets[market as usize].timers.insert((expires, slot));
            }
        }
        match phase {
            Phase::Waiting => self.arm_now(slot, watch, now, out),
            Phase::Armed => self.enter(slot, Life::Armed, since, out),
            Phase::Pending => {
                let side = state.and_then(|state| state.side);
                let direction = match (line.direction(), side) {
                    (Some(direction), _) => direction,
                    (None, Some(Side::Down)) => Direction::Down,
                    (None, _) => Direction::Up,
                };
                if let Some(cause) = state.and_then(|state| state.cause.clone()) {
                    self.enter(slot, Life::Pending(direction), since, out);
                    self.pending.insert(slot, cause);
                } else {
                    self.enter(slot, Life::Armed, since, out);
                }
            }
            Phase::Resting => {
                let is_cooling = cooldown > 0 && after(since, cooldown) > now;
                let life = if is_cooling {
                    Life::Cooling
                } else {
                    self.resting(watch, &line)
                };
                self.enter(slot, life, since, out);
            }
            Phase::Fired => self.enter(slot, Life::Fired, since, out),
            Phase::Expired => self.enter(slot, Life::Expired, since, out),
        }
        self.forget_guards(watch);
    }

    /// The next trades of the markets that a rule depends on are looked at.
    fn forget_guards(&mut self, watch: Watch) {
        let mut forget = |signal: u32| {
            if let Some(signal) = self.signals.get(signal) {
                self.markets[signal.market as usize].guard.forget();
            }
        };
        match watch {
            Watch::Signal(signal) => forget(signal),
            Watch::Gaps { market, .. } | Watch::Silence { market, .. } => {
                self.markets[market as usize].guard.forget();
            }
            Watch::Composite(composite) => {
                let leaves = self.composites.get(composite);
                let leaves = leaves.map_or(&[][..], |it| &it.leaves);
                let leaves = leaves
                    .iter()
                    .filter_map(|slot| self.leaves.get(slot & !LEAF));
                leaves.for_each(|leaf| forget(leaf.signal));
            }
        }
    }

    /// State of a rule whose cooldown is over.
    pub(super) fn resting(&self, watch: Watch, line: &Line) -> Life {
        match (watch, line.direction()) {
            (Watch::Gaps { .. }, _) | (Watch::Signal(_), None) => Life::Armed,
            (Watch::Silence { .. }, _) => Life::Resting,
            (Watch::Signal(signal), Some(direction)) => {
                let signal = self.signals.get(signal);
                if signal.is_some_and(|it| it.is_at(line, Wait::Rearmed(direction))) {
                    Life::Recheck
                } else {
                    Life::Resting
                }
            }
            (Watch::Composite(composite), _) => match self.composites.get(composite) {
                Some(composite) if composite.met => Life::Resting,
                _ => Life::Armed,
            },
        }
    }

    /// Arms a rule at the value its signal has, or lets it wait for one.
    fn arm_now(&mut self, slot: u32, watch: Watch, now: i64, out: &mut Outcome) {
        if let Watch::Signal(signal) = watch
            && let Some(signal) = self.signals.get_mut(signal)
            && signal.last.is_none()
        {
            signal.waiting.insert(slot);
            if let Some(entry) = self.rules.get(slot) {
                out.changed.push(entry.id);
            }
            return;
        }
        if let Watch::Silence { market, seconds } = watch {
            let last = self.markets[market as usize].last_at;
            // What is silent already waits for a trade first, unless it is to fire at once.
            let asked = self.rules.get(slot).is_some_and(|entry| entry.fire_if_met);
            let is_met = after(last, seconds) <= now;
            let life = if last == i64::MIN || is_met && !asked {
                Life::Waiting
            } else {
                Life::Armed
            };
            self.enter(slot, life, last, out);
            return;
        }
        let event = self
            .clock_of(watch)
            .and_then(|market| self.last_event(market));
        self.begin(slot, event.as_ref(), now, out);
    }

    /// The signal of a source, with one more user.
    pub(super) fn subscribe(&mut self, source: &Source, out: &mut Outcome) -> u32 {
        let slot = match self.by_source.get(source) {
            Some(slot) => *slot,
            None => self.add_signal(source),
        };
        if let Some(signal) = self.signals.get_mut(slot) {
            signal.users += 1;
        }
        // What passed quietly has moved it, too.
        let market = self.signals.get(slot).map(|signal| signal.market);
        if let Some(market) = market {
            self.markets[market as usize].fold();
        }
        let restored = market.and_then(|market| self.markets[market as usize].restored.as_ref());
        let moment = match self.signals.get(slot) {
            // It goes on without a value until there is the next trade.
            Some(_) if restored.and_then(|it| it.value_of(source)) == Some(None) => return slot,
            Some(signal) if signal.last.is_none() => Moment::Start,
            _ => Moment::Before,
        };
        if let Some(number) = self.value(slot, moment) {
            self.start_signal(slot, number, out);
        }
        slot
    }

    fn add_signal(&mut self, source: &Source) -> u32 {
        let market = match (source.home(), source) {
            (Some(instrument), _) => self.market_of(instrument),
            (None, Source::Outside(name)) => self.market_of_name(name),
            (None, _) => self.add_market(None),
        };
        let mut signal = Signal::new(source.clone(), market);
        let restored = self.markets[market as usize].restored.as_ref();
        if let Some(Some(number)) = restored.and_then(|it| it.value_of(source)) {
            signal.start(number);
        }
        let slot = self.signals.insert(signal);
        self.by_source.insert(source.clone(), slot);
        self.markets[market as usize].signals.push(slot);
        self.markets[market as usize].keep(source);
        if let Source::Spread(_, against, _) = source {
            let against = self.market_of(against);
            self.markets[against as usize].dependents.push(slot);
            self.markets[against as usize].guard.forget();
        }
        slot
    }

    /// Takes a user off a signal, which goes with the last one.
    pub(super) fn unsubscribe(&mut self, slot: u32, user: u32) {
        let Some(signal) = self.signals.get_mut(slot) else {
            return;
        };
        signal.waiting.remove(&user);
        signal.recheck.remove(&user);
        signal.users -= 1;
        let (users, market) = (signal.users, signal.market);
        if let Source::Trailing(_, _, group) = signal.source {
            self.unfollow(market, group, user);
        }
        if users > 0 {
            return;
        }
        if let Some(signal) = self.signals.remove(slot) {
            self.by_source.remove(&signal.source);
            let market = &mut self.markets[signal.market as usize];
            market.signals.retain(|other| *other != slot);
            if let Some(restored) = &mut market.restored {
                restored
                    .signals
                    .retain(|(other, _)| *other != signal.source);
            }
            let left = market.signals.iter();
            let used: Vec<Source> = left
                .filter_map(|slot| self.signals.get(*slot))
                .map(|signal| signal.source.clone())
                .collect();
            market.drop_unused(used.iter());
            if let Source::Outside(name) = &signal.source {
                self.idle.push_back(Arc::clone(name));
                self.forget_names();
            }
            if let Source::Spread(_, against, _) = &signal.source {
                let against = self.market_of(against);
                let dependents = &mut self.markets[against as usize].dependents;
                dependents.retain(|other| *other != slot);
                self.markets[against as usize].guard.forget();
            }
        }
    }

    /// Forgets the oldest of many names that no rule is about: a rule that is edited finds its number again.
    fn forget_names(&mut self) {
        while self.idle.len() > MOST_IDLE {
            let Some(name) = self.idle.pop_front() else {
                return;
            };
            let market = self.by_name.get(&name).copied();
            if let Some(market) = market
                && self.markets[market as usize].signals.is_empty()
            {
                self.by_name.remove(&name);
                self.markets[market as usize] = Market::new(None);
                self.free_markets.push(market);
            }
        }
    }

    /// Makes a composite of a plan, and lets its parts wait.
    #[allow(clippy::cast_possible_truncation, reason = "at most eight parts")]
    fn compose(&mut self, rule: u32, plan: &Plan, out: &mut Outcome) -> u32 {
        let (shape, parts) = Shape::of(plan);
        let composite = self.composites.insert(Composite {
            slot: rule,
            leaves: Box::default(),
            truth: 0,
            met: false,
            is_new: true,
            shape,
        });
        let mut leaves = Vec::with_capacity(parts.len());
        let mut truth = 0_u8;
        for (at, part) in parts.into_iter().enumerate() {
            let Plan::Threshold(Threshold {
                source,
                comparison,
                value,
            }) = part
            else {
                continue;
            };
            let signal_slot = self.subscribe(source, out);
            let leaf = Leaf {
                value: value.normalize(),
                comparison: *comparison,
                bit: 1_u8.unbounded_shl(at as u32),
                signal: signal_slot,
                composite,
            };
            let (line, bit) = (leaf.line(), leaf.bit);
            let slot = self.leaves.insert(leaf) | LEAF;
            leaves.push(slot);
            if let Some(signal) = self.signals.get_mut(signal_slot) {
                if signal.last.is_none() {
                    signal.waiting.insert(slot);
                } else if signal.is_at(&line, Wait::Met) {
                    truth |= bit;
                }
            }
        }
        if let Some(it) = self.composites.get_mut(composite) {
            it.leaves = leaves.clone().into();
            it.truth = truth;
            it.met = it.shape.is_met(truth);
        }
        for slot in leaves {
            let is_waiting = self.leaves.get(slot & !LEAF).is_some_and(|leaf| {
                let signal = self.signals.get(leaf.signal);
                signal.is_some_and(|signal| signal.waiting.contains(&slot))
            });
            if !is_waiting {
                self.place(slot);
            }
        }
        composite
    }

    /// Refuses a rule whose instrument has as many signals as are kept.
    fn check_limits(&self, plan: &Plan) -> Result<(), ArmError> {
        let most = self.limits.signals_per_instrument;
        for source in plan.sources() {
            if self.by_source.contains_key(source) {
                continue;
            }
            let Some(instrument) = source.home() else {
                continue;
            };
            let market = self.by_instrument.get(instrument);
            let count = market.map_or(0, |it| self.markets[*it as usize].signals.len());
            if count >= most {
                return Err(ArmError::TooManySignals(instrument.to_string(), most));
            }
        }
        Ok(())
    }
}

/// The hysteresis in the unit of a signal: of ratios, no finer than their keys.
fn distance_of(rule: &Rule, source: &Source) -> Decimal {
    let distance = rule.hysteresis.unwrap_or_default();
    if source.is_ratio() {
        let up = RoundingStrategy::ToPositiveInfinity;
        let distance = distance.round_dp_with_strategy(RATIO_PLACES, up);
        return distance.min(MOST).normalize();
    }
    distance.normalize()
}
