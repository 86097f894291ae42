//! Fees: what each is worth, and what becomes of it. A fee of a trade joins the cost or lowers the
//! proceeds; every other fee is nobody's cost. A fee in kind is a disposal of that coin as well.

use crate::ledger::post::Poster;
use crate::ledger::{Action, AssetId, Cause, Day, FeesInKind, LedgerError};
use crate::money::Money;
use crate::transaction::{Leg, Transaction};

/// A fee with its value.
pub(super) struct ValuedFee<'a> {
    leg: &'a Leg,
    asset: AssetId,
    value: Option<Money>,
}

/// The fees of a transaction.
pub(super) struct ValuedFees<'a> {
    fees: Vec<ValuedFee<'a>>,
    /// Amount that they add to the cost or take from the proceeds.
    pub(super) deductible: Money,
}

impl<'a> Poster<'a> {
    /// Values the fees of a transaction. One in an asset of the trade is worth what the trade says.
    pub(super) fn fees(
        &mut self,
        index: u32,
        row: &'a Transaction,
        sides: [(Option<&Leg>, Option<Money>); 2],
        day: Day,
    ) -> Result<ValuedFees<'a>, LedgerError> {
        let mut fees = Vec::with_capacity(row.fees.len());
        let mut deductible = Money::ZERO;
        for leg in &row.fees {
            let asset = self.asset_id(&leg.asset);
            let value = self.fee_value(row, leg, sides, day)?;
            match value {
                Some(value) => {
                    self.add_fee(index, day, value);
                    let at_cost = asset != self.base() && self.policy() == FeesInKind::AtCost;
                    if !at_cost {
                        deductible += value;
                    }
                }
                None => self.missing_price(index, asset, day),
            }
            fees.push(ValuedFee { leg, asset, value });
        }
        Ok(ValuedFees { fees, deductible })
    }

    fn fee_value(
        &mut self,
        row: &Transaction,
        fee: &Leg,
        sides: [(Option<&Leg>, Option<Money>); 2],
        day: Day,
    ) -> Result<Option<Money>, LedgerError> {
        if fee.asset == self.currency() {
            return Ok(Some(fee.quantity.into()));
        }
        if let Some(value) = fee.value {
            return Ok(Some(value.into()));
        }
        for (leg, value) in sides {
            if let (Some(leg), Some(value)) = (leg, value)
                && leg.asset == fee.asset
            {
                let share = value.share(fee.quantity.atoms(), leg.quantity.atoms());
                return match share {
                    Some(share) => Ok(Some(share)),
                    None => Err(LedgerError::of(
                        row,
                        format!(
                            "a fee of {} {} is worth more than can be kept exactly (below 10^30)",
                            fee.quantity, fee.asset
                        ),
                    )),
                };
            }
        }
        self.at_price(row, fee, day)
    }

    /// Takes the fees out of the holdings.
    pub(super) fn pay_fees(
        &mut self,
        index: u32,
        row: &'a Transaction,
        fees: &ValuedFees<'a>,
        of_trade: bool,
        day: Day,
    ) -> Result<(), LedgerError> {
        for fee in &fees.fees {
            let quantity = fee.leg.quantity.atoms();
            if let (Some(value), false) = (fee.value, of_trade)
                && (fee.asset == self.base() || self.policy() == FeesInKind::Dispose)
            {
                self.add_other_fee(index, day, value);
            }
            if fee.asset == self.base() {
                self.cash(row, -quantity, day)?;
                continue;
            }
            let place = self.place(fee.asset, &row.account);
            self.imply_money(index, row, place, quantity, fee.value, day)?;
            let action = match self.policy() {
                FeesInKind::Dispose => Action::Dispose {
                    place,
                    quantity,
                    proceeds: fee.value,
                    cause: if of_trade {
                        Cause::TradeFee
                    } else {
                        Cause::OtherFee
                    },
                },
                FeesInKind::AtCost => Action::Remove {
                    place,
                    quantity,
                    as_fee: true,
                },
            };
            self.post(index, day, action);
            self.leave(index, row, fee.asset, quantity, fee.value, day)?;
        }
        Ok(())
    }
}
