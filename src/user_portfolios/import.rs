//! Imports of files into a portfolio. A dry run and the import itself read the files alike; the import is one
//! transaction of the database, so all of it is stored or nothing.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use coinsphere_pipelines::store::{
    StoreError, Transaction as DatabaseTransaction, execute, failed, query,
};
use data_encoding::HEXLOWER;
use serde_json::json;
use tokio_postgres::IsolationLevel;
use uuid::Uuid;

use super::accounts;
use super::asset_names::AssetNames;
use super::choices::{self, Choices};
use super::import_list::PortfolioImport;
use super::portfolio::{Portfolio, changed, find, lock};
use super::transaction_rows::{at_nanos, insert, next_number, read};
use super::transactions::{account_names, fits};
use super::{PortfolioError, UserPortfolios};
use crate::portfolios::imports::{self, Choice, DateOrder, ImportOptions, ImportOutcome};
use crate::portfolios::{Prices, Transaction, Tz};

/// Prices of one statement.
const CHUNK: usize = 10_000;

/// Times that files are read, where the portfolio changes meanwhile.
const ATTEMPTS: usize = 5;

/// Files to import, and what the user says of them.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Their names and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// The format by name, where the content does not settle it.
    pub format: Option<String>,
    /// The account's name, in place of the venue's.
    pub account: Option<String>,
    /// The zone of times without one; by default the portfolio's.
    pub time_zone: Option<Tz>,
    /// True if the day comes first in dates like 03/04/2021.
    pub day_first: Option<bool>,
    /// True if a comma stands before the decimals.
    pub decimal_comma: Option<bool>,
    /// Operations that no format knows: `skip`, or a kind of transaction. Remembered.
    pub operations: BTreeMap<String, String>,
    /// Assets by ticker, also as `venue:TICKER`. Remembered.
    pub tickers: BTreeMap<String, String>,
    /// Single rows: `skip`, or a kind of transaction.
    pub rows: Vec<RowChoice>,
}

/// The meaning of one row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChoice {
    /// The file's name.
    pub file: String,
    /// The line, the header counted.
    pub row: u64,
    /// `skip`, or a kind of transaction.
    pub meaning: String,
}

/// The result of an import.
#[derive(Clone, Debug)]
pub struct ImportReceipt {
    /// The import that was stored; none if everything was known already.
    pub import: Option<PortfolioImport>,
    /// The outcome of reading the files, without the transactions.
    pub outcome: ImportOutcome,
}

impl UserPortfolios {
    /// The outcome of an import that is not done.
    ///
    /// # Errors
    /// When the user has no such portfolio, something said of the files is wrong, or the database is away.
    pub async fn preview_import(
        &self,
        user: Uuid,
        portfolio: Uuid,
        request: ImportRequest,
    ) -> Result<ImportOutcome, PortfolioError> {
        let (_, options, _) = self.prepare(user, portfolio, &request).await?;
        let (outcome, _) = parse(request.files, options).await?;
        Ok(outcome)
    }

    /// Imports files: every transaction that is not known yet is added, or nothing if any row is refused or
    /// any ticker is open.
    ///
    /// # Errors
    /// When the import is refused, the user has no such portfolio, something said of the files is wrong, there
    /// would be too many transactions, or the database is away.
    pub async fn import(
        &self,
        user: Uuid,
        portfolio: Uuid,
        request: ImportRequest,
    ) -> Result<ImportReceipt, PortfolioError> {
        let mut request = request;
        for _ in 0..ATTEMPTS {
            // Reading takes its time, in which the database is not held up: neither this portfolio nor a connection.
            let (version, options, asked) = self.prepare(user, portfolio, &request).await?;
            let (outcome, files) = parse(std::mem::take(&mut request.files), options).await?;
            if !outcome.is_accepted() {
                // What was answered need not be asked again.
                let session = self.session().await?;
                asked.remember(&session, user).await?;
                return Err(PortfolioError::ImportRefused(Box::new(outcome)));
            }
            let stored = self
                .store_import(user, (portfolio, version), &files, outcome, &asked)
                .await?;
            if let Some(receipt) = stored {
                return Ok(receipt);
            }
            // It was compared with what is no longer there.
            request.files = files;
        }
        Err(PortfolioError::Conflict(
            "the portfolio changes all the time: import again when it is left alone".to_owned(),
        ))
    }

    /// The version of a portfolio, how files are read into it, and what the user answered now.
    async fn prepare(
        &self,
        user: Uuid,
        portfolio: Uuid,
        request: &ImportRequest,
    ) -> Result<(i64, ImportOptions, Choices), PortfolioError> {
        let mut session = self.session().await?;
        // One moment for all statements.
        let database = session
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(failed("begin reading files"))?;
        let portfolio = find(&database, user, portfolio).await?;
        let names = AssetNames::of_user(&database, user).await?;
        let asked = choices_of(request, &names)?;
        let options = options(&database, user, &portfolio, request, &names, &asked).await?;
        Ok((portfolio.version, options, asked))
    }

    /// Stores what files brought, if the portfolio is still of the version that they were compared with.
    async fn store_import(
        &self,
        user: Uuid,
        (portfolio, version): (Uuid, i64),
        files: &Files,
        mut outcome: ImportOutcome,
        asked: &Choices,
    ) -> Result<Option<ImportReceipt>, PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin an import"))?;
        let portfolio = lock(&database, user, portfolio).await?;
        if portfolio.version != version {
            return Ok(None);
        }
        let names = AssetNames::of_user(&database, user).await?;
        asked.remember(&database, user).await?;
        let rows: Vec<Transaction> = std::mem::take(&mut outcome.transactions)
            .into_iter()
            .map(|imported| imported.transaction)
            .collect();
        fits(portfolio.transactions, rows.len())?;
        let described: Vec<_> = files
            .iter()
            .zip(&outcome.files)
            .map(|((name, bytes), read)| {
                let sha256 = HEXLOWER.encode(digest(&SHA256, bytes).as_ref());
                json!({"name": name, "format": read.format, "bytes": bytes.len(), "sha256": sha256})
            })
            .collect();
        let duplicates: usize = outcome.files.iter().map(|file| file.duplicates.len()).sum();
        let import = PortfolioImport {
            id: self.0.randomness.id(),
            created_at: self.now(),
            files: serde_json::from_value(json!(described))
                .map_err(|error| StoreError::Unreadable(format!("files of an import: {error}")))?,
            added: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            duplicates: i64::try_from(duplicates).unwrap_or(i64::MAX),
        };
        execute(
            &database,
            "note an import",
            "INSERT INTO portfolio_imports \
               (id, portfolio_id, user_id, created_at, files, added, duplicates) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                &import.id,
                &portfolio.id,
                &user,
                &import.created_at,
                &json!(described),
                &import.added,
                &import.duplicates,
            ],
        )
        .await?;
        let prices =
            store_prices(&database, &portfolio, import.id, &names, &outcome.prices).await?;
        if rows.is_empty() && prices == 0 {
            let sql = "DELETE FROM portfolio_imports WHERE id = $1";
            execute(&database, "forget an empty import", sql, &[&import.id]).await?;
            database.commit().await.map_err(failed("end an import"))?;
            return Ok(Some(ImportReceipt {
                import: None,
                outcome,
            }));
        }
        let wanted = account_names(&rows);
        let accounts = accounts::ensure(
            &database,
            portfolio.id,
            &wanted,
            Some(import.id),
            import.created_at,
        )
        .await?;
        let first = next_number(&database, portfolio.id).await?;
        let in_order: Vec<&Transaction> = rows.iter().collect();
        insert(
            &database,
            portfolio.id,
            Some(import.id),
            first,
            &in_order,
            &accounts,
        )
        .await?;
        let since = match prices {
            0 => rows.iter().map(at_nanos).min(),
            _ => None,
        };
        let changed = changed(&database, portfolio.id, (import.added, 0), since).await?;
        database.commit().await.map_err(failed("import files"))?;
        self.announce(changed);
        Ok(Some(ImportReceipt {
            import: Some(import),
            outcome,
        }))
    }
}

/// The user's answers in this request.
fn choices_of(request: &ImportRequest, names: &AssetNames) -> Result<Choices, PortfolioError> {
    let mut choices = Choices::default();
    for (word, meaning) in &request.operations {
        let choice = choices::choice(meaning)
            .map_err(|error| PortfolioError::wrong(format!("operations.{word}"), error))?;
        choices.operations.insert(word.clone(), choice);
    }
    for (ticker, meaning) in &request.tickers {
        let asset = names.asset(&format!("tickers.{ticker}"), meaning.trim())?;
        if asset.is_empty() || asset.chars().count() > 256 {
            let detail = "use the id of a token, or a name of 1 to 256 characters";
            return Err(PortfolioError::wrong(format!("tickers.{ticker}"), detail));
        }
        choices.tickers.insert(ticker.clone(), asset);
    }
    Ok(choices)
}

async fn options(
    database: &DatabaseTransaction<'_>,
    user: Uuid,
    portfolio: &Portfolio,
    request: &ImportRequest,
    names: &AssetNames,
    asked: &Choices,
) -> Result<ImportOptions, PortfolioError> {
    let mut choices = Choices::of_user(database, user).await?;
    choices
        .tickers
        .extend(asked.tickers.iter().map(|(a, b)| (a.clone(), b.clone())));
    choices
        .operations
        .extend(asked.operations.iter().map(|(a, b)| (a.clone(), *b)));
    let mut rows: BTreeMap<(String, u64), Choice> = BTreeMap::new();
    for (at, row) in request.rows.iter().enumerate() {
        let choice = choices::choice(&row.meaning)
            .map_err(|error| PortfolioError::wrong(format!("rows[{at}].meaning"), error))?;
        rows.insert((row.file.clone(), row.row), choice);
    }
    let aliases = accounts::aliases(database, portfolio.id).await?;
    Ok(ImportOptions {
        format: request.format.clone(),
        timezone: request.time_zone.unwrap_or(portfolio.settings.time_zone),
        date_order: request.day_first.map(|day| match day {
            true => DateOrder::DayFirst,
            false => DateOrder::MonthFirst,
        }),
        decimal_comma: request.decimal_comma,
        currency: Some(portfolio.settings.currency.clone()),
        account: request.account.clone(),
        operations: choices.operations,
        rows,
        assets: choices.tickers,
        catalogue: Some(names.catalogue()),
        known: known(database, portfolio.id, &aliases).await?,
        accounts: aliases,
    })
}

/// The stored transactions as files have them: one that was changed after its import is still that of its file.
async fn known(
    database: &DatabaseTransaction<'_>,
    portfolio: Uuid,
    aliases: &BTreeMap<String, String>,
) -> Result<Vec<Transaction>, PortfolioError> {
    let names = accounts::names(database, portfolio).await?;
    let sql = "SELECT account_id, to_account_id, body, imported_body FROM portfolio_transactions \
         WHERE portfolio_id = $1 ORDER BY at_nanos, number";
    let rows = query(database, "read transactions", sql, &[&portfolio]).await?;
    let mut known = Vec::with_capacity(rows.len());
    for row in &rows {
        let to_account: Option<Uuid> = row.get(1);
        let transaction = match row.get::<_, Option<&str>>(3) {
            None => read(row.get(2), &row.get(0), to_account.as_ref(), &names)?,
            Some(bodies) => {
                for mut imported in imported(bodies)? {
                    let names = std::iter::once(&mut imported.account);
                    for name in names.chain(&mut imported.to_account) {
                        if let Some(renamed) = aliases.get(name) {
                            name.clone_from(renamed);
                        }
                    }
                    known.push(imported);
                }
                continue;
            }
        };
        known.push(transaction);
    }
    Ok(known)
}

/// Rows that files had in place of a transaction that was changed since: one, or the two sides of a transfer.
pub(super) fn imported(bodies: &str) -> Result<Vec<Transaction>, StoreError> {
    let read = match bodies.starts_with('[') {
        true => serde_json::from_str(bodies),
        false => serde_json::from_str(bodies).map(|one| vec![one]),
    };
    read.map_err(|error| StoreError::Unreadable(format!("an imported transaction: {error}")))
}

/// Files with their names.
type Files = Vec<(String, Vec<u8>)>;

/// Reads files, which takes a processor for as long as that takes.
async fn parse(
    files: Files,
    options: ImportOptions,
) -> Result<(ImportOutcome, Files), PortfolioError> {
    let reading = tokio::task::spawn_blocking(move || {
        let outcome = imports::import(&files, &options);
        (outcome, files)
    });
    reading
        .await
        .map_err(|error| PortfolioError::Interrupted(error.to_string()))
}

/// Stores the prices that files brought and no import before; answers how many. They count instead of earlier ones.
async fn store_prices(
    database: &DatabaseTransaction<'_>,
    portfolio: &Portfolio,
    import: Uuid,
    names: &AssetNames,
    prices: &Prices,
) -> Result<u64, PortfolioError> {
    let mut rows = Vec::new();
    for (asset, series) in prices.assets() {
        // What means several things has no price.
        let Ok(asset) = names.resolve(asset) else {
            continue;
        };
        for (day, price) in series.days() {
            rows.push((asset.clone(), *day, price.to_string()));
        }
    }
    let mut stored = 0;
    for chunk in rows.chunks(CHUNK) {
        let assets: Vec<&str> = chunk.iter().map(|row| row.0.as_str()).collect();
        let days: Vec<_> = chunk.iter().map(|row| row.1).collect();
        let prices: Vec<&str> = chunk.iter().map(|row| row.2.as_str()).collect();
        let sql = "INSERT INTO portfolio_prices (portfolio_id, asset, day, price, import_id) \
             SELECT $1, asset, day, price, $2 \
             FROM unnest($3::text[], $4::date[], $5::text[]) AS new (asset, day, price) \
             WHERE NOT EXISTS (SELECT FROM portfolio_prices p WHERE p.portfolio_id = $1 \
               AND p.asset = new.asset AND p.day = new.day AND p.price = new.price) \
             ON CONFLICT DO NOTHING";
        let given = &[
            &portfolio.id as _,
            &import as _,
            &assets as _,
            &days as _,
            &prices as _,
        ];
        stored += execute(database, "add prices", sql, given).await?;
    }
    Ok(stored)
}
