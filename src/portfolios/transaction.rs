//! The vocabulary: what a transaction is, of which kinds there are, and which legs each kind has. It
//! does not know what a transaction does to lots.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDate};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::prices::Prices;

/// The value of `format` in a file of transactions.
pub const FORMAT: &str = "coinsphere.transactions";
/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// Kind of transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Money for a coin.
    Buy,
    /// A coin for money.
    Sell,
    /// A coin for another.
    Swap,
    /// From outside the portfolio.
    Deposit,
    /// To outside the portfolio.
    Withdrawal,
    /// Between own accounts.
    Transfer,
    /// Income from staking.
    Staking,
    /// Income from lending.
    Interest,
    /// Income from mining.
    Mining,
    /// Income: coins that were handed out.
    Airdrop,
    /// Other income: referrals, cashback, learning.
    Reward,
    /// Coins of a chain that split off; no income.
    Fork,
    /// A present received.
    GiftIn,
    /// A present made.
    GiftOut,
    /// Paid with a coin: a disposal at its value.
    Spend,
    /// Stolen or lost: lots leave without a gain.
    Loss,
    /// A fee that belongs to no other transaction.
    Fee,
    /// A coin that was renamed or redenominated: cost and dates carry over.
    Migration,
    /// Holding from before the first transaction.
    Opening,
}

/// Which legs a kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legs {
    /// Both.
    SentAndReceived,
    /// Only `sent`.
    Sent,
    /// Only `received`.
    Received,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 19] = [
        Self::Buy,
        Self::Sell,
        Self::Swap,
        Self::Deposit,
        Self::Withdrawal,
        Self::Transfer,
        Self::Staking,
        Self::Interest,
        Self::Mining,
        Self::Airdrop,
        Self::Reward,
        Self::Fork,
        Self::GiftIn,
        Self::GiftOut,
        Self::Spend,
        Self::Loss,
        Self::Fee,
        Self::Migration,
        Self::Opening,
    ];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::Swap => "swap",
            Self::Deposit => "deposit",
            Self::Withdrawal => "withdrawal",
            Self::Transfer => "transfer",
            Self::Staking => "staking",
            Self::Interest => "interest",
            Self::Mining => "mining",
            Self::Airdrop => "airdrop",
            Self::Reward => "reward",
            Self::Fork => "fork",
            Self::GiftIn => "gift_in",
            Self::GiftOut => "gift_out",
            Self::Spend => "spend",
            Self::Loss => "loss",
            Self::Fee => "fee",
            Self::Migration => "migration",
            Self::Opening => "opening",
        }
    }

    /// Which legs it has.
    #[must_use]
    pub const fn legs(self) -> Legs {
        match self {
            Self::Buy | Self::Sell | Self::Swap | Self::Migration => Legs::SentAndReceived,
            Self::Withdrawal
            | Self::Transfer
            | Self::GiftOut
            | Self::Spend
            | Self::Loss
            | Self::Fee => Legs::Sent,
            Self::Deposit
            | Self::Staking
            | Self::Interest
            | Self::Mining
            | Self::Airdrop
            | Self::Reward
            | Self::Fork
            | Self::GiftIn
            | Self::Opening => Legs::Received,
        }
    }

    /// Income: the value on receipt is earned, and is the cost of what was received.
    #[must_use]
    pub const fn is_income(self) -> bool {
        matches!(
            self,
            Self::Staking | Self::Interest | Self::Mining | Self::Airdrop | Self::Reward
        )
    }

    /// May bring cost and date along.
    #[must_use]
    pub const fn brings_basis(self) -> bool {
        matches!(self, Self::Opening | Self::GiftIn | Self::Deposit)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                format!(
                    "{} is no kind of transaction: use one of {names}",
                    crate::decimal::quoted(text)
                )
            })
    }
}

/// An amount of an asset that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// The asset's ticker.
    pub asset: String,
    /// Quantity, above zero.
    pub quantity: Decimal,
    /// Its market value in the file's currency, where the transaction tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
}

/// A lot that a disposal or transfer names: specific identification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedLot {
    /// The transaction that acquired it.
    pub lot: String,
    /// Quantity.
    pub quantity: Decimal,
}

/// When something was acquired that was brought along: a day of the portfolio's time zone, or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquired {
    /// A day; it stays that day in any zone.
    Day(NaiveDate),
    /// A moment.
    Moment(DateTime<FixedOffset>),
}

impl FromStr for Acquired {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 10
            && let Ok(day) = text.parse::<NaiveDate>()
        {
            return Ok(Self::Day(day));
        }
        parse_time(text).map(Self::Moment).map_err(|_| {
            format!(
                "{} is neither a day like 2021-03-04 nor an RFC 3339 time",
                crate::decimal::quoted(text)
            )
        })
    }
}

impl fmt::Display for Acquired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(formatter, "{day}"),
            Self::Moment(time) => formatter.write_str(&format_time(time)),
        }
    }
}

/// Reads an RFC 3339 time with its offset.
///
/// # Errors
/// If the text is none.
pub fn parse_time(text: &str) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(text).map_err(|error| {
        format!(
            "{} is no RFC 3339 time with an offset, such as 2024-01-08T07:05:12Z ({error})",
            crate::decimal::quoted(text)
        )
    })
}

/// Writes a time as RFC 3339, with as many sub-seconds as it has.
#[must_use]
pub fn format_time(time: &DateTime<FixedOffset>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// Something that happened to a portfolio. Holdings change by `received` less `sent` less every fee; a
/// fee is never inside `sent` or `received`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Unique in the portfolio; the external id by which a second import is noticed.
    pub id: String,
    /// When.
    pub time: DateTime<FixedOffset>,
    /// What.
    pub kind: Kind,
    /// Where: an account of the user's.
    pub account: String,
    /// The account a transfer goes to.
    pub to_account: Option<String>,
    /// Asset and quantity that left.
    pub sent: Option<Leg>,
    /// Asset and quantity that came.
    pub received: Option<Leg>,
    /// Further cost, in any assets.
    pub fees: Vec<Leg>,
    /// Market value of the transaction, for a leg that has none of its own.
    pub value: Option<Decimal>,
    /// Cost brought along.
    pub basis: Option<Decimal>,
    /// Date of acquisition brought along.
    pub acquired: Option<Acquired>,
    /// Lots that this disposal or transfer takes from.
    pub lots: Vec<NamedLot>,
    /// The user's or the venue's remark.
    pub note: Option<String>,
    /// The user's tags.
    pub tags: Vec<String>,
}

impl Transaction {
    /// A transaction without legs or anything else.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        time: DateTime<FixedOffset>,
        kind: Kind,
        account: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            time,
            kind,
            account: account.into(),
            to_account: None,
            sent: None,
            received: None,
            fees: Vec::new(),
            value: None,
            basis: None,
            acquired: None,
            lots: Vec::new(),
            note: None,
            tags: Vec::new(),
        }
    }
}

impl Leg {
    /// An amount without a value of its own.
    #[must_use]
    pub fn new(asset: impl Into<String>, quantity: Decimal) -> Self {
        Self {
            asset: asset.into(),
            quantity,
            value: None,
        }
    }
}

/// A file of transactions.
#[derive(Debug, Clone, PartialEq)]
pub struct TransactionFile {
    /// Base currency: values, costs and prices are in it.
    pub currency: String,
    /// The zone that decides days and tax years.
    pub timezone: Tz,
    /// In the order of the file, which settles the order within one instant.
    pub transactions: Vec<Transaction>,
    /// Closing prices of days.
    pub prices: Prices,
}

impl TransactionFile {
    /// An empty file in UTC.
    #[must_use]
    pub fn new(currency: impl Into<String>) -> Self {
        Self {
            currency: currency.into(),
            timezone: Tz::UTC,
            transactions: Vec::new(),
            prices: Prices::default(),
        }
    }
}
