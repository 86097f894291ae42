//! The transactions of a portfolio, kept in the shape of docs/portfolios.md, so that what is read is what
//! was written, to the digit. Those of one instant are in the order in which they were added.

use std::collections::{BTreeSet, HashMap};

use coinsphere_pipelines::store::{
    GenericClient, StoreError, Transaction as DatabaseTransaction, execute, failed, query,
};
use tokio_postgres::{IsolationLevel, Row};
use uuid::Uuid;

use super::accounts;
use super::asset_names::AssetNames;
use super::portfolio::{changed, lock};
use super::{PortfolioError, UserPortfolios};
use crate::portfolios::files::{FileError, check};
use crate::portfolios::imports::MANUAL_ID;
use crate::portfolios::{Kind, Leg, Transaction, TransactionFile};

/// The most transactions of a portfolio.
pub(super) const MOST: i64 = 500_000;

/// Rows of one statement.
const CHUNK: usize = 10_000;

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

const COLUMNS: &str = "number, import_id, account_id, to_account_id, body";

/// The separator of the lists in a row of [`INSERT`].
const SEPARATOR: char = '\u{1f}';

const INSERT: &str = "INSERT INTO portfolio_transactions \
     (portfolio_id, import_id, number, external_id, at_nanos, kind, account_id, to_account_id, assets, \
      tags, body) \
     SELECT $1, $2, number, external_id, at_nanos, kind, account_id, to_account_id, \
       string_to_array(assets, chr(31)), string_to_array(tags, chr(31)), body \
     FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::uuid[], $8::uuid[], $9::text[], \
       $10::text[], $11::text[]) \
     AS new (number, external_id, at_nanos, kind, account_id, to_account_id, assets, tags, body)";

/// The time of a transaction in nanoseconds since 1970; every allowed year fits.
pub(super) fn at_nanos(transaction: &Transaction) -> i64 {
    transaction.time.timestamp_nanos_opt().unwrap_or(i64::MAX)
}

/// The assets of a transaction.
fn assets(transaction: &Transaction) -> BTreeSet<&str> {
    let legs = transaction.sent.iter().chain(&transaction.received);
    legs.chain(&transaction.fees)
        .map(|Leg { asset, .. }| asset.as_str())
        .collect()
}

fn joined<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let cleaned: Vec<String> = texts
        .into_iter()
        .map(|text| text.replace(['\0', SEPARATOR], ""))
        .collect();
    cleaned.join("\u{1f}")
}

/// A transaction as it is stored; what it is made of can always be written.
fn body(transaction: &Transaction) -> Result<String, StoreError> {
    serde_json::to_string(transaction)
        .map_err(|error| StoreError::Unreadable(format!("a transaction: {error}")))
}

/// A stored transaction, with the accounts' names of today.
pub(super) fn read(
    body: &str,
    account: &Uuid,
    to_account: Option<&Uuid>,
    names: &HashMap<Uuid, String>,
) -> Result<Transaction, StoreError> {
    let mut transaction: Transaction = serde_json::from_str(body)
        .map_err(|error| StoreError::Unreadable(format!("a transaction: {error}")))?;
    if let Some(name) = names.get(account) {
        transaction.account.clone_from(name);
    }
    if let Some(name) = to_account.and_then(|account| names.get(account)) {
        transaction.to_account = Some(name.clone());
    }
    Ok(transaction)
}

fn stored(row: &Row, names: &HashMap<Uuid, String>) -> Result<StoredTransaction, StoreError> {
    let to_account: Option<Uuid> = row.get(3);
    Ok(StoredTransaction {
        number: row.get(0),
        import: row.get(1),
        transaction: read(row.get(4), &row.get(2), to_account.as_ref(), names)?,
    })
}

/// Adds transactions, numbered from `first`, in their order; their ids are new.
pub(super) async fn insert(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
    import: Option<Uuid>,
    first: i64,
    transactions: &[&Transaction],
    accounts: &HashMap<String, Uuid>,
) -> Result<(), PortfolioError> {
    let id = |name: &str| {
        let id = accounts.get(name).copied();
        id.ok_or_else(|| StoreError::Unreadable(format!("the account {name:?}")))
    };
    let mut number = first;
    for chunk in transactions.chunks(CHUNK) {
        let mut numbers = Vec::with_capacity(chunk.len());
        let mut ids = Vec::with_capacity(chunk.len());
        let mut times = Vec::with_capacity(chunk.len());
        let mut kinds = Vec::with_capacity(chunk.len());
        let mut from = Vec::with_capacity(chunk.len());
        let mut to = Vec::with_capacity(chunk.len());
        let mut of_assets = Vec::with_capacity(chunk.len());
        let mut tags = Vec::with_capacity(chunk.len());
        let mut bodies = Vec::with_capacity(chunk.len());
        for transaction in chunk {
            numbers.push(number);
            number += 1;
            ids.push(transaction.id.as_str());
            times.push(at_nanos(transaction));
            kinds.push(transaction.kind.name());
            from.push(id(&transaction.account)?);
            to.push(transaction.to_account.as_deref().map(id).transpose()?);
            of_assets.push(joined(assets(transaction)));
            tags.push(joined(transaction.tags.iter().map(String::as_str)));
            bodies.push(body(transaction)?);
        }
        let given = &[
            &portfolio as _,
            &import as _,
            &numbers as _,
            &ids as _,
            &times as _,
            &kinds as _,
            &from as _,
            &to as _,
            &of_assets as _,
            &tags as _,
            &bodies as _,
        ];
        execute(database, "add transactions", INSERT, given).await?;
    }
    Ok(())
}

/// The number of the next transaction of a locked portfolio.
pub(super) async fn next_number(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
) -> Result<i64, StoreError> {
    let sql = "SELECT next_number FROM portfolios WHERE id = $1";
    let rows = query(database, "number transactions", sql, &[&portfolio]).await?;
    Ok(rows.first().map_or(1, |row| row.get(0)))
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
    check(transactions).map_err(|error| match error {
        FileError::Transaction {
            number, message, ..
        } => {
            let path = path(number - 1, transactions.len());
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
        let sql = "SELECT asset, day, price FROM portfolio_prices WHERE portfolio_id = $1 \
             ORDER BY asset, day";
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

/// Puts a transaction in place of another. `imported` is what files are to be compared with instead of it from
/// then on, unless there is such already.
pub(super) async fn put(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
    number: i64,
    transaction: &Transaction,
    accounts: &HashMap<String, Uuid>,
    imported: Option<String>,
) -> Result<(), StoreError> {
    let to_account = transaction.to_account.as_ref();
    let given = &[
        &portfolio as _,
        &number as _,
        &at_nanos(transaction) as _,
        &transaction.kind.name() as _,
        &accounts.get(&transaction.account) as _,
        &to_account.and_then(|name| accounts.get(name)) as _,
        &joined(assets(transaction)) as _,
        &joined(transaction.tags.iter().map(String::as_str)) as _,
        &body(transaction)? as _,
        &imported as _,
    ];
    let sql = "UPDATE portfolio_transactions SET at_nanos = $3, kind = $4, account_id = $5, \
         to_account_id = $6, assets = string_to_array($7, chr(31)), \
         tags = string_to_array($8, chr(31)), body = $9, \
         imported_body = coalesce(imported_body, $10) \
         WHERE portfolio_id = $1 AND number = $2";
    execute(database, "change a transaction", sql, given).await?;
    Ok(())
}

pub(super) async fn find<C: GenericClient>(
    database: &C,
    portfolio: Uuid,
    number: i64,
) -> Result<StoredTransaction, PortfolioError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM portfolio_transactions WHERE portfolio_id = $1 AND number = $2"
    );
    let rows = query(
        database,
        "look up a transaction",
        &sql,
        &[&portfolio, &number],
    )
    .await?;
    let row = rows.first().ok_or(PortfolioError::Unknown("transaction"))?;
    let names = accounts::names(database, portfolio).await?;
    Ok(stored(row, &names)?)
}
