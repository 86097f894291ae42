//! What-if: a user's portfolio with transactions that were not made, or without some that were, or by another method.
//! It is computed on a copy, and nothing of it is kept.

use uuid::Uuid;

use super::PortfolioError;
use super::asset_names::AssetNames;
use super::figures::PortfolioFigures;
use super::transactions::checked_list;
use crate::portfolios::imports::MANUAL_ID;
use crate::portfolios::what_if::{Changes, MOST_DISPOSALS, WhatIf, WhatIfError, what_if};
use crate::portfolios::{Method, Scope};

impl PortfolioFigures {
    /// Tries changes of a user's portfolio out. Assets are named as in
    /// [`add_transactions`](super::UserPortfolios::add_transactions); a transaction without an id is a new one.
    ///
    /// # Errors
    /// When the user has no such portfolio, a transaction is wrong or one to take out is not there, the outcome
    /// cannot be computed, or the database is away.
    pub async fn what_if(
        &self,
        user: Uuid,
        id: Uuid,
        mut changes: Changes,
    ) -> Result<WhatIf, PortfolioError> {
        let portfolio = self.portfolios().portfolio(user, id).await?;
        let names = {
            let session = self.portfolios().session().await?;
            AssetNames::of_user(&session, user).await?
        };
        for (at, row) in changes.put.iter_mut().enumerate() {
            if row.id.is_empty() {
                row.id = format!("{MANUAL_ID}{}", self.portfolios().0.randomness.id());
            }
            names.settle(row, &format!("transactions[{at}]."))?;
        }
        checked_list(&changes.put)?;
        if changes.method.unwrap_or(portfolio.settings.method) == Method::Uk {
            if changes.scope == Some(Scope::Account) {
                let detail = "the method uk pools over all accounts: leave it out";
                return Err(PortfolioError::wrong("scope", detail));
            }
            // Whatever the portfolio's own method goes by.
            changes.scope = Some(Scope::Portfolio);
        }
        let rows = changes.put.clone();
        let found = self
            .try_out(&portfolio, &rows, move |state| {
                what_if(&state.computed, &changes, MOST_DISPOSALS)
            })
            .await?;
        found.map_err(|error| match error {
            WhatIfError::NotThere(_) => PortfolioError::wrong("remove", error.to_string()),
            WhatIfError::Change(error) => error.into(),
        })
    }
}
