//! Holdings while transactions are booked: never below zero. An asset that left without ever having come was there
//! before: money is an implied deposit, coins a flow of that worth.

use crate::decimal::{Decimal, WHOLE_DIGITS};
use crate::ledger::post::Poster;
use crate::ledger::{Acquisition, AssetId, Dated, Day, LedgerError, Place};
use crate::money::Money;
use crate::transaction::Transaction;

impl<'a> Poster<'a> {
    /// Money of another currency that is paid without ever having been deposited: the deposit is implied,
    /// at the value of what it pays for.
    pub(super) fn imply_money(
        &mut self,
        index: u32,
        row: &'a Transaction,
        place: Place,
        quantity: i128,
        value: Option<Money>,
        day: Day,
    ) -> Result<(), LedgerError> {
        if !self.booked.money[place.asset.0 as usize] {
            return Ok(());
        }
        let held = self.booked.foreign.get(&place).copied().unwrap_or_default();
        let missing = quantity - held;
        if missing > 0 {
            let worth = value.and_then(|value| value.share(missing, quantity));
            let moment = (row.time.timestamp(), row.time.timestamp_subsec_nanos());
            let acquired = Acquisition { moment, day };
            let asset = place.asset;
            self.acquire(index, row, asset, missing, worth, acquired, true)?;
            match worth {
                Some(amount) => {
                    let dated = Dated {
                        transaction: index,
                        day,
                        amount,
                    };
                    self.booked.totals.contributed.push(dated);
                    self.booked.totals.flows.push(dated);
                    self.booked.totals.implied.push(dated);
                }
                None => self.booked.totals.unvalued_flows.push(day),
            }
        }
        *self.booked.foreign.entry(place).or_default() -= quantity;
        Ok(())
    }

    pub(super) fn move_foreign(&mut self, place: Place, row: &Transaction, quantity: i128) {
        if let Some(to) = row.to_account.as_deref()
            && self.booked.money[place.asset.0 as usize]
        {
            let account = self.account_id(to);
            let to = Place { account, ..place };
            *self.booked.foreign.entry(to).or_default() += quantity;
        }
    }

    /// Money of the base currency that purchases took and no deposit brought: the deposit is implied.
    pub(super) fn imply_cash(&mut self, index: u32, day: Day) {
        let base = self.booked.base;
        let cash = &mut self.booked.held[base.0 as usize];
        if *cash < 0 {
            let quantity = -*cash;
            *cash = 0;
            let amount = Money::from_atoms(quantity);
            let dated = Dated {
                transaction: index,
                day,
                amount,
            };
            let totals = &mut self.booked.totals;
            totals.contributed.push(dated);
            totals.flows.push(dated);
            totals.implied.push(dated);
            totals.change(day, base, quantity);
        }
    }

    /// Base currency comes or goes; it may be below zero within a transaction.
    pub(super) fn cash(
        &mut self,
        row: &Transaction,
        quantity: i128,
        day: Day,
    ) -> Result<(), LedgerError> {
        let asset = self.booked.base;
        let held = fits(self.booked.held(asset), quantity);
        self.booked.held[asset.0 as usize] = held.ok_or_else(|| too_much(row, self.currency()))?;
        self.booked.totals.change(day, asset, quantity);
        Ok(())
    }

    pub(super) fn come(
        &mut self,
        row: &Transaction,
        asset: AssetId,
        quantity: i128,
        day: Day,
    ) -> Result<(), LedgerError> {
        let held = fits(self.booked.held(asset), quantity);
        self.booked.held[asset.0 as usize] =
            held.ok_or_else(|| too_much(row, self.asset_name(asset)))?;
        self.booked.totals.change(day, asset, quantity);
        Ok(())
    }

    /// An asset leaves. What the portfolio does not have came from outside without being written down: a
    /// flow of that worth, so that performance does not show it as a gain.
    pub(super) fn leave(
        &mut self,
        index: u32,
        row: &Transaction,
        asset: AssetId,
        quantity: i128,
        value: Option<Money>,
        day: Day,
    ) -> Result<(), LedgerError> {
        let held = &mut self.booked.held[asset.0 as usize];
        let there = quantity.min(*held);
        *held -= there;
        let missing = quantity - there;
        if there > 0 {
            let quantity = -there;
            self.booked.totals.change(day, asset, quantity);
        }
        if missing > 0 {
            match value {
                Some(value) => {
                    let amount = value
                        .share(missing, quantity)
                        .ok_or_else(|| too_much(row, self.asset_name(asset)))?;
                    let dated = Dated {
                        transaction: index,
                        day,
                        amount,
                    };
                    self.booked.totals.flows.push(dated);
                }
                None => self.booked.totals.unvalued_flows.push(day),
            }
        }
        Ok(())
    }
}

/// The sum, if it stays below 10²⁰.
fn fits(held: i128, quantity: i128) -> Option<i128> {
    Decimal::from_atoms(held.checked_add(quantity)?).map(Decimal::atoms)
}

fn too_much(row: &Transaction, asset: &str) -> LedgerError {
    let message = format!(
        "holdings of {asset} would have more than {WHOLE_DIGITS} digits before the point: more than can be kept exactly"
    );
    LedgerError::of(row, message)
}
