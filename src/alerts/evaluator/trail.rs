//! Trails: the highest or lowest price since rules were armed. Rules with the same one share a group, which is a
//! signal like others; a price that goes beyond those of several groups makes them one.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::Evaluator;
use super::entry::Watch;
use super::market::Market;
use super::state::TrailState;
use super::types::{Outcome, RuleId, Side};
use crate::input::Instrument;
use crate::plan::Source;

/// A group of rules.
#[derive(Debug)]
pub(super) struct Trail {
    group: u32,
    signal: u32,
    /// Down for those that wait for a fall from the highest.
    side: Side,
    /// None until there was a trade.
    extreme: Option<Decimal>,
    rules: BTreeSet<u32>,
}

impl Market {
    /// The highest or lowest price that a group follows.
    pub(super) fn extreme_of(&self, group: u32) -> Option<Decimal> {
        let trail = self.trails.iter().find(|trail| trail.group == group)?;
        trail.extreme
    }

    /// Takes a price into account that is about to be judged.
    pub(super) fn follow(&mut self, price: Decimal) {
        for trail in &mut self.trails {
            let is_beyond = trail.extreme.is_none_or(|extreme| match trail.side {
                Side::Down => extreme < price,
                Side::Up => price < extreme,
            });
            if is_beyond {
                trail.extreme = Some(price);
            }
        }
    }
}

impl Evaluator {
    /// The signal of a rule that follows the price from now on; of one that goes on from its stored state, from
    /// where it was.
    pub(super) fn follow(
        &mut self,
        slot: u32,
        stored: Option<RuleId>,
        instrument: &Instrument,
        side: Side,
        out: &mut Outcome,
    ) -> u32 {
        let at = self.market_of(instrument);
        let market = &mut self.markets[at as usize];
        let restored = market.restored.as_ref().zip(stored);
        let restored = restored.and_then(|(restored, id)| {
            let mut trails = restored.trails.iter();
            trails.find(|it| it.side == side && it.rules.binary_search(&id).is_ok())
        });
        let extreme = match (restored, market.last) {
            (Some(restored), _) => Some(restored.extreme),
            (None, last) => last.map(|last| last.price),
        };
        let mut trails = market.trails.iter();
        let found = trails.find(|it| it.side == side && it.extreme == extreme);
        let group = if let Some(trail) = found {
            trail.group
        } else {
            self.last_group += 1;
            market.trails.push(Trail {
                group: self.last_group,
                signal: u32::MAX,
                side,
                extreme,
                rules: BTreeSet::new(),
            });
            self.last_group
        };
        let signal = self.subscribe(&Source::Trailing(instrument.clone(), side, group), out);
        let trails = &mut self.markets[at as usize].trails;
        if let Some(trail) = trails.iter_mut().find(|trail| trail.group == group) {
            trail.signal = signal;
            trail.rules.insert(slot);
        }
        signal
    }

    /// Takes a rule out of its group; the group goes with its last signal's user.
    pub(super) fn unfollow(&mut self, market: u32, group: u32, rule: u32) {
        let trails = &mut self.markets[market as usize].trails;
        if let Some(trail) = trails.iter_mut().find(|trail| trail.group == group) {
            trail.rules.remove(&rule);
        }
        trails.retain(|trail| !trail.rules.is_empty());
    }

    /// Makes one group of those that a trade brought to the same price.
    pub(super) fn merge_trails(&mut self, market: u32, price: Decimal) {
        for side in [Side::Down, Side::Up] {
            let trails = self.markets[market as usize].trails.iter();
            let here = trails.filter(|it| it.side == side && it.extreme == Some(price));
            let mut here: Vec<&Trail> = here.collect();
            // Each rule moves into a group twice as large, so not often.
            here.sort_by_key(|trail| trail.rules.len());
            let Some(largest) = here.pop() else {
                continue;
            };
            let (into, group) = (largest.signal, largest.group);
            let moving: Vec<(u32, u32)> = here
                .iter()
                .flat_map(|trail| trail.rules.iter().map(|rule| (trail.signal, *rule)))
                .collect();
            for (from, rule) in moving {
                self.unplace(rule);
                if let Some(entry) = self.rules.get_mut(rule) {
                    entry.watch = Watch::Signal(into);
                }
                if let Some(signal) = self.signals.get_mut(into) {
                    signal.users += 1;
                }
                self.unsubscribe(from, rule);
                self.place(rule);
                let trails = &mut self.markets[market as usize].trails;
                if let Some(trail) = trails.iter_mut().find(|trail| trail.group == group) {
                    trail.rules.insert(rule);
                }
            }
        }
    }

    /// The groups of an instrument, to be stored.
    pub(super) fn trail_states(&self, market: u32) -> Vec<TrailState> {
        let trails = self.markets[market as usize].trails.iter();
        let states = trails.filter_map(|trail| {
            let rules = trail.rules.iter();
            let mut rules: Vec<RuleId> = rules
                .filter_map(|slot| Some(self.rules.get(*slot)?.id))
                .collect();
            rules.sort_unstable();
            Some(TrailState {
                side: trail.side,
                extreme: trail.extreme?,
                rules,
            })
        });
        states.collect()
    }
}
