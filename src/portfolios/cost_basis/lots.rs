//! Lots in the order in which a method takes them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::cost_basis::marks::Stock;
use crate::cost_basis::walk::Books;
use crate::cost_basis::{LotName, Method, OpenLot, Piece};
use crate::ledger::{Acquisition, Place};
use crate::money::Money;
use crate::transaction::NamedLot;

/// Where a lot stands in its place's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    /// Cost a unit of a HIFO lot: cost and quantity; none if unknown.
    unit: Option<(Money, i128)>,
    acquired: Acquisition,
    sequence: u32,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let dearer = match (self.unit, other.unit) {
            (Some(unit), Some(other)) => other.0.cmp_per_unit(other.1, unit.0, unit.1),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        dearer
            .then_with(|| self.acquired.cmp(&other.acquired))
            .then_with(|| self.sequence.cmp(&other.sequence))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The lots of every place.
#[derive(Debug, Clone)]
pub(super) struct Lots {
    method: Method,
    places: HashMap<Place, BTreeMap<Key, Piece>>,
    /// None until a lot is named: most portfolios name none.
    named: Option<Named>,
}

/// The lots that each transaction acquired, for those who name them. What was noted before a copy was
/// taken is shared with it.
#[derive(Debug, Clone, Default)]
struct Named {
    before: Vec<Arc<HashMap<u32, Vec<Key>>>>,
    since: HashMap<u32, Vec<Key>>,
}

/// Shared parts before they are made one.
const MOST_PARTS: usize = 64;

impl Named {
    /// Notes every lot that there is.
    fn of_all(places: &HashMap<Place, BTreeMap<Key, Piece>>) -> Self {
        let mut named = Self::default();
        for (key, piece) in places.values().flatten() {
            if let LotName::Transaction(transaction) = piece.lot {
                named.note(transaction, *key);
            }
        }
        named
    }

    /// Notes a lot. One that moved may be noted again, which does no harm.
    fn note(&mut self, transaction: u32, key: Key) {
        let keys = self.since.entry(transaction).or_default();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }

    fn of(&self, transaction: u32) -> impl Iterator<Item = &Key> {
        let before = self.before.iter().map(Arc::as_ref);
        let parts = before.chain([&self.since]);
        parts
            .filter_map(move |part| part.get(&transaction))
            .flatten()
    }

    /// Makes what was noted so far cheap to copy.
    fn share(&mut self) {
        if self.since.is_empty() {
            return;
        }
        if self.before.len() == MOST_PARTS {
            self.before.push(Arc::new(std::mem::take(&mut self.since)));
            for part in std::mem::take(&mut self.before) {
                for (&transaction, keys) in part.iter() {
                    keys.iter().for_each(|key| self.note(transaction, *key));
                }
            }
        }
        self.before.push(Arc::new(std::mem::take(&mut self.since)));
    }
}

impl Lots {
    pub(super) fn new(method: Method) -> Self {
        Self {
            method,
            places: HashMap::new(),
            named: None,
        }
    }
}

impl Lots {
    /// Every lot, place by place, in the order in which they are taken.
    pub(super) fn open(&self) -> Vec<OpenLot> {
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort_by_key(|(place, _)| **place);
        let lots = places.into_iter().flat_map(|(place, lots)| {
            let mut lots: Vec<OpenLot> = lots
                .values()
                .map(|piece| OpenLot {
                    asset: place.asset,
                    account: Some(place.account),
                    lot: piece.lot,
                    acquired: Some(piece.acquired.day),
                    quantity: piece.quantity,
                    cost: piece.cost,
                })
                .collect();
            if self.method == Method::Lifo {
                lots.reverse();
            }
            lots
        });
        lots.collect()
    }
}

impl Books for Lots {
    fn stock(&mut self) -> Stock {
        if let Some(named) = &mut self.named {
            named.share();
        }
        Stock::Lots(self.clone())
    }

    fn names_lots(&self) -> bool {
        self.method == Method::Specific
    }

    fn count(&self) -> usize {
        self.places.values().map(BTreeMap::len).sum()
    }

    fn put(&mut self, place: Place, piece: Piece) {
        let unit = piece
            .cost
            .filter(|_| self.method == Method::Hifo)
            .map(|_| piece.unit);
        let key = Key {
            unit,
            acquired: piece.acquired,
            sequence: piece.sequence,
        };
        if let (Some(named), LotName::Transaction(transaction)) = (&mut self.named, piece.lot) {
            named.note(transaction, key);
        }
        self.places
            .entry(place)
            .or_default()
            .entry(key)
            .and_modify(|lot| {
                lot.quantity += piece.quantity;
                lot.cost = lot.cost.zip(piece.cost).map(|(a, b)| a + b);
            })
            .or_insert(piece);
    }

    fn take_named(
        &mut self,
        place: Place,
        transaction: u32,
        wanted: &NamedLot,
        taken: &mut Vec<Piece>,
    ) -> i128 {
        let mut left = wanted.quantity.atoms();
        let places = &mut self.places;
        let named = self.named.get_or_insert_with(|| Named::of_all(places));
        let Some(lots) = places.get_mut(&place) else {
            return left;
        };
        let mut keys: Vec<Key> = named.of(transaction).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            if left > 0
                && let Some(lot) = lots.get_mut(&key)
            {
                let piece = split(lot, left);
                left -= piece.quantity;
                taken.push(piece);
                if lot.quantity == 0 {
                    lots.remove(&key);
                }
            }
        }
        left
    }

    fn take(&mut self, place: Place, quantity: i128, taken: &mut Vec<Piece>) -> i128 {
        let mut left = quantity;
        let Some(lots) = self.places.get_mut(&place) else {
            return left;
        };
        while left > 0 {
            let entry = if self.method == Method::Lifo {
                lots.last_entry()
            } else {
                lots.first_entry()
            };
            let Some(mut entry) = entry else {
                break;
            };
            let piece = if entry.get().quantity <= left {
                entry.remove()
            } else {
                split(entry.get_mut(), left)
            };
            left -= piece.quantity;
            taken.push(piece);
        }
        left
    }

    fn holdings(&self) -> Vec<(Place, i128, Money, i128)> {
        let sum = |lots: &BTreeMap<Key, Piece>| {
            let mut sums = (0, Money::ZERO, 0);
            for lot in lots.values() {
                sums.0 += lot.quantity;
                match lot.cost {
                    Some(cost) => sums.1 += cost,
                    None => sums.2 += lot.quantity,
                }
            }
            sums
        };
        self.places
            .iter()
            .map(|(&place, lots)| {
                let (quantity, basis, unknown) = sum(lots);
                (place, quantity, basis, unknown)
            })
            .collect()
    }
}

/// Takes a part of a lot, at most all of it. The last part takes the cost that is left.
fn split(lot: &mut Piece, quantity: i128) -> Piece {
    let quantity = quantity.min(lot.quantity);
    let cost = lot
        .cost
        .map(|cost| cost.share(quantity, lot.quantity).unwrap_or(cost));
    lot.quantity -= quantity;
    lot.cost = lot.cost.zip(cost).map(|(all, part)| all - part);
    Piece {
        quantity,
        cost,
        ..*lot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Day;

    #[test]
    fn noted_lots_are_found_however_often_they_were_shared() {
        let key = |sequence| Key {
            unit: None,
            acquired: Acquisition {
                moment: (0, 0),
                day: Day(1),
            },
            sequence,
        };
        let mut named = Named::default();
        let mut copies = Vec::new();
        for number in 0..200 {
            named.note(number, key(number));
            named.note(number, key(1_000 + number));
            named.share();
            copies.push(named.clone());
        }
        for (last, copy) in (0..).zip(&copies) {
            assert!(copy.before.len() <= MOST_PARTS + 1);
            let of = |number| copy.of(number).map(|key| key.sequence).collect::<Vec<_>>();
            assert_eq!(of(0), [0, 1_000]);
            assert_eq!(of(last), [last, 1_000 + last]);
            assert!(of(last + 1).is_empty());
        }
    }
}
