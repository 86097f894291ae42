//! Transactions as rows of the database.

use std::collections::{BTreeSet, HashMap};

use coinsphere_pipelines::store::{
    GenericClient, StoreError, Transaction as DatabaseTransaction, execute, query,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::transactions::StoredTransaction;
use super::{PortfolioError, accounts};
use crate::portfolios::{Leg, Transaction};

/// Rows of one statement.
const CHUNK: usize = 10_000;

/// What [`stored`] reads.
pub(super) const COLUMNS: &str = "number, import_id, account_id, to_account_id, body";

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
pub(super) fn body(transaction: &Transaction) -> Result<String, StoreError> {
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

pub(super) fn stored(
    row: &Row,
    names: &HashMap<Uuid, String>,
) -> Result<StoredTransaction, StoreError> {
    let to_account: Option<Uuid> = row.get(3);
    Ok(StoredTransaction {
        number: row.get(0),
        import: row.get(1),
        transaction: read(row.get(4), &row.get(2), to_account.as_ref(), names)?,
    })
}

/// Columns of transactions to add.
#[derive(Default)]
struct Columns<'t> {
    numbers: Vec<i64>,
    ids: Vec<&'t str>,
    times: Vec<i64>,
    kinds: Vec<&'static str>,
    accounts: Vec<Uuid>,
    to_accounts: Vec<Option<Uuid>>,
    assets: Vec<String>,
    tags: Vec<String>,
    bodies: Vec<String>,
}

impl<'t> Columns<'t> {
    /// Columns of these transactions, numbered from `first`.
    fn of(
        transactions: &[&'t Transaction],
        first: i64,
        accounts: &HashMap<String, Uuid>,
    ) -> Result<Self, StoreError> {
        let id = |name: &str| {
            let id = accounts.get(name).copied();
            id.ok_or_else(|| StoreError::Unreadable(format!("the account {name:?}")))
        };
        let mut columns = Self::default();
        for (number, transaction) in (first..).zip(transactions) {
            columns.numbers.push(number);
            columns.ids.push(transaction.id.as_str());
            columns.times.push(at_nanos(transaction));
            columns.kinds.push(transaction.kind.name());
            columns.accounts.push(id(&transaction.account)?);
            let to_account = transaction.to_account.as_deref().map(id);
            columns.to_accounts.push(to_account.transpose()?);
            columns.assets.push(joined(assets(transaction)));
            let tags = transaction.tags.iter().map(String::as_str);
            columns.tags.push(joined(tags));
            columns.bodies.push(body(transaction)?);
        }
        Ok(columns)
    }
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
    let mut chunks = (first..).step_by(CHUNK).zip(transactions.chunks(CHUNK));
    let mut next = || {
        let columns = chunks.next();
        let columns = columns.map(|(first, chunk)| Columns::of(chunk, first, accounts));
        columns.transpose()
    };
    let mut ready = next()?;
    while let Some(columns) = ready {
        let given = &[
            &portfolio as _,
            &import as _,
            &columns.numbers as _,
            &columns.ids as _,
            &columns.times as _,
            &columns.kinds as _,
            &columns.accounts as _,
            &columns.to_accounts as _,
            &columns.assets as _,
            &columns.tags as _,
            &columns.bodies as _,
        ];
        // While the database takes these, the next are made ready.
        let adding = execute(database, "add transactions", INSERT, given);
        let (added, columns) = tokio::join!(adding, async { next() });
        added?;
        ready = columns?;
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
