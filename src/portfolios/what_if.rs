//! What would be if: other transactions, prices or another method, answered beside what is. Nothing is
//! kept of it; the portfolio stays as it was.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::computed::{ChangeError, Computed, PriceChange};
use crate::cost_basis::{Method, Scope};
use crate::decimal::{Decimal, quoted};
use crate::files::{FileError, read_json};
use crate::money::Money;
use crate::report::{DisposalView, FlagView, ReportOptions, Summary};
use crate::transaction::Transaction;

/// The most disposals of each list that are listed.
pub const MOST_DISPOSALS: usize = 1_000;

/// Changes to try.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Transactions to add, or to put in place of those with the same id.
    pub put: Vec<Transaction>,
    /// Ids of transactions to take out; one that is put as well is put.
    pub remove: Vec<String>,
    /// Closing prices.
    pub prices: Vec<PriceChange>,
    /// Another method.
    pub method: Option<Method>,
    /// Another scope.
    pub scope: Option<Scope>,
}

/// Figures before and after, and the lines that the changes make or unmake.
#[derive(Debug, Clone, Serialize)]
pub struct WhatIf {
    /// The figures as they are.
    pub before: Summary,
    /// The figures as they would be.
    pub after: Summary,
    /// Those less these.
    pub difference: Difference,
    /// Disposals that would be there and are not, or not so, in order of time.
    pub new_disposals: Vec<DisposalView>,
    /// Number of further ones that are not listed.
    pub new_disposals_left_out: usize,
    /// Disposals that are there and would not be, or not so, in order of time.
    pub gone_disposals: Vec<DisposalView>,
    /// Number of further ones that are not listed.
    pub gone_disposals_left_out: usize,
    /// Flags that would be there and are not.
    pub new_flags: Vec<FlagView>,
    /// Flags that are there and would not be.
    pub gone_flags: Vec<FlagView>,
}

/// Figures after less before; none where one of the two has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names of the report's figures")]
pub struct Difference {
    pub realized: Money,
    pub unrealized: Option<Money>,
    pub income: Money,
    pub fees: Money,
    pub transfer_fees: Money,
    pub value: Option<Money>,
    pub net_invested: Money,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    /// A transaction to take out that is not there.
    #[error("there is no transaction {0} to take out")]
    NotThere(String),
    /// A change that cannot be made.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Answers what a portfolio would be with some changes; of disposals at most `most` a list, and never more
/// than [`MOST_DISPOSALS`].
///
/// # Errors
/// If a transaction to take out is not there, one that is put makes no sense, a number does not fit, or
/// method and scope contradict one another.
pub fn what_if(computed: &Computed, changes: &Changes, most: usize) -> Result<WhatIf, WhatIfError> {
    let there: HashSet<&str> = computed
        .transactions()
        .iter()
        .map(|row| row.id.as_str())
        .collect();
    if let Some(id) = changes
        .remove
        .iter()
        .find(|id| !there.contains(id.as_str()))
    {
        return Err(WhatIfError::NotThere(quoted(id)));
    }
    let put: HashSet<&str> = changes.put.iter().map(|row| row.id.as_str()).collect();
    let removed = changes.remove.iter().map(String::as_str);
    let removed: Vec<&str> = removed.filter(|id| !put.contains(id)).collect();
    let mut after = computed.clone();
    after.put(changes.put.clone())?;
    after.remove(&removed)?;
    after.change_prices(&changes.prices)?;
    let options = *computed.options();
    after.change_options(ReportOptions {
        method: changes.method.unwrap_or(options.method),
        scope: changes.scope.unwrap_or(options.scope),
        ..options
    })?;
    Ok(compare(computed, &after, most.min(MOST_DISPOSALS)))
}

fn compare(before: &Computed, after: &Computed, most: usize) -> WhatIf {
    let (old, new) = (
        before.disposals(0..usize::MAX),
        after.disposals(0..usize::MAX),
    );
    // What a change does not reach is the same at the beginning: only the rest is compared one by one.
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (gone, added) = (&old[same..], &new[same..]);
    let (new_disposals, new_disposals_left_out) = most_of(only_in(added, gone), most);
    let (gone_disposals, gone_disposals_left_out) = most_of(only_in(gone, added), most);
    let (old_flags, new_flags) = (before.flags(), after.flags());
    WhatIf {
        difference: Difference::of(before.summary(), after.summary()),
        before: before.summary().clone(),
        after: after.summary().clone(),
        new_disposals,
        new_disposals_left_out,
        gone_disposals,
        gone_disposals_left_out,
        gone_flags: only_in(&old_flags, &new_flags),
        new_flags: only_in(&new_flags, &old_flags),
    }
}

/// What one list has more often than another, in its order.
fn only_in<T: Clone + Eq + std::hash::Hash>(list: &[T], other: &[T]) -> Vec<T> {
    let mut counts: HashMap<&T, usize> = HashMap::with_capacity(other.len());
    for item in other {
        *counts.entry(item).or_default() += 1;
    }
    let mut only = Vec::new();
    for item in list {
        match counts.get_mut(item) {
            Some(count) if *count > 0 => *count -= 1,
            _ => only.push(item.clone()),
        }
    }
    only
}

fn most_of<T>(mut list: Vec<T>, most: usize) -> (Vec<T>, usize) {
    let left_out = list.len().saturating_sub(most);
    list.truncate(most);
    (list, left_out)
}

impl Difference {
    fn of(before: &Summary, after: &Summary) -> Self {
        let known = |after: Option<Money>, before: Option<Money>| Some(after? - before?);
        // In the portfolio's own currency these are always known.
        let sum = |after, before| known(after, before).unwrap_or_default();
        Self {
            realized: sum(after.realized, before.realized),
            unrealized: known(after.unrealized, before.unrealized),
            income: sum(after.income, before.income),
            fees: sum(after.fees, before.fees),
            transfer_fees: sum(after.transfer_fees, before.transfer_fees),
            value: known(after.value, before.value),
            net_invested: sum(after.net_invested, before.net_invested),
        }
    }
}

/// A document of changes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    put: Vec<serde_json::Value>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    prices: BTreeMap<String, BTreeMap<NaiveDate, Option<Decimal>>>,
    method: Option<String>,
    scope: Option<String>,
}

impl Changes {
    /// Reads a JSON object with `put` (transactions as in a file of them), `remove` (ids), `prices` (by asset
    /// and day; null takes one out), `method` and `scope` (`universal` or `account`), each of which may be
    /// missing.
    ///
    /// # Errors
    /// If it is none, or wrong anywhere: with the place and what is wrong there.
    pub fn read(bytes: &[u8]) -> Result<Self, FileError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let wrong = |path: &str, message: String| FileError::Json {
            path: path.to_owned(),
            message,
        };
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let document: Document = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| wrong(&error.path().to_string(), error.inner().to_string()))?;
        deserializer.end().map_err(|error| {
            FileError::NotTheFormat(format!("there is something after the changes: {error}"))
        })?;
        let method = document.method.map(|method| method.parse::<Method>());
        let scope = match document.scope.as_deref() {
            None => None,
            Some("universal") => Some(Scope::Portfolio),
            Some("account") => Some(Scope::Account),
            Some(_) => return Err(wrong("scope", "use one of universal, account".to_owned())),
        };
        let mut prices = Vec::new();
        for (asset, days) in document.prices {
            for (day, price) in days {
                if price.is_some_and(Decimal::is_negative) {
                    let path = format!("prices.{asset}.{day}");
                    return Err(wrong(&path, "a price is below zero".to_owned()));
                }
                let asset = asset.clone();
                prices.push(PriceChange { asset, day, price });
            }
        }
        Ok(Self {
            put: transactions(document.put)?,
            remove: document.remove,
            prices,
            method: method
                .transpose()
                .map_err(|message| wrong("method", message))?,
            scope,
        })
    }
}

/// Transactions as in a file of them.
fn transactions(rows: Vec<serde_json::Value>) -> Result<Vec<Transaction>, FileError> {
    // Their currency is that of the portfolio; a file must name one.
    let file = serde_json::json!({"currency": "USD", "transactions": rows});
    match read_json(file.to_string().as_bytes()) {
        Ok(file) => Ok(file.transactions),
        Err(FileError::Json { path, message }) => Err(FileError::Json {
            path: match path.strip_prefix("transactions") {
                Some(rest) => format!("put{rest}"),
                None => path,
            },
            message,
        }),
        Err(error) => Err(error),
    }
}
