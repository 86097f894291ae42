//! The transactions of a portfolio, kept in the shape of docs/portfolios.md, so that what is read is what
//! was written, to the digit. Those of one instant are in the order in which they were added.

use std::collections::BTreeSet;

use coinsphere_pipelines::store::{StoreError, failed, query};
use tokio_postgres::IsolationLevel;
use uuid::Uuid;

use super::accounts;
use super::asset_names::AssetNames;
use super::portfolio::{changed, lock};
use super::transaction_rows::{
    COLUMNS, at_nanos, body, find, insert, next_number, put, read, stored,
};
use super::{PortfolioError, UserPortfolios};
use crate::portfolios::files::{FileError, check};
use crate::portfolios::imports::MANUAL_ID;
use crate::portfolios::{Kind, Transaction, TransactionFile};

/// The most transactions of a portfolio.
pub(super) const MOST: i64 = 500_000;

/// A transaction as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTransaction {
    /// Number within the portfolio: 1, 2, … in the order in which they were added.
    pub number: i64,
    /// The import that brought it.
    pub import: Option<Uuid>,
    /// The transaction itself.
    pub transaction: Transaction,
}

/// A place in a list of transactions: after this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPlace {
    /// Its time, in nanoseconds since 1970.
    pub at_nanos: i64,
    /// Its number.
    pub number: i64,
}

/// Filter of a list of transactions.
#[derive(Debug, Clone, Default)]
pub struct TransactionFilter {
    /// Asset that is sent, received or paid.
    pub asset: Option<String>,
    /// Kind of the transaction.
    pub kind: Option<Kind>,
    /// Account, on either side of a transfer.
    pub account: Option<String>,
    /// Earliest time, in nanoseconds since 1970, inclusive.
    pub from: Option<i64>,
    /// End, in nanoseconds since 1970, exclusive.
    pub to: Option<i64>,
    /// Tag that it has.
    pub tag: Option<String>,
    /// Import that brought it.
    pub import: Option<Uuid>,
    /// Place in the list to go on after.
    pub after: Option<TransactionPlace>,
    /// Most transactions to answer.
    pub limit: u32,
}

/// Refuses more transactions than a portfolio may have.
pub(super) fn fits(before: i64, added: usize) -> Result<(), PortfolioError> {
    let after = i64::try_from(added).map_or(i64::MAX, |added| before.saturating_add(added));
    if after > MOST {
        return Err(PortfolioError::Conflict(format!(
            "a portfolio has at most {MOST} transactions"
        )));
    }
    Ok(())
}

/// The accounts that transactions name.
pub(super) fn account_names<'t>(
    transactions: impl IntoIterator<Item = &'t Transaction>,
) -> BTreeSet<&'t str> {
    transactions
        .into_iter()
        .flat_map(|row| std::iter::once(row.account.as_str()).chain(row.to_account.as_deref()))
        .collect()
}

/// The path of a transaction in its request, for errors.
fn path(at: usize, count: usize) -> String {
    match count {
        1 => String::new(),
        _ => format!("transactions[{at}]."),
    }
}

/// Refuses what no transaction can be.
pub(super) fn checked(transactions: &[Transaction]) -> Result<(), PortfolioError> {
    checked_at(transactions, |at| path(at, transactions.len()))
}

/// Refuses what no transaction of a list can be, even if it is the only one.
pub(super) fn checked_list(transactions: &[Transaction]) -> Result<(), PortfolioError> {
    checked_at(transactions, |at| format!("transactions[{at}]."))
}

fn checked_at(
    transactions: &[Transaction],
    path: impl Fn(usize) -> String,
) -> Result<(), PortfolioError> {
    check(transactions).map_err(|error| match error {
        FileError::Transaction {
            number, message, ..
        } => {
            let path = path(number - 1);
            let field = match path.as_str() {
                "" => "body",
                path => path.trim_end_matches('.'),
            };
            PortfolioError::wrong(field, message)
        }
        other => PortfolioError::wrong("body", other.to_string()),
    })
}

impl UserPortfolios {
    /// The version of a portfolio, and all its transactions in order: by time, and of one instant as they were
    /// added.
    ///
    /// # Errors
    /// When there is no such portfolio, or the database is away.
    pub async fn transactions(
        &self,
        portfolio: Uuid,
    ) -> Result<(i64, Vec<Transaction>), PortfolioError> {
        let (version, file) = self.file(portfolio).await?;
        Ok((version, file.transactions))
    }

    /// The version of a portfolio, and all that is computed from: its currency and time zone, transactions in
    /// order, and the prices that imports brought.
    ///
    /// # Errors
    /// When there is no such portfolio, or the database is away.
    pub async fn file(&self, portfolio: Uuid) -> Result<(i64, TransactionFile), PortfolioError> {
        let mut session = self.session().await?;
        // One moment for all statements.
        let database = session
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(failed("begin reading a portfolio"))?;
        let sql = "SELECT version, currency, time_zone FROM portfolios WHERE id = $1";
        let rows = query(&database, "read a portfolio", sql, &[&portfolio]).await?;
        let row = rows.first().ok_or(PortfolioError::Unknown("portfolio"))?;
        let mut file = TransactionFile::new(row.get::<_, String>(1));
        file.timezone = row
            .get::<_, &str>(2)
            .parse()
            .map_err(|_| StoreError::Unreadable("the time zone of a portfolio".to_owned()))?;
        let names = accounts::names(&database, portfolio).await?;
        let sql = "SELECT account_id, to_account_id, body FROM portfolio_transactions \
             WHERE portfolio_id = $1 ORDER BY at_nanos, number";
        let transactions = query(&database, "read transactions", sql, &[&portfolio]).await?;
        let sql = "SELECT DISTINCT ON (p.asset, p.day) p.asset, p.day, p.price \
             FROM portfolio_prices p JOIN portfolio_imports i ON i.id = p.import_id \
             WHERE p.portfolio_id = $1 ORDER BY p.asset, p.day, i.number DESC";
        let prices = query(&database, "read prices", sql, &[&portfolio]).await?;
        let version = row.get(0);
        drop(database);
        file.transactions = transactions
            .iter()
            .map(|row| {
                let to_account: Option<Uuid> = row.get(1);
                read(row.get(2), &row.get(0), to_account.as_ref(), &names)
            })
            .collect::<Result<_, _>>()?;
        for row in &prices {
            let price = row.get::<_, &str>(2).parse();
            let price = price.map_err(|_| StoreError::Unreadable("a price".to_owned()))?;
            file.prices.set(row.get(0), row.get(1), price);
        }
        Ok((version, file))
    }

    /// All transactions of a portfolio from a time on, in nanoseconds since 1970, in order.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn transactions_since(
        &self,
        portfolio: Uuid,
        since: i64,
    ) -> Result<Vec<Transaction>, PortfolioError> {
        let session = self.session().await?;
        let names = accounts::names(&session, portfolio).await?;
        let sql = "SELECT account_id, to_account_id, body FROM portfolio_transactions \
             WHERE portfolio_id = $1 AND at_nanos >= $2 ORDER BY at_nanos, number";
        let doing = "read the newest transactions";
        let rows = query(&session, doing, sql, &[&portfolio, &since]).await?;
        let transactions = rows.iter().map(|row| {
            let to_account: Option<Uuid> = row.get(1);
            read(row.get(2), &row.get(0), to_account.as_ref(), &names)
        });
        Ok(transactions.collect::<Result<_, _>>()?)
    }

    /// Transactions of a portfolio, the newest first.
    ///
    /// # Errors
    /// When the user has no such portfolio, or the database is away.
    pub async fn list_transactions(
        &self,
        user: Uuid,
        portfolio: Uuid,
        wanted: &TransactionFilter,
    ) -> Result<Vec<StoredTransaction>, PortfolioError> {
        self.portfolio(user, portfolio).await?;
        let session = self.session().await?;
        let asset = match &wanted.asset {
            None => None,
            Some(name) => {
                let names = AssetNames::of_user(&session, user).await?;
                Some(names.resolve(name).unwrap_or_else(|_| name.clone()))
            }
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM portfolio_transactions t WHERE portfolio_id = $1 \
             AND ($2::text IS NULL OR $2 = ANY(assets)) AND ($3::text IS NULL OR kind = $3) \
             AND ($4::text IS NULL OR EXISTS (SELECT FROM portfolio_accounts a \
               WHERE a.portfolio_id = $1 AND a.name = $4 AND a.id IN (t.account_id, t.to_account_id))) \
             AND ($5::bigint IS NULL OR at_nanos >= $5) AND ($6::bigint IS NULL OR at_nanos < $6) \
             AND ($7::text IS NULL OR $7 = ANY(tags)) AND ($8::uuid IS NULL OR import_id = $8) \
             AND ($9::bigint IS NULL OR (at_nanos, number) < ($9, $10)) \
             ORDER BY at_nanos DESC, number DESC LIMIT $11"
        );
        let kind = wanted.kind.map(Kind::name);
        let (at, number) = wanted
            .after
            .map(|place| (place.at_nanos, place.number))
            .unzip();
        let given = &[
            &portfolio as _,
            &asset as _,
            &kind as _,
            &wanted.account as _,
            &wanted.from as _,
            &wanted.to as _,
            &wanted.tag as _,
            &wanted.import as _,
            &at as _,
            &number as _,
            &i64::from(wanted.limit) as _,
        ];
        let rows = query(&session, "list transactions", &sql, given).await?;
        let names = accounts::names(&session, portfolio).await?;
        let list: Result<Vec<_>, _> = rows.iter().map(|row| stored(row, &names)).collect();
        Ok(list?)
    }

    /// A transaction of a portfolio.
    ///
    /// # Errors
    /// When the user has no such portfolio or transaction, or the database is away.
    pub async fn transaction(
        &self,
        user: Uuid,
        portfolio: Uuid,
        number: i64,
    ) -> Result<StoredTransaction, PortfolioError> {
        self.portfolio(user, portfolio).await?;
        let session = self.session().await?;
        find(&session, portfolio, number).await
    }

    /// Adds transactions, all or none. Assets are named by their id, a symbol that means one thing, or the
    /// code of money; one without an id gets one. Answers them as they are kept.
    ///
    /// # Errors
    /// When the user has no such portfolio, one of them is wrong, an id is taken, there would be too many, or
    /// the database is away.
    pub async fn add_transactions(
        &self,
        user: Uuid,
        portfolio: Uuid,
        mut transactions: Vec<Transaction>,
    ) -> Result<Vec<StoredTransaction>, PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin adding transactions"))?;
        let before = lock(&database, user, portfolio).await?;
        let names = AssetNames::of_user(&database, user).await?;
        let count = transactions.len();
        for (at, transaction) in transactions.iter_mut().enumerate() {
            if transaction.id.is_empty() {
                transaction.id = format!("{MANUAL_ID}{}", self.0.randomness.id());
            }
            names.settle(transaction, &path(at, count))?;
        }
        checked(&transactions)?;
        fits(before.transactions, count)?;
        let ids: Vec<&str> = transactions.iter().map(|row| row.id.as_str()).collect();
        let sql = "SELECT external_id FROM portfolio_transactions \
             WHERE portfolio_id = $1 AND external_id = ANY($2) LIMIT 1";
        let taken = query(&database, "look for ids", sql, &[&portfolio, &ids]).await?;
        if let Some(row) = taken.first() {
            let id: &str = row.get(0);
            let what = format!("there is a transaction with the id {id:?} already");
            return Err(PortfolioError::Conflict(what));
        }
        let wanted = account_names(&transactions);
        let accounts = accounts::ensure(&database, portfolio, &wanted, None, self.now()).await?;
        let first = next_number(&database, portfolio).await?;
        let rows: Vec<&Transaction> = transactions.iter().collect();
        insert(&database, portfolio, None, first, &rows, &accounts).await?;
        let since = transactions.iter().map(at_nanos).min();
        let added = i64::try_from(count).unwrap_or(i64::MAX);
        let changed = changed(&database, portfolio, (added, 0), since).await?;
        database
            .commit()
            .await
            .map_err(failed("add transactions"))?;
        self.announce(changed);
        let numbered = (first..).zip(transactions);
        let kept = numbered.map(|(number, transaction)| StoredTransaction {
            number,
            import: None,
            transaction,
        });
        Ok(kept.collect())
    }

    /// Puts a transaction in place of another, whose id and place among those of one instant it keeps.
    ///
    /// # Errors
    /// When the user has no such portfolio or transaction, it is wrong, or the database is away.
    pub async fn replace_transaction(
        &self,
        user: Uuid,
        portfolio: Uuid,
        number: i64,
        mut transaction: Transaction,
    ) -> Result<StoredTransaction, PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin changing a transaction"))?;
        lock(&database, user, portfolio).await?;
        let before = find(&database, portfolio, number).await?;
        if transaction.id.is_empty() {
            transaction.id.clone_from(&before.transaction.id);
        }
        if transaction.id != before.transaction.id {
            let detail = "the id of a transaction stays: leave it out, or send the one it has";
            return Err(PortfolioError::wrong("id", detail));
        }
        let names = AssetNames::of_user(&database, user).await?;
        names.settle(&mut transaction, "")?;
        checked(std::slice::from_ref(&transaction))?;
        let wanted = account_names([&transaction]);
        let accounts = accounts::ensure(&database, portfolio, &wanted, None, self.now()).await?;
        let imported = before.import.map(|_| body(&before.transaction));
        put(
            &database,
            portfolio,
            number,
            &transaction,
            &accounts,
            imported.transpose()?,
        )
        .await?;
        let since = at_nanos(&transaction).min(at_nanos(&before.transaction));
        let changed = changed(&database, portfolio, (0, 0), Some(since)).await?;
        database
            .commit()
            .await
            .map_err(failed("change a transaction"))?;
        self.announce(changed);
        Ok(StoredTransaction {
            transaction,
            ..before
        })
    }

    /// Deletes a transaction.
    ///
    /// # Errors
    /// When the user has no such portfolio or transaction, or the database is away.
    pub async fn delete_transaction(
        &self,
        user: Uuid,
        portfolio: Uuid,
        number: i64,
    ) -> Result<(), PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin deleting a transaction"))?;
        lock(&database, user, portfolio).await?;
        let sql = "DELETE FROM portfolio_transactions WHERE portfolio_id = $1 AND number = $2 \
             RETURNING at_nanos";
        let gone = query(
            &database,
            "delete a transaction",
            sql,
            &[&portfolio, &number],
        )
        .await?;
        let row = gone.first().ok_or(PortfolioError::Unknown("transaction"))?;
        let changed = changed(&database, portfolio, (0, 1), Some(row.get(0))).await?;
        database
            .commit()
            .await
            .map_err(failed("delete a transaction"))?;
        self.announce(changed);
        Ok(())
    }
}
