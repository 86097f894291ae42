//! The imports of a portfolio: listed, and undone as a whole.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{StoreError, execute, failed, query};
use serde::Deserialize;
use tokio_postgres::Row;
use uuid::Uuid;

use super::portfolio::{changed, lock};
use super::transfers::part_sides;
use super::{PortfolioError, UserPortfolios};
use crate::accounts::ListPlace;

/// Files that were imported together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortfolioImport {
    /// The id.
    pub id: Uuid,
    /// Time of the import.
    pub created_at: DateTime<Utc>,
    /// The files.
    pub files: Vec<ImportedFile>,
    /// Number of transactions that it added.
    pub added: i64,
    /// Number of transactions that were known already.
    pub duplicates: i64,
}

/// A file that was imported.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ImportedFile {
    /// Its name.
    pub name: String,
    /// The format that was recognised.
    pub format: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

fn import(row: &Row) -> Result<PortfolioImport, StoreError> {
    let files: serde_json::Value = row.get(2);
    Ok(PortfolioImport {
        id: row.get(0),
        created_at: row.get(1),
        files: serde_json::from_value(files)
            .map_err(|error| StoreError::Unreadable(format!("files of an import: {error}")))?,
        added: row.get(3),
        duplicates: row.get(4),
    })
}

impl UserPortfolios {
    /// Imports that added something, the newest first.
    ///
    /// # Errors
    /// When the user has no such portfolio, or the database is away.
    pub async fn imports(
        &self,
        user: Uuid,
        portfolio: Uuid,
        after: Option<ListPlace>,
        limit: u32,
    ) -> Result<Vec<PortfolioImport>, PortfolioError> {
        self.portfolio(user, portfolio).await?;
        let session = self.session().await?;
        let (at, id) = after.map(|place| (place.at, place.id)).unzip();
        let sql = "SELECT id, created_at, files, added, duplicates FROM portfolio_imports \
             WHERE portfolio_id = $1 \
               AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3)) \
             ORDER BY created_at DESC, id DESC LIMIT $4";
        let given = &[&portfolio as _, &at as _, &id as _, &i64::from(limit) as _];
        let rows = query(&session, "list imports", sql, given).await?;
        let imports: Result<Vec<_>, _> = rows.iter().map(import).collect();
        Ok(imports?)
    }

    /// Removes everything that an import brought: its transactions, as they are now, its prices, and accounts
    /// that nothing else names. Of a transfer that was booked of two imports, the other one's side is there again.
    ///
    /// # Errors
    /// When there is no such import, or the database is away.
    pub async fn undo_import(
        &self,
        user: Uuid,
        portfolio: Uuid,
        id: Uuid,
    ) -> Result<(), PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin undoing an import"))?;
        lock(&database, user, portfolio).await?;
        let sql = "SELECT EXISTS (SELECT FROM portfolio_prices WHERE import_id = i.id) \
             FROM portfolio_imports i WHERE i.portfolio_id = $1 AND i.id = $2";
        let found = query(&database, "look up an import", sql, &[&portfolio, &id]).await?;
        let row = found.first().ok_or(PortfolioError::Unknown("import"))?;
        let had_prices: bool = row.get(0);
        let (added, parted) = part_sides(&database, portfolio, id, self.now()).await?;
        let sql = "WITH gone AS (DELETE FROM portfolio_transactions \
               WHERE portfolio_id = $1 AND import_id = $2 RETURNING at_nanos) \
             SELECT count(*), min(at_nanos) FROM gone";
        let gone = query(
            &database,
            "remove imported transactions",
            sql,
            &[&portfolio, &id],
        )
        .await?;
        let (removed, since): (i64, Option<i64>) = match gone.first() {
            Some(row) => (row.get(0), row.get(1)),
            None => (0, None),
        };
        let sql = "DELETE FROM portfolio_accounts a WHERE a.portfolio_id = $1 AND a.import_id = $2 \
             AND NOT EXISTS (SELECT FROM portfolio_transactions t \
               WHERE t.account_id = a.id OR t.to_account_id = a.id)";
        execute(
            &database,
            "remove accounts of an import",
            sql,
            &[&portfolio, &id],
        )
        .await?;
        let sql = "DELETE FROM portfolio_imports WHERE id = $1";
        execute(&database, "remove an import", sql, &[&id]).await?;
        let since = since
            .into_iter()
            .chain(parted)
            .min()
            .filter(|_| !had_prices);
        let changed = changed(&database, portfolio, (added, removed), since).await?;
        database.commit().await.map_err(failed("undo an import"))?;
        self.announce(changed);
        Ok(())
    }
}
