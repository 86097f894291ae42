//! Pools: an asset's whole quantity with its whole cost, of which a disposal takes its share.

use std::collections::HashMap;

use crate::cost_basis::marks::Stock;
use crate::cost_basis::walk::Books;
use crate::cost_basis::{LotName, Piece, scaled};
use crate::ledger::Place;
use crate::money::Money;
use crate::transaction::NamedLot;

/// A pool. What has a known cost and what has none are taken in the same proportion.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pool {
    /// The quantity with a known cost.
    pub(super) known: i128,
    /// Its cost.
    pub(super) cost: Money,
    /// The quantity without one.
    pub(super) unknown: i128,
}

impl Pool {
    pub(super) fn add(&mut self, quantity: i128, cost: Option<Money>) {
        match cost {
            Some(cost) => {
                self.known += quantity;
                self.cost += cost;
            }
            None => self.unknown += quantity,
        }
    }

    pub(super) const fn quantity(&self) -> i128 {
        self.known + self.unknown
    }

    /// Takes a quantity, at most all.
    pub(super) fn take(&mut self, quantity: i128) -> Self {
        let all = self.quantity();
        let quantity = quantity.min(all);
        let unknown = scaled(self.unknown, quantity, all);
        let known = quantity - unknown;
        let cost = self.cost.share(known, self.known).unwrap_or_default();
        self.known -= known;
        self.unknown -= unknown;
        self.cost -= cost;
        Self {
            known,
            cost,
            unknown,
        }
    }
}

/// The pool of every place, and when what is in it was last added to.
#[derive(Debug, Clone, Default)]
pub(super) struct Pools {
    places: HashMap<Place, (Pool, Option<Piece>)>,
}

impl Books for Pools {
    fn stock(&mut self) -> Stock {
        Stock::Pools(self.clone())
    }

    fn count(&self) -> usize {
        self.places.len()
    }

    fn put(&mut self, place: Place, piece: Piece) {
        let (pool, newest) = self.places.entry(place).or_default();
        pool.add(piece.quantity, piece.cost);
        *newest = Some(piece);
    }

    fn take_named(&mut self, _: Place, _: u32, _: &NamedLot, _: &mut Vec<Piece>) -> i128 {
        0
    }

    fn take(&mut self, place: Place, quantity: i128, taken: &mut Vec<Piece>) -> i128 {
        let Some((pool, Some(newest))) = self.places.get_mut(&place) else {
            return quantity;
        };
        let part = pool.take(quantity);
        let piece = Piece {
            lot: LotName::Average,
            ..*newest
        };
        if part.known > 0 {
            taken.push(Piece {
                quantity: part.known,
                cost: Some(part.cost),
                ..piece
            });
        }
        if part.unknown > 0 {
            taken.push(Piece {
                quantity: part.unknown,
                cost: None,
                ..piece
            });
        }
        quantity - part.quantity()
    }

    fn holdings(&self) -> Vec<(Place, i128, Money, i128)> {
        self.places
            .iter()
            .map(|(&place, (pool, _))| (place, pool.quantity(), pool.cost, pool.unknown))
            .collect()
    }
}
