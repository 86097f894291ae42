//! Withdrawals and deposits that are one transfer between own accounts: offered, and booked when they are
//! accepted. Files that have the two sides still find them.

use coinsphere_pipelines::store::{
    StoreError, Transaction as DatabaseTransaction, execute, failed, query,
};
use uuid::Uuid;

use super::accounts;
use super::figures::PortfolioFigures;
use super::portfolio::{changed, lock};
use super::transaction_rows::{at_nanos, find, put};
use super::transactions::{account_names, checked};
use super::{PortfolioError, StoredTransaction, UserPortfolios};
use crate::portfolios::Computed;
use crate::portfolios::transfers::{MatchOptions, Proposal, propose};

impl PortfolioFigures {
    /// Withdrawals and deposits of a portfolio that may be one transfer, by time; at most 1,000.
    ///
    /// # Errors
    /// As [`PortfolioFigures::snapshot`].
    pub async fn transfer_proposals(
        &self,
        user: Uuid,
        portfolio: Uuid,
    ) -> Result<Vec<Proposal>, PortfolioError> {
        let options = MatchOptions::default();
        let asked = move |computed: &Computed| {
            let mut found = propose(computed.transactions(), options);
            found.truncate(options.most);
            found
        };
        let (_, found) = self.ask(user, portfolio, asked).await?;
        Ok(found)
    }
}

impl UserPortfolios {
    /// Books a transfer in place of a withdrawal and a deposit, by their ids. It has the withdrawal's id and
    /// number.
    ///
    /// # Errors
    /// When there is no such portfolio or transaction, the two cannot be one, or the database is away.
    pub async fn book_transfer(
        &self,
        user: Uuid,
        portfolio: Uuid,
        withdrawal: &str,
        deposit: &str,
    ) -> Result<StoredTransaction, PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin booking a transfer"))?;
        lock(&database, user, portfolio).await?;
        let from = of_id(&database, portfolio, withdrawal).await?;
        let to = of_id(&database, portfolio, deposit).await?;
        let sides = [from.transaction, to.transaction];
        let transfer = propose(&sides, MatchOptions::default())
            .into_iter()
            .find(|one| one.withdrawal == withdrawal && one.deposit == deposit)
            .map(|one| one.transfer);
        let Some(transfer) = transfer else {
            return Err(PortfolioError::Conflict(
                "they are not the two sides of one transfer: it takes a withdrawal and a deposit of one asset in \
                 two accounts, within a day, of which at most a tenth was lost"
                    .to_owned(),
            ));
        };
        checked(std::slice::from_ref(&transfer))?;
        let wanted = account_names([&transfer]);
        let ids = accounts::ensure(&database, portfolio, &wanted, None, self.now()).await?;
        let imported = serde_json::to_string(&sides)
            .map_err(|error| StoreError::Unreadable(format!("a transaction: {error}")))?;
        put(
            &database,
            portfolio,
            from.number,
            &transfer,
            &ids,
            Some(imported),
        )
        .await?;
        let sql = "DELETE FROM portfolio_transactions WHERE portfolio_id = $1 AND number = $2";
        let given = &[&portfolio as _, &to.number as _];
        execute(&database, "replace a deposit by a transfer", sql, given).await?;
        let since = sides.iter().map(at_nanos).min();
        let changed = changed(&database, portfolio, (0, 1), since).await?;
        database.commit().await.map_err(failed("book a transfer"))?;
        self.announce(changed);
        Ok(StoredTransaction {
            number: from.number,
            import: from.import,
            transaction: transfer,
        })
    }
}

/// The transaction of an id.
async fn of_id(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
    id: &str,
) -> Result<StoredTransaction, PortfolioError> {
    let sql = "SELECT number FROM portfolio_transactions \
         WHERE portfolio_id = $1 AND external_id = $2";
    let rows = query(
        database,
        "look up a side of a transfer",
        sql,
        &[&portfolio, &id],
    )
    .await?;
    let row = rows.first().ok_or(PortfolioError::Unknown("transaction"))?;
    find(database, portfolio, row.get(0)).await
}
