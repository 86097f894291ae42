//! Transactions to postings: what each one acquires, disposes of, removes or moves, at which value. The
//! same for every cost-basis method; which lots a posting takes from is decided elsewhere.

mod booked;
mod fees;
mod flags;
mod holdings;
mod post;
mod totals;
mod value;

use std::borrow::Cow;
use std::ops::Deref;

use chrono::{Datelike, NaiveDate, TimeZone};
use chrono_tz::Tz;

pub(crate) use booked::BookedMark;
pub use booked::{Booked, PriceUse};
pub use flags::{Flag, Problem};
pub(crate) use post::Poster;
pub(crate) use totals::Tally;
pub use totals::{Dated, Totals};

use crate::decimal::{Decimal, quoted};
use crate::money::Money;
use crate::prices::Prices;
use crate::transaction::{Transaction, TransactionFile};

/// A day of the portfolio's time zone, counted from the beginning of the common era.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day of a date.
    #[must_use]
    pub fn of(date: NaiveDate) -> Self {
        Self(date.num_days_from_ce())
    }

    /// Its date.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(self.0).unwrap_or(NaiveDate::MAX)
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// An asset of the portfolio, by its place in [`Booked::assets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub u32);

/// An account of the portfolio, by its place in [`Booked::accounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// An asset in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which asset.
    pub asset: AssetId,
    /// Where.
    pub account: AccountId,
}

/// When something was acquired: what lots are ordered by, and what holding periods begin at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acquisition {
    /// Seconds and nanoseconds since 1970.
    pub moment: (i64, u32),
    /// The day in the portfolio's zone.
    pub day: Day,
}

/// Why something was disposed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Sold for money.
    Sale,
    /// Given for another asset, or money of another currency given for something.
    Swap,
    /// Paid with.
    Spend,
    /// A fee that is a transaction of its own.
    Fee,
    /// A fee of a trade, paid in kind.
    TradeFee,
    /// A fee of another transaction that is nobody's cost: of a transfer or a deposit.
    OtherFee,
}

/// Effect of a posting.
#[derive(Debug, Clone)]
pub enum Action {
    /// Lots come.
    Acquire {
        /// Asset and account.
        place: Place,
        /// Quantity in units of 10⁻¹⁸.
        quantity: i128,
        /// Its cost; none if it is unknown.
        cost: Option<Money>,
        /// When it was acquired.
        acquired: Acquisition,
        /// Came otherwise than by a purchase: joins the section 104 pool without matching.
        brought: bool,
    },
    /// Lots are disposed of.
    Dispose {
        /// Asset and account.
        place: Place,
        /// Quantity in units of 10⁻¹⁸.
        quantity: i128,
        /// For how much, after fees; none without a price.
        proceeds: Option<Money>,
        /// Why.
        cause: Cause,
    },
    /// Lots leave without a gain.
    Remove {
        /// Asset and account.
        place: Place,
        /// Quantity in units of 10⁻¹⁸.
        quantity: i128,
        /// Their cost is booked as a fee, not as money that was taken out.
        as_fee: bool,
    },
    /// Lots go to another account.
    Move {
        /// From where.
        from: Place,
        /// To where.
        to: AccountId,
        /// Quantity in units of 10⁻¹⁸.
        quantity: i128,
    },
    /// Lots become lots of another asset.
    Migrate {
        /// From what.
        from: Place,
        /// To what.
        to: AssetId,
        /// Quantity given, in units of 10⁻¹⁸.
        sent: i128,
        /// Quantity received, in units of 10⁻¹⁸.
        received: i128,
    },
}

/// A step of the ledger.
#[derive(Debug, Clone)]
pub struct Posting {
    /// The transaction's number in the file, from 0.
    pub transaction: u32,
    /// Its day.
    pub day: Day,
    /// The effect.
    pub action: Action,
}

/// Treatment of a fee that was paid in a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeesInKind {
    /// It is disposed of at market value, which is the cost that is added or deducted.
    #[default]
    Dispose,
    /// It leaves at its cost, without a gain; that cost is booked as a fee.
    AtCost,
}

/// A file of transactions with what they come to: its postings, in order of time.
#[derive(Debug)]
pub struct Ledger<'a> {
    /// The transactions, in the order of the file.
    pub transactions: &'a [Transaction],
    /// The base currency.
    pub currency: &'a str,
    /// The zone that decides days.
    pub timezone: Tz,
    /// Closing prices.
    pub prices: &'a Prices,
    booked: Cow<'a, Booked>,
}

impl Deref for Ledger<'_> {
    type Target = Booked;

    fn deref(&self) -> &Booked {
        &self.booked
    }
}

/// Why no ledger can be made: a number that does not fit, or a transaction that cannot be booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transaction {id}: {message}")]
pub struct LedgerError {
    /// The transaction's id, quoted.
    pub id: String,
    /// Description of the fault.
    pub message: String,
}

impl LedgerError {
    /// Of a transaction.
    pub(crate) fn of(transaction: &Transaction, message: impl Into<String>) -> Self {
        Self {
            id: quoted(&transaction.id),
            message: message.into(),
        }
    }
}

impl<'a> Ledger<'a> {
    /// Books every transaction of a file.
    ///
    /// # Errors
    /// If an amount does not fit the calculation: it is named.
    pub fn new(
        file: &'a TransactionFile,
        prices: &'a Prices,
        fees: FeesInKind,
    ) -> Result<Self, LedgerError> {
        let mut booked = Booked::new(&file.currency, fees);
        let mut order: Vec<u32> = (0..).take(file.transactions.len()).collect();
        // Stable: those of one instant stay in the order of the file.
        order.sort_by_key(|&index| file.transactions[index as usize].time);
        Poster::new(&file.transactions, file.timezone, prices, &mut booked)
            .run(order, |_, _, _| {})?;
        Ok(Self {
            transactions: &file.transactions,
            currency: &file.currency,
            timezone: file.timezone,
            prices,
            booked: Cow::Owned(booked),
        })
    }

    /// Transactions with what was made of them before.
    pub(crate) const fn over(
        transactions: &'a [Transaction],
        currency: &'a str,
        timezone: Tz,
        prices: &'a Prices,
        booked: &'a Booked,
    ) -> Self {
        Self {
            transactions,
            currency,
            timezone,
            prices,
            booked: Cow::Borrowed(booked),
        }
    }

    /// The price of an asset on a day; that of the base currency is one.
    #[must_use]
    pub fn price(&self, asset: AssetId, day: Day) -> Option<Decimal> {
        if asset == self.base {
            return Some(Decimal::ONE);
        }
        self.prices
            .of(&self.assets[asset.0 as usize])?
            .on(day.date())
    }

    /// An asset's ticker.
    #[must_use]
    pub fn asset(&self, asset: AssetId) -> &str {
        &self.assets[asset.0 as usize]
    }

    /// An account's name.
    #[must_use]
    pub fn account(&self, account: AccountId) -> &str {
        &self.accounts[account.0 as usize]
    }

    /// A transaction's id.
    #[must_use]
    pub fn id(&self, transaction: u32) -> &'a str {
        &self.transactions[transaction as usize].id
    }

    /// The day of a transaction.
    #[must_use]
    pub fn day_of(&self, transaction: u32) -> Day {
        let time = self.transactions[transaction as usize].time;
        day_in(
            self.timezone,
            time.timestamp(),
            time.timestamp_subsec_nanos(),
        )
    }

    /// The first day with a transaction.
    #[must_use]
    pub fn first_day(&self) -> Option<Day> {
        self.totals.first_day
    }

    /// The day on which holdings are valued: the last with a price or a transaction.
    #[must_use]
    pub fn valued_on(&self) -> Option<Day> {
        let last = self.totals.last_day?;
        let priced = self
            .assets
            .iter()
            .filter_map(|asset| self.prices.of(asset)?.days().last())
            .map(|&(date, _)| Day::of(date))
            .max();
        Some(priced.map_or(last, |priced| priced.max(last)))
    }
}

/// The day of a moment in a zone.
pub(crate) fn day_in(zone: Tz, seconds: i64, nanos: u32) -> Day {
    const EPOCH: i32 = 719_163;
    if zone == Tz::UTC {
        #[allow(clippy::cast_possible_truncation, reason = "years 1970 to 2199")]
        return Day(EPOCH + seconds.div_euclid(86_400) as i32);
    }
    zone.timestamp_opt(seconds, nanos)
        .single()
        .map_or(Day(EPOCH), |time| Day::of(time.date_naive()))
}

/// Currencies of states, by their ISO 4217 codes.
const MONEY: [&str; 61] = [
    "AED", "ARS", "AUD", "BDT", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK",
    "DKK", "EGP", "EUR", "GBP", "GEL", "GHS", "HKD", "HRK", "HUF", "IDR", "ILS", "INR", "ISK",
    "JPY", "KES", "KRW", "KWD", "KZT", "LKR", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN",
    "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD",
    "TZS", "UAH", "UGX", "USD", "UYU", "VND", "XAF", "XOF", "ZAR",
];

/// Money by its ISO 4217 code: deposits of it have their market value as cost, and buying with money
/// that was never deposited implies the deposit.
#[must_use]
pub fn is_money(asset: &str) -> bool {
    MONEY.binary_search(&asset).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_found_by_binary_search() {
        assert!(MONEY.is_sorted());
        assert!(is_money("EUR") && is_money("ZAR") && !is_money("USDT"));
    }
}
