//! Which lots each disposal takes from, and what gain follows: FIFO, LIFO, HIFO, specific lots, moving
//! average, and the United Kingdom's share matching, over the portfolio or account by account.

mod holding_period;
mod lots;
mod marks;
mod pool;
mod uk;
mod walk;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

pub use holding_period::{Term, is_long_term};
pub(crate) use marks::{BasisMark, BasisTally, MOST_LOTS, continue_from, open_lots};

use crate::ledger::{AccountId, Acquisition, AssetId, Cause, Dated, Day, Flag, Ledger};
use crate::money::Money;

/// Method by which the lots of a disposal are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// The oldest first.
    Fifo,
    /// The newest first.
    Lifo,
    /// The dearest first; of equal ones the oldest; those of unknown cost last.
    Hifo,
    /// One pool a place; its average moves with each purchase.
    Average,
    /// Same day, 30 days, section 104 pool (HMRC's Cryptoassets Manual, CRYPTO22200).
    Uk,
    /// The lots that a disposal names; the rest FIFO.
    Specific,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 6] = [
        Self::Fifo,
        Self::Lifo,
        Self::Hifo,
        Self::Average,
        Self::Uk,
        Self::Specific,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::Lifo => "lifo",
            Self::Hifo => "hifo",
            Self::Average => "average",
            Self::Uk => "uk",
            Self::Specific => "specific",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == text)
            .ok_or_else(|| format!("use one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// Where lots may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// From any account.
    #[default]
    Portfolio,
    /// From the account of the disposal: the rule of the United States since 2025.
    Account,
}

/// Where a slice came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LotName {
    /// The lot that a transaction acquired.
    Transaction(u32),
    /// The average pool.
    Average,
    /// Purchases of the same day.
    SameDay,
    /// Purchases of one of the following 30 days.
    ThirtyDays,
    /// The section 104 pool.
    Section104,
    /// Nothing that is known: an acquisition is missing.
    Missing,
}

/// The part of a lot that a disposal took.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// Which lot.
    pub lot: LotName,
    /// Quantity in units of 10⁻¹⁸.
    pub quantity: i128,
    /// Its cost; none if it is unknown.
    pub basis: Option<Money>,
    /// The day it was acquired, where lots have one.
    pub acquired: Option<Day>,
}

/// A disposal with its gain.
#[derive(Debug, Clone)]
pub struct Disposal {
    /// The day.
    pub day: Day,
    /// The transactions: one, or with the method `uk` all of the day.
    pub transactions: Vec<u32>,
    /// Asset disposed of.
    pub asset: AssetId,
    /// Where; none where a day's disposals of all accounts are one.
    pub account: Option<AccountId>,
    /// Why; the first one's where several are one.
    pub cause: Cause,
    /// Quantity in units of 10⁻¹⁸.
    pub quantity: i128,
    /// Proceeds after fees; none without a price.
    pub proceeds: Option<Money>,
    /// The cost of the lots whose cost is known.
    pub basis: Money,
    /// The known lots' share of the proceeds less their cost.
    pub gain: Option<Money>,
    /// Part of the quantity that has no known cost.
    pub unknown: i128,
    /// Its slices, within [`CostBasis::slices`].
    pub slices: Range<usize>,
}

/// Remainder of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Which asset.
    pub asset: AssetId,
    /// Where; none where lots may come from any account.
    pub account: Option<AccountId>,
    /// Quantity in units of 10⁻¹⁸.
    pub quantity: i128,
    /// The cost of what has a known cost.
    pub basis: Money,
    /// Part of the quantity that has no known cost.
    pub unknown: i128,
}

/// A lot that is still there, or a pool.
#[derive(Debug, Clone, Copy)]
pub struct OpenLot {
    /// Of which asset.
    pub asset: AssetId,
    /// Where; none where lots may come from any account.
    pub account: Option<AccountId>,
    /// Which lot.
    pub lot: LotName,
    /// The day it was acquired, where it has one.
    pub acquired: Option<Day>,
    /// Remaining quantity in units of 10⁻¹⁸.
    pub quantity: i128,
    /// The cost of that; none if it is unknown.
    pub cost: Option<Money>,
}

/// The outcome of a method.
#[derive(Debug, Clone, Default)]
pub struct CostBasis {
    /// In order of time.
    pub disposals: Vec<Disposal>,
    /// The slices of all disposals.
    pub slices: Vec<Slice>,
    /// The cost of what left without a gain.
    pub removed: Vec<Dated>,
    /// The cost of fees that left at their cost.
    pub fees_at_cost: Vec<Dated>,
    /// Holdings at the end, or on the day that was asked for; by asset, then account.
    pub remaining: Vec<Holding>,
    /// Flags about missing data.
    pub flags: Vec<Flag>,
}

/// Applies a method to a ledger. What remains is that of the end of `until`, if given.
#[must_use]
pub fn apply(ledger: &Ledger<'_>, method: Method, scope: Scope, until: Option<Day>) -> CostBasis {
    let mut outcome = CostBasis::default();
    continue_from(ledger, method, scope, until, None, &mut outcome, &[]);
    outcome
}

/// A part of a lot on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    /// Where it came from.
    pub(crate) lot: LotName,
    /// When it was acquired.
    pub(crate) acquired: Acquisition,
    /// Its number among all lots.
    pub(crate) sequence: u32,
    /// Quantity in units of 10⁻¹⁸.
    pub(crate) quantity: i128,
    /// Its cost.
    pub(crate) cost: Option<Money>,
    /// Cost and quantity of the lot when it was whole: its unit cost, free of rounding.
    pub(crate) unit: (Money, i128),
}

/// `number * part / whole`, rounded down, for a part that is at most the whole.
pub(crate) fn scaled(number: i128, part: i128, whole: i128) -> i128 {
    use ethnum::U256;
    if whole <= 0 {
        return 0;
    }
    let wide = |number: i128| U256::new(number.unsigned_abs());
    let scaled = wide(number) * wide(part) / wide(whole);
    i128::try_from(scaled).unwrap_or(i128::MAX)
}
