//! Withdrawals and deposits that are one transfer between own accounts: offered, and booked when they are
//! accepted. Files that have the two sides still find them.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{
    StoreError, Transaction as DatabaseTransaction, execute, failed, query,
};
use uuid::Uuid;

use super::accounts;
use super::figures::PortfolioFigures;
use super::import::imported;
use super::portfolio::{changed, lock};
use super::transaction_rows::{at_nanos, find, insert, next_number, put};
use super::transactions::{account_names, checked};
use super::{PortfolioError, StoredTransaction, UserPortfolios};
use crate::portfolios::transfers::{MatchOptions, Proposal, propose};
use crate::portfolios::{Computed, Transaction};

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
        let imported = [
            as_imported(&database, portfolio, &from).await?,
            as_imported(&database, portfolio, &to).await?,
        ];
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
        let imported = serde_json::to_string(&imported.concat())
            .map_err(|error| StoreError::Unreadable(format!("a transaction: {error}")))?;
        put(&database, portfolio, from.number, &transfer, &ids, None).await?;
        note_sides(
            &database,
            portfolio,
            from.number,
            Some((&imported, to.import)),
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

/// A transaction as the file had it that brought it.
async fn as_imported(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
    side: &StoredTransaction,
) -> Result<Vec<Transaction>, PortfolioError> {
    let sql = "SELECT imported_body FROM portfolio_transactions \
         WHERE portfolio_id = $1 AND number = $2";
    let given = &[&portfolio as _, &side.number as _];
    let rows = query(database, "read a side of a transfer", sql, given).await?;
    Ok(match rows.first().and_then(|row| row.get(0)) {
        Some(bodies) => imported(bodies)?,
        None => vec![side.transaction.clone()],
    })
}

/// Notes the sides that files have in place of a transfer, and which import brought the deposit; or that it is none.
async fn note_sides(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
    number: i64,
    sides: Option<(&str, Option<Uuid>)>,
) -> Result<(), StoreError> {
    let (bodies, deposit) = sides.unzip();
    let sql = "UPDATE portfolio_transactions SET imported_body = $3, deposit_import_id = $4 \
         WHERE portfolio_id = $1 AND number = $2";
    let given = &[
        &portfolio as _,
        &number as _,
        &bodies as _,
        &deposit.flatten() as _,
    ];
    execute(database, "note the sides of a transfer", sql, given).await?;
    Ok(())
}

/// Ends the transfers of which this import brought one side and not the other: the other one is there again as it
/// was imported. Returns how many transactions were added for that, and since when the portfolio is another.
pub(super) async fn part_sides(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
    import: Uuid,
    now: DateTime<Utc>,
) -> Result<(i64, Option<i64>), PortfolioError> {
    let sql = "SELECT number, import_id, deposit_import_id, imported_body FROM portfolio_transactions \
         WHERE portfolio_id = $1 AND imported_body LIKE '[%' \
           AND coalesce(import_id = $2, false) <> coalesce(deposit_import_id = $2, false) \
         ORDER BY number";
    let given = &[&portfolio as _, &import as _];
    let rows = query(database, "look for transfers of an import", sql, given).await?;
    let aliases = accounts::aliases(database, portfolio).await?;
    let first = next_number(database, portfolio).await?;
    let (mut added, mut since) = (0, None);
    for row in &rows {
        let of_deposit: Option<Uuid> = row.get(2);
        let sides = imported(row.get(3))?;
        let was_deposit = row.get::<_, Option<Uuid>>(1) == Some(import);
        let side = match was_deposit {
            true => sides.last(),
            false => sides.first(),
        };
        let Some(mut side) = side.cloned() else {
            continue;
        };
        if let Some(renamed) = aliases.get(&side.account) {
            side.account.clone_from(renamed);
        }
        let ids = accounts::ensure(database, portfolio, &account_names([&side]), None, now).await?;
        since = since.into_iter().chain([at_nanos(&side)]).min();
        if was_deposit {
            insert(
                database,
                portfolio,
                of_deposit,
                first + added,
                &[&side],
                &ids,
            )
            .await?;
            added += 1;
        } else {
            let number: i64 = row.get(0);
            put(database, portfolio, number, &side, &ids, None).await?;
            note_sides(database, portfolio, number, None).await?;
        }
    }
    Ok((added, since))
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
