//! What-if: a user's portfolio with transactions that were not made, or without some that were, or by another method.
//! It is computed on a copy, and nothing of it is kept.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::asset_names::AssetNames;
use super::error::WrongField;
use super::figures::PortfolioFigures;
use super::snapshot::{State, options};
use super::transactions::checked_list;
use super::{Portfolio, PortfolioError};
use crate::portfolios::imports::MANUAL_ID;
use crate::portfolios::report::{DisposalView, FlagView, ReportOptions, Summary};
use crate::portfolios::{Method, Scope, Transaction};

/// The most disposals of an outcome that are listed.
const MOST_DISPOSALS: usize = 1_000;

/// A change that is only tried out.
#[derive(Debug, Clone, Default)]
pub struct WhatIf {
    /// Transactions to add, or to put in place of those with the same id.
    pub transactions: Vec<Transaction>,
    /// The ids of transactions to leave out.
    pub remove: Vec<String>,
    /// Another method than the portfolio's.
    pub method: Option<Method>,
    /// Another scope than the portfolio's.
    pub scope: Option<Scope>,
}

/// The figures without a change and with it, at the same prices.
#[derive(Debug, Clone)]
pub struct WhatIfOutcome {
    /// The portfolio as it is.
    pub before: Summary,
    /// The same with the change.
    pub after: Summary,
    /// Disposals that are new, or other than they were; at most 1,000, the last ones.
    pub disposals: Vec<DisposalView>,
    /// Disposals that are gone, or were other; at most 1,000, the last ones.
    pub gone: Vec<DisposalView>,
    /// Disposals of both kinds that are not listed.
    pub left_out: usize,
    /// Flags that are new.
    pub flags: Vec<FlagView>,
}

impl PortfolioFigures {
    /// Tries a change of a user's portfolio out. Assets are named as in
    /// [`add_transactions`](super::UserPortfolios::add_transactions); a transaction without an id is a new one.
    ///
    /// # Errors
    /// When the user has no such portfolio, a transaction is wrong or one to leave out is not there, the outcome
    /// cannot be computed, or the database is away.
    pub async fn what_if(
        &self,
        user: Uuid,
        id: Uuid,
        mut change: WhatIf,
    ) -> Result<WhatIfOutcome, PortfolioError> {
        let portfolio = self.portfolios().portfolio(user, id).await?;
        let names = {
            let session = self.portfolios().session().await?;
            AssetNames::of_user(&session, user).await?
        };
        for (at, row) in change.transactions.iter_mut().enumerate() {
            if row.id.is_empty() {
                row.id = format!("{MANUAL_ID}{}", self.portfolios().0.randomness.id());
            }
            names.settle(row, &format!("transactions[{at}]."))?;
        }
        checked_list(&change.transactions)?;
        let options = wanted(&portfolio, &change);
        let rows = change.transactions.clone();
        self.try_out(&portfolio, &rows, move |state| {
            outcome(state, change, options)
        })
        .await?
    }
}

/// The options that it is computed by.
fn wanted(portfolio: &Portfolio, change: &WhatIf) -> ReportOptions {
    let own = options(&portfolio.settings);
    let method = change.method.unwrap_or(own.method);
    let scope = match method {
        // It knows no accounts, whatever the portfolio's own method goes by.
        Method::Uk => Scope::Portfolio,
        _ => change.scope.unwrap_or(own.scope),
    };
    ReportOptions {
        method,
        scope,
        ..own
    }
}

fn outcome(
    state: State,
    change: WhatIf,
    options: ReportOptions,
) -> Result<WhatIfOutcome, PortfolioError> {
    let mut computed = state.computed;
    let there: BTreeSet<&str> = computed
        .transactions()
        .iter()
        .map(|row| row.id.as_str())
        .collect();
    let missing: Vec<WrongField> = (0..)
        .zip(&change.remove)
        .filter(|(_, id)| !there.contains(id.as_str()))
        .map(|(at, _)| WrongField {
            field: format!("remove[{at}]"),
            detail: "no transaction of the portfolio has this id".to_owned(),
        })
        .collect();
    if !missing.is_empty() {
        return Err(PortfolioError::Invalid(missing));
    }
    let all = 0..usize::MAX;
    let before = computed.summary().clone();
    let (old, old_flags) = (computed.disposals(all.clone()), computed.flags());
    let removed: Vec<&str> = change.remove.iter().map(String::as_str).collect();
    computed.remove(&removed)?;
    computed.put(change.transactions)?;
    let is_own =
        (options.method, options.scope) == (computed.options().method, computed.options().scope);
    let (after, new, flags) = if is_own {
        let after = computed.summary().clone();
        (after, computed.disposals(all), computed.flags())
    } else {
        let report = computed.report_for(&options, None);
        let report = report.map_err(PortfolioError::NoReport)?;
        (report.summary, report.disposals, report.flags)
    };
    let (gone, disposals) = (without(&old, &new), without(&new, &old));
    let found = gone.len() + disposals.len();
    let (gone, disposals) = (last(gone), last(disposals));
    Ok(WhatIfOutcome {
        before,
        after,
        left_out: found - gone.len() - disposals.len(),
        flags: without(&flags, &old_flags),
        disposals,
        gone,
    })
}

/// Those that the others have not; of equal ones, as many as there are more of.
fn without<T: Clone + Eq + std::hash::Hash>(these: &[T], others: &[T]) -> Vec<T> {
    let mut counted: HashMap<&T, usize> = HashMap::new();
    for other in others {
        *counted.entry(other).or_default() += 1;
    }
    let mut new = Vec::new();
    for one in these {
        match counted.get_mut(one) {
            Some(count) if *count > 0 => *count -= 1,
            _ => new.push(one.clone()),
        }
    }
    new
}

fn last(mut disposals: Vec<DisposalView>) -> Vec<DisposalView> {
    let more = disposals.len().saturating_sub(MOST_DISPOSALS);
    disposals.drain(..more);
    disposals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_ones_only_those_that_are_more_are_new() {
        assert_eq!(without(&[1, 2, 2, 3], &[2, 3, 4]), [1, 2]);
        assert_eq!(without(&[1, 2], &[2, 1]), [0; 0]);
    }
}
