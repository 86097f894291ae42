//! Totals of a list of transactions, without the transactions: they can be cut back to a mark and
//! continued from there with others.

use std::collections::HashMap;

use crate::ledger::totals::{Tally, TotalsMark};
use crate::ledger::{AccountId, AssetId, Day, FeesInKind, Flag, Place, Posting, Totals, is_money};
use crate::transaction::Transaction;

/// A closing price that a transaction was valued at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceUse {
    /// The transaction's number.
    pub transaction: u32,
    /// Of which asset.
    pub asset: AssetId,
    /// Of which day, or the last one before it that has a price.
    pub day: Day,
}

/// The postings of transactions and their sums by day.
#[derive(Debug, Clone)]
pub struct Booked {
    /// Names of assets in order of appearance; the base currency is the first.
    pub assets: Vec<String>,
    /// Names of accounts in order of appearance.
    pub accounts: Vec<String>,
    /// The base currency's id.
    pub base: AssetId,
    /// Postings in order of time, and of the file within an instant.
    pub postings: Vec<Posting>,
    /// Flows, income, fees and holdings, by day.
    pub totals: Totals,
    /// Flags about missing data.
    pub flags: Vec<Flag>,
    /// Which prices were used, in order of time.
    pub price_uses: Vec<PriceUse>,
    /// Treatment of fees in kind.
    pub(super) policy: FeesInKind,
    /// Quantity of each asset over all accounts, never below zero.
    pub(crate) held: Vec<i128>,
    /// Quantity of money other than the base currency, by account.
    pub(super) foreign: HashMap<Place, i128>,
    /// Which assets are money.
    pub(super) money: Vec<bool>,
    asset_ids: HashMap<String, AssetId>,
    account_ids: HashMap<String, AccountId>,
}

/// Place up to which transactions had been booked.
#[derive(Debug, Clone)]
pub(crate) struct BookedMark {
    assets: usize,
    accounts: usize,
    pub(crate) postings: usize,
    totals: TotalsMark,
    flags: usize,
    price_uses: usize,
    held: Vec<i128>,
    foreign: HashMap<Place, i128>,
    /// The sums up to there.
    pub(crate) tally: Tally,
}

impl Booked {
    /// Nothing yet.
    #[must_use]
    pub fn new(currency: &str, policy: FeesInKind) -> Self {
        let mut booked = Self {
            assets: Vec::new(),
            accounts: Vec::new(),
            base: AssetId(0),
            postings: Vec::new(),
            totals: Totals::default(),
            flags: Vec::new(),
            price_uses: Vec::new(),
            policy,
            held: Vec::new(),
            foreign: HashMap::new(),
            money: Vec::new(),
            asset_ids: HashMap::new(),
            account_ids: HashMap::new(),
        };
        booked.add_asset(currency);
        booked
    }

    /// Numbers the assets and accounts of a transaction that are new.
    pub(super) fn number(&mut self, row: &Transaction) {
        for leg in row.sent.iter().chain(&row.received).chain(&row.fees) {
            self.add_asset(&leg.asset);
        }
        self.add_account(&row.account);
        if let Some(to) = &row.to_account {
            self.add_account(to);
        }
    }

    fn add_asset(&mut self, name: &str) {
        if !self.asset_ids.contains_key(name) {
            let id = AssetId(u32::try_from(self.assets.len()).unwrap_or(u32::MAX));
            self.asset_ids.insert(name.to_owned(), id);
            self.assets.push(name.to_owned());
            self.held.push(0);
            self.money.push(is_money(name));
        }
    }

    fn add_account(&mut self, name: &str) {
        if !self.account_ids.contains_key(name) {
            let id = AccountId(u32::try_from(self.accounts.len()).unwrap_or(u32::MAX));
            self.account_ids.insert(name.to_owned(), id);
            self.accounts.push(name.to_owned());
        }
    }

    /// An asset's id, if it has appeared.
    #[must_use]
    pub fn asset_id(&self, name: &str) -> Option<AssetId> {
        self.asset_ids.get(name).copied()
    }

    /// An account's id, if it has appeared.
    #[must_use]
    pub fn account_id(&self, name: &str) -> Option<AccountId> {
        self.account_ids.get(name).copied()
    }

    /// Quantity of an asset at the end, over all accounts, in units of 10⁻¹⁸.
    #[must_use]
    pub fn held(&self, asset: AssetId) -> i128 {
        self.held[asset.0 as usize]
    }

    /// Quantity of each asset at the end.
    pub fn holdings(&self) -> impl Iterator<Item = (AssetId, i128)> {
        (0..).map(AssetId).zip(self.held.iter().copied())
    }

    /// Notes how far it has come. The sums are those of the mark before it, continued.
    pub(crate) fn mark(&self, mut tally: Tally) -> BookedMark {
        tally.advance(&self.totals);
        BookedMark {
            assets: self.assets.len(),
            accounts: self.accounts.len(),
            postings: self.postings.len(),
            totals: self.totals.mark(),
            flags: self.flags.len(),
            price_uses: self.price_uses.len(),
            held: self.held.clone(),
            foreign: self.foreign.clone(),
            tally,
        }
    }

    /// Forgets everything after a mark.
    pub(crate) fn cut(&mut self, mark: &BookedMark) {
        for name in self.assets.drain(mark.assets..) {
            self.asset_ids.remove(&name);
        }
        for name in self.accounts.drain(mark.accounts..) {
            self.account_ids.remove(&name);
        }
        self.money.truncate(mark.assets);
        self.postings.truncate(mark.postings);
        self.totals.cut(&mark.totals);
        self.flags.truncate(mark.flags);
        self.price_uses.truncate(mark.price_uses);
        self.held.clone_from(&mark.held);
        self.foreign.clone_from(&mark.foreign);
    }
}
