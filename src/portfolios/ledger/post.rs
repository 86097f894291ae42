//! The booking of each kind of transaction.

use chrono_tz::Tz;

use crate::decimal::Decimal;
use crate::ledger::{
    AccountId, Acquisition, Action, AssetId, Booked, Cause, Dated, Day, FeesInKind, Flag,
    LedgerError, Place, Posting, PriceUse, Problem, day_in,
};
use crate::money::Money;
use crate::prices::Prices;
use crate::transaction::{Acquired, Kind, Leg, Transaction};

/// Books transactions, one after the other.
pub(crate) struct Poster<'a> {
    rows: &'a [Transaction],
    timezone: Tz,
    prices: &'a Prices,
    pub(super) booked: &'a mut Booked,
    /// The transaction that is being booked.
    current: u32,
}

impl<'a> Poster<'a> {
    pub(crate) const fn new(
        rows: &'a [Transaction],
        timezone: Tz,
        prices: &'a Prices,
        booked: &'a mut Booked,
    ) -> Self {
        Self {
            rows,
            timezone,
            prices,
            booked,
            current: 0,
        }
    }

    /// Books the transactions of these numbers, which are in order of time. Before the first of each day
    /// `at` is called with its number and its day.
    pub(crate) fn run(
        mut self,
        order: impl IntoIterator<Item = u32>,
        mut at: impl FnMut(&Booked, u32, Day),
    ) -> Result<(), LedgerError> {
        for index in order {
            let row = &self.rows[index as usize];
            let moment = (row.time.timestamp(), row.time.timestamp_subsec_nanos());
            let day = day_in(self.timezone, moment.0, moment.1);
            if self.booked.totals.last_day != Some(day) {
                at(self.booked, index, day);
            }
            self.current = index;
            self.booked.number(row);
            self.booked.totals.first_day.get_or_insert(day);
            self.booked.totals.last_day = Some(day);
            self.book(index, row, Acquisition { moment, day })?;
            self.imply_cash(index, day);
        }
        self.booked.totals.cash = self.booked.held[self.booked.base.0 as usize];
        Ok(())
    }

    fn book(
        &mut self,
        index: u32,
        row: &'a Transaction,
        now: Acquisition,
    ) -> Result<(), LedgerError> {
        match (row.kind, &row.sent, &row.received) {
            (Kind::Buy | Kind::Sell | Kind::Swap, Some(sent), Some(received)) => {
                self.book_trade(index, row, sent, received, now)
            }
            (Kind::Migration, Some(sent), Some(received)) => {
                self.book_migration(index, row, sent, received, now)
            }
            (kind, Some(sent), None) => self.book_out(index, row, kind, sent, now),
            (kind, None, Some(received)) => self.book_in(index, row, kind, received, now),
            (kind, ..) => Err(LedgerError::of(row, format!("a {kind} has other legs"))),
        }
    }

    fn book_trade(
        &mut self,
        index: u32,
        row: &'a Transaction,
        sent: &'a Leg,
        received: &'a Leg,
        now: Acquisition,
    ) -> Result<(), LedgerError> {
        let day = now.day;
        let values = self.trade(row, sent, received, day)?;
        let (given, got) = (values.given, values.got);
        if given.is_none() {
            self.missing_price(index, self.asset_id(&received.asset), day);
        }
        if let (Some(given), Some(got)) = (given, got)
            && given != got
        {
            let amount = given - got;
            let dated = Dated {
                transaction: index,
                day,
                amount,
            };
            self.booked.totals.swap_differences.push(dated);
        }
        let sides = [(Some(sent), given), (Some(received), given)];
        let fees = self.fees(index, row, sides, day)?;
        let (add, deduct) = if row.kind == Kind::Buy {
            (fees.deductible, Money::ZERO)
        } else {
            (Money::ZERO, fees.deductible)
        };
        let (from, to) = (self.asset_id(&sent.asset), self.asset_id(&received.asset));
        let quantity = sent.quantity.atoms();
        if from == self.base() {
            self.cash(row, -quantity, day)?;
        } else {
            let place = self.place(from, &row.account);
            self.imply_money(index, row, place, quantity, got, day)?;
            let proceeds = got.map(|got| got - deduct);
            let cause = if row.kind == Kind::Sell {
                Cause::Sale
            } else {
                Cause::Swap
            };
            self.post(
                index,
                day,
                Action::Dispose {
                    place,
                    quantity,
                    proceeds,
                    cause,
                },
            );
            self.leave(index, row, from, quantity, got, day)?;
        }
        let quantity = received.quantity.atoms();
        if to == self.base() {
            self.cash(row, quantity, day)?;
        } else {
            // With proceeds in money of another currency, the fee has lowered the proceeds.
            let cost = given.map(|given| given + add);
            self.acquire(index, row, to, quantity, cost, now, false)?;
        }
        self.pay_fees(index, row, &fees, true, day)
    }

    fn book_migration(
        &mut self,
        index: u32,
        row: &'a Transaction,
        sent: &'a Leg,
        received: &'a Leg,
        now: Acquisition,
    ) -> Result<(), LedgerError> {
        let (old, new) = (self.asset_id(&sent.asset), self.asset_id(&received.asset));
        if old == self.base() || new == self.base() {
            let message = "the currency of the file cannot migrate: use buy or sell";
            return Err(LedgerError::of(row, message));
        }
        let fees = self.fees(index, row, [(None, None); 2], now.day)?;
        let action = Action::Migrate {
            from: self.place(old, &row.account),
            to: new,
            sent: sent.quantity.atoms(),
            received: received.quantity.atoms(),
        };
        let value = self.single(row, sent, now.day)?;
        let place = self.place(old, &row.account);
        self.imply_money(index, row, place, sent.quantity.atoms(), value, now.day)?;
        self.post(index, now.day, action);
        if self.booked.money[new.0 as usize] {
            let place = self.place(new, &row.account);
            *self.booked.foreign.entry(place).or_default() += received.quantity.atoms();
        }
        self.leave(index, row, old, sent.quantity.atoms(), value, now.day)?;
        self.come(row, new, received.quantity.atoms(), now.day)?;
        self.pay_fees(index, row, &fees, false, now.day)
    }

    fn book_in(
        &mut self,
        index: u32,
        row: &'a Transaction,
        kind: Kind,
        leg: &'a Leg,
        now: Acquisition,
    ) -> Result<(), LedgerError> {
        let day = now.day;
        let asset = self.asset_id(&leg.asset);
        let quantity = leg.quantity.atoms();
        let fees = self.fees(index, row, [(None, None); 2], day)?;
        let market = if kind == Kind::Fork && asset != self.base() {
            None
        } else {
            self.single(row, leg, day)?
        };
        let dated = |amount| Dated {
            transaction: index,
            day,
            amount,
        };
        let cost = if kind.is_income() {
            match market {
                Some(value) => self.booked.totals.income.push(dated(value)),
                None => self.missing_price(index, asset, day),
            }
            market
        } else if kind == Kind::Fork {
            let stated = market.or(leg.value.or(row.value).map(Money::from));
            let cost = stated.unwrap_or(Money::ZERO);
            self.booked.totals.contributed.push(dated(cost));
            Some(cost)
        } else {
            let stated = row.basis.or(leg.value).or(row.value).map(Money::from);
            let base = asset == self.base();
            let cost = if base || (stated.is_none() && self.booked.money[asset.0 as usize]) {
                market
            } else {
                stated
            };
            match cost {
                Some(cost) => self.booked.totals.contributed.push(dated(cost)),
                None => self.flag(Some(index), asset, Problem::UnknownCost { quantity }),
            }
            match market.or(cost) {
                Some(value) => self.booked.totals.flows.push(dated(value)),
                None => self.booked.totals.unvalued_flows.push(day),
            }
            cost
        };
        if asset == self.base() {
            self.cash(row, quantity, day)?;
        } else {
            let acquired = self.acquired(row, now);
            let brought = matches!(kind, Kind::Opening | Kind::Deposit) || acquired.day != day;
            self.acquire(index, row, asset, quantity, cost, acquired, brought)?;
        }
        self.pay_fees(index, row, &fees, false, day)
    }

    fn book_out(
        &mut self,
        index: u32,
        row: &'a Transaction,
        kind: Kind,
        leg: &'a Leg,
        now: Acquisition,
    ) -> Result<(), LedgerError> {
        let day = now.day;
        let asset = self.asset_id(&leg.asset);
        let quantity = leg.quantity.atoms();
        let place = self.place(asset, &row.account);
        let value = self.single(row, leg, day)?;
        let fees = self.fees(index, row, [(None, None); 2], day)?;
        let dated = |amount| Dated {
            transaction: index,
            day,
            amount,
        };
        let flows = matches!(kind, Kind::Withdrawal | Kind::GiftOut | Kind::Spend);
        match value {
            Some(value) if flows => self.booked.totals.flows.push(dated(-value)),
            None if flows => self.booked.totals.unvalued_flows.push(day),
            _ => {}
        }
        let disposes = matches!(kind, Kind::Spend | Kind::Fee);
        if disposes && value.is_none() {
            self.missing_price(index, asset, day);
        }
        if let (Kind::Fee, Some(value)) = (kind, value) {
            self.add_fee(index, day, value);
            self.add_other_fee(index, day, value);
        }
        let base = asset == self.base();
        // What is spent leaves at its value; so does money, whose cost is its face.
        if let Some(value) = value
            && (kind == Kind::Spend || (base && !matches!(kind, Kind::Fee | Kind::Transfer)))
        {
            self.booked.totals.contributed.push(dated(-value));
        }
        if base && kind != Kind::Transfer {
            self.cash(row, -quantity, day)?;
        } else if !base {
            self.imply_money(index, row, place, quantity, value, day)?;
            let action = match kind {
                Kind::Spend | Kind::Fee => {
                    let (deduct, cause) = if kind == Kind::Spend {
                        (fees.deductible, Cause::Spend)
                    } else {
                        (Money::ZERO, Cause::Fee)
                    };
                    let proceeds = value.map(|value| value - deduct);
                    Action::Dispose {
                        place,
                        quantity,
                        proceeds,
                        cause,
                    }
                }
                Kind::Transfer => {
                    let to = row.to_account.as_deref().unwrap_or(&row.account);
                    let to = self.account_id(to);
                    Action::Move {
                        from: place,
                        to,
                        quantity,
                    }
                }
                _ => Action::Remove {
                    place,
                    quantity,
                    as_fee: false,
                },
            };
            self.post(index, day, action);
            if kind == Kind::Transfer {
                self.move_foreign(place, row, quantity);
            } else {
                self.leave(index, row, asset, quantity, value, day)?;
            }
        }
        let of_trade = kind == Kind::Spend && !base;
        self.pay_fees(index, row, &fees, of_trade, day)
    }

    fn acquired(&self, row: &Transaction, now: Acquisition) -> Acquisition {
        match row.acquired {
            None => now,
            Some(Acquired::Moment(time)) => {
                let moment = (time.timestamp(), time.timestamp_subsec_nanos());
                let day = day_in(self.timezone, moment.0, moment.1);
                Acquisition { moment, day }
            }
            Some(Acquired::Day(date)) => {
                let start = date.and_time(chrono::NaiveTime::MIN).and_utc();
                let moment = (start.timestamp(), 0).min(now.moment);
                Acquisition {
                    moment,
                    day: Day::of(date),
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a lot")]
    pub(super) fn acquire(
        &mut self,
        index: u32,
        row: &'a Transaction,
        asset: AssetId,
        quantity: i128,
        cost: Option<Money>,
        acquired: Acquisition,
        brought: bool,
    ) -> Result<(), LedgerError> {
        let place = self.place(asset, &row.account);
        // A transaction's own day, also of what was acquired before.
        let moment = (row.time.timestamp(), row.time.timestamp_subsec_nanos());
        let day = day_in(self.timezone, moment.0, moment.1);
        let action = Action::Acquire {
            place,
            quantity,
            cost,
            acquired,
            brought,
        };
        self.post(index, day, action);
        if self.booked.money[asset.0 as usize] {
            *self.booked.foreign.entry(place).or_default() += quantity;
        }
        self.come(row, asset, quantity, day)
    }

    pub(super) fn post(&mut self, transaction: u32, day: Day, action: Action) {
        self.booked.postings.push(Posting {
            transaction,
            day,
            action,
        });
    }

    pub(super) fn flag(&mut self, transaction: Option<u32>, asset: AssetId, problem: Problem) {
        self.booked.flags.push(Flag {
            transaction,
            asset,
            problem,
        });
    }

    pub(super) fn missing_price(&mut self, index: u32, asset: AssetId, day: Day) {
        self.flag(Some(index), asset, Problem::MissingPrice { day });
    }

    pub(super) fn add_fee(&mut self, transaction: u32, day: Day, amount: Money) {
        self.booked.totals.fees.push(Dated {
            transaction,
            day,
            amount,
        });
    }

    pub(super) fn add_other_fee(&mut self, transaction: u32, day: Day, amount: Money) {
        self.booked.totals.other_fees.push(Dated {
            transaction,
            day,
            amount,
        });
    }

    pub(super) fn place(&self, asset: AssetId, account: &str) -> Place {
        let account = self.account_id(account);
        Place { asset, account }
    }

    pub(super) fn asset_id(&self, name: &str) -> AssetId {
        self.booked.asset_id(name).unwrap_or(self.booked.base)
    }

    pub(super) fn account_id(&self, name: &str) -> AccountId {
        self.booked.account_id(name).unwrap_or(AccountId(0))
    }

    pub(super) fn asset_name(&self, asset: AssetId) -> &str {
        &self.booked.assets[asset.0 as usize]
    }

    pub(super) fn currency(&self) -> &str {
        self.asset_name(self.booked.base)
    }

    pub(super) const fn base(&self) -> AssetId {
        self.booked.base
    }

    pub(super) const fn policy(&self) -> FeesInKind {
        self.booked.policy
    }

    /// A closing price, which is noted as used, whether there is one or not.
    pub(super) fn price(&mut self, asset: AssetId, day: Day) -> Option<Decimal> {
        if asset == self.booked.base {
            return Some(Decimal::ONE);
        }
        self.booked.price_uses.push(PriceUse {
            transaction: self.current,
            asset,
            day,
        });
        self.prices.of(self.asset_name(asset))?.on(day.date())
    }
}
