//! The accounts of a portfolio: where coins are. One is made with the first transaction that names it, and
//! files go on finding it by its old name when it was renamed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{GenericClient, StoreError, Transaction, execute, failed, query};
use tokio_postgres::Row;
use uuid::Uuid;

use super::portfolio::{changed, lock};
use super::{PortfolioError, UserPortfolios};

/// The most accounts of a portfolio.
const MOST: usize = 1_000;

/// The longest name.
const LONGEST_NAME: usize = 256;

/// An account, and how much is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortfolioAccount {
    /// The id.
    pub id: Uuid,
    /// Its name: transactions name it by that.
    pub name: String,
    /// Number of transactions that name it.
    pub transactions: i64,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
}

const ACCOUNT: &str = "SELECT a.id, a.name, a.created_at, \
     (SELECT count(*) FROM portfolio_transactions t \
      WHERE t.account_id = a.id OR t.to_account_id = a.id) AS transactions \
     FROM portfolio_accounts a";

fn account(row: &Row) -> PortfolioAccount {
    PortfolioAccount {
        id: row.get(0),
        name: row.get(1),
        created_at: row.get(2),
        transactions: row.get(3),
    }
}

/// The names of a portfolio's accounts.
pub(super) async fn names<C: GenericClient>(
    database: &C,
    portfolio: Uuid,
) -> Result<HashMap<Uuid, String>, StoreError> {
    let sql = "SELECT id, name FROM portfolio_accounts WHERE portfolio_id = $1";
    let rows = query(database, "read a portfolio's accounts", sql, &[&portfolio]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The names of renamed accounts by those of files.
pub(super) async fn aliases<C: GenericClient>(
    database: &C,
    portfolio: Uuid,
) -> Result<BTreeMap<String, String>, StoreError> {
    let sql = "SELECT i.name, a.name FROM portfolio_account_aliases i \
         JOIN portfolio_accounts a ON a.id = i.account_id WHERE i.portfolio_id = $1";
    let rows = query(database, "read names of accounts", sql, &[&portfolio]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The accounts of these names, made where there is none yet.
pub(super) async fn ensure(
    database: &Transaction<'_>,
    portfolio: Uuid,
    wanted: &BTreeSet<&str>,
    import: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<HashMap<String, Uuid>, PortfolioError> {
    let names: Vec<&str> = wanted.iter().copied().collect();
    let made = execute(
        database,
        "add accounts",
        "INSERT INTO portfolio_accounts (id, portfolio_id, name, import_id, created_at) \
         SELECT gen_random_uuid(), $1, name, $3, $4 FROM unnest($2::text[]) AS name \
         ON CONFLICT (portfolio_id, name) DO NOTHING",
        &[&portfolio, &names, &import, &now],
    )
    .await?;
    if made > 0 {
        forget_aliases(database, portfolio, &names).await?;
    }
    let sql = "SELECT name, id FROM portfolio_accounts WHERE portfolio_id = $1";
    let rows = query(database, "read a portfolio's accounts", sql, &[&portfolio]).await?;
    if made > 0 && rows.len() > MOST {
        return Err(full());
    }
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

fn full() -> PortfolioError {
    PortfolioError::Conflict(format!("a portfolio has at most {MOST} accounts"))
}

fn name(text: &str) -> Result<String, PortfolioError> {
    let text = text.trim();
    let fits = (1..=LONGEST_NAME).contains(&text.chars().count());
    if !fits || text.contains(char::is_control) {
        let detail = format!("use one line of 1 to {LONGEST_NAME} characters");
        return Err(PortfolioError::wrong("name", detail));
    }
    Ok(text.to_owned())
}

fn taken(name: &str) -> PortfolioError {
    PortfolioError::Conflict(format!("there is an account named {name:?} already"))
}

async fn show(
    database: &Transaction<'_>,
    portfolio: Uuid,
    id: Uuid,
) -> Result<PortfolioAccount, PortfolioError> {
    let sql = format!("{ACCOUNT} WHERE a.portfolio_id = $1 AND a.id = $2");
    let rows = query(database, "look up an account", &sql, &[&portfolio, &id]).await?;
    rows.first()
        .map(account)
        .ok_or(PortfolioError::Unknown("account"))
}

async fn is_taken(
    database: &Transaction<'_>,
    portfolio: Uuid,
    name: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT FROM portfolio_accounts WHERE portfolio_id = $1 AND name = $2";
    let rows = query(
        database,
        "look for an account's name",
        sql,
        &[&portfolio, &name],
    )
    .await?;
    Ok(!rows.is_empty())
}

/// A name that is an account's now is no other's old name.
async fn forget_aliases(
    database: &Transaction<'_>,
    portfolio: Uuid,
    names: &[&str],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM portfolio_account_aliases WHERE portfolio_id = $1 AND name = ANY($2)";
    execute(
        database,
        "forget old names of accounts",
        sql,
        &[&portfolio, &names],
    )
    .await?;
    Ok(())
}

impl UserPortfolios {
    /// The accounts of a portfolio by name; at most 1,000.
    ///
    /// # Errors
    /// When the user has no such portfolio, or the database is away.
    pub async fn accounts(
        &self,
        user: Uuid,
        portfolio: Uuid,
    ) -> Result<Vec<PortfolioAccount>, PortfolioError> {
        self.portfolio(user, portfolio).await?;
        let session = self.session().await?;
        let sql = format!("{ACCOUNT} WHERE a.portfolio_id = $1 ORDER BY a.name, a.id");
        let rows = query(&session, "list accounts", &sql, &[&portfolio]).await?;
        Ok(rows.iter().map(account).collect())
    }

    /// Adds an account that no transaction names yet.
    ///
    /// # Errors
    /// When the user has no such portfolio, the name is taken or no name, there are 1,000 already, or the
    /// database is away.
    pub async fn add_account(
        &self,
        user: Uuid,
        portfolio: Uuid,
        called: &str,
    ) -> Result<PortfolioAccount, PortfolioError> {
        let called = name(called)?;
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin adding an account"))?;
        lock(&database, user, portfolio).await?;
        if is_taken(&database, portfolio, &called).await? {
            return Err(taken(&called));
        }
        let wanted = BTreeSet::from([called.as_str()]);
        let ids = ensure(&database, portfolio, &wanted, None, self.now()).await?;
        let id = ids
            .get(&called)
            .copied()
            .ok_or(PortfolioError::Unknown("account"))?;
        let made = show(&database, portfolio, id).await?;
        let changed = changed(&database, portfolio, (0, 0), None).await?;
        database.commit().await.map_err(failed("add an account"))?;
        self.announce(changed);
        Ok(made)
    }

    /// Renames an account. Files that know it by its old name still find it.
    ///
    /// # Errors
    /// When there is no such account, the name is taken or no name, or the database is away.
    pub async fn rename_account(
        &self,
        user: Uuid,
        portfolio: Uuid,
        id: Uuid,
        called: &str,
    ) -> Result<PortfolioAccount, PortfolioError> {
        let called = name(called)?;
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin renaming an account"))?;
        lock(&database, user, portfolio).await?;
        let before = show(&database, portfolio, id).await?;
        if before.name != called {
            if is_taken(&database, portfolio, &called).await? {
                return Err(taken(&called));
            }
            forget_aliases(&database, portfolio, &[&called]).await?;
            execute(
                &database,
                "rename an account",
                "UPDATE portfolio_accounts SET name = $2 WHERE id = $1",
                &[&id, &called],
            )
            .await?;
            execute(
                &database,
                "remember an account's old name",
                "INSERT INTO portfolio_account_aliases (portfolio_id, name, account_id) \
                 VALUES ($1, $2, $3) \
                 ON CONFLICT (portfolio_id, name) DO UPDATE SET account_id = EXCLUDED.account_id",
                &[&portfolio, &before.name, &id],
            )
            .await?;
        }
        let renamed = show(&database, portfolio, id).await?;
        let changed = changed(&database, portfolio, (0, 0), None).await?;
        database
            .commit()
            .await
            .map_err(failed("rename an account"))?;
        self.announce(changed);
        Ok(renamed)
    }

    /// Deletes an account that no transaction names.
    ///
    /// # Errors
    /// When there is no such account, transactions name it, or the database is away.
    pub async fn delete_account(
        &self,
        user: Uuid,
        portfolio: Uuid,
        id: Uuid,
    ) -> Result<(), PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin deleting an account"))?;
        lock(&database, user, portfolio).await?;
        let found = show(&database, portfolio, id).await?;
        if found.transactions > 0 {
            return Err(PortfolioError::Conflict(format!(
                "{} transactions name this account: delete or change them first",
                found.transactions
            )));
        }
        // Transactions would go with it: not those that the count has missed.
        let sql = "DELETE FROM portfolio_accounts WHERE id = $1 AND NOT EXISTS \
             (SELECT FROM portfolio_transactions WHERE account_id = $1 OR to_account_id = $1)";
        execute(&database, "delete an account", sql, &[&id]).await?;
        let changed = changed(&database, portfolio, (0, 0), None).await?;
        database
            .commit()
            .await
            .map_err(failed("delete an account"))?;
        self.announce(changed);
        Ok(())
    }
}
