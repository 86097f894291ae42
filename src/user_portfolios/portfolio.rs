//! Portfolios themselves: their names and the settings that decide what is computed.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{GenericClient, StoreError, Transaction, execute, failed, query};
use tokio_postgres::Row;
use uuid::Uuid;

use super::asset_names::AssetNames;
use super::changes::{CHANGE, announce_gone};
use super::{PortfolioChanged, PortfolioError, UserPortfolios};
use crate::portfolios::{FeesInKind, Method, Scope, Tz};

/// The most portfolios of a user.
const MOST: i64 = 100;

/// The longest name.
const LONGEST_NAME: usize = 100;

const COLUMNS: &str = "id, name, time_zone, currency, method, scope, fees_in_kind, version, \
     transactions, created_at";

/// A user's portfolio.
#[derive(Debug, Clone, PartialEq)]
pub struct Portfolio {
    /// The id.
    pub id: Uuid,
    /// The name that its user gave it.
    pub name: String,
    /// The settings of its figures.
    pub settings: PortfolioSettings,
    /// Grows with every change.
    pub version: i64,
    /// Number of its transactions.
    pub transactions: i64,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
}

/// The settings of a portfolio's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct PortfolioSettings {
    /// Decides which day a time belongs to, and the tax year.
    pub time_zone: Tz,
    /// Currency of values, costs and prices: the code of money, or an asset.
    pub currency: String,
    /// Method that chooses the lots of a disposal.
    pub method: Method,
    /// Scope of lots: the portfolio or the account.
    pub scope: Scope,
    /// Rule for fees in coins.
    pub fees_in_kind: FeesInKind,
}

/// Settings that are to be others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsChange {
    /// The name.
    pub name: Option<String>,
    /// The time zone.
    pub time_zone: Option<Tz>,
    /// The currency.
    pub currency: Option<String>,
    /// The method.
    pub method: Option<Method>,
    /// The scope.
    pub scope: Option<Scope>,
    /// The rule of fees in coins.
    pub fees_in_kind: Option<FeesInKind>,
}

/// The name of a scope.
#[must_use]
pub const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Portfolio => "portfolio",
        Scope::Account => "account",
    }
}

/// The name of a rule of fees in coins.
#[must_use]
pub const fn fees_name(fees: FeesInKind) -> &'static str {
    match fees {
        FeesInKind::Dispose => "dispose",
        FeesInKind::AtCost => "at_cost",
    }
}

pub(super) fn portfolio(row: &Row) -> Result<Portfolio, StoreError> {
    let unreadable = |what: &str| StoreError::Unreadable(format!("the {what} of a portfolio"));
    Ok(Portfolio {
        id: row.get(0),
        name: row.get(1),
        settings: PortfolioSettings {
            time_zone: row
                .get::<_, &str>(2)
                .parse()
                .map_err(|_| unreadable("time zone"))?,
            currency: row.get(3),
            method: row
                .get::<_, &str>(4)
                .parse()
                .map_err(|_| unreadable("method"))?,
            scope: match row.get(5) {
                "account" => Scope::Account,
                _ => Scope::Portfolio,
            },
            fees_in_kind: match row.get(6) {
                "at_cost" => FeesInKind::AtCost,
                _ => FeesInKind::Dispose,
            },
        },
        version: row.get(7),
        transactions: row.get(8),
        created_at: row.get(9),
    })
}

/// The portfolio, locked until the transaction ends.
pub(super) async fn lock(
    database: &Transaction<'_>,
    user: Uuid,
    id: Uuid,
) -> Result<Portfolio, PortfolioError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM portfolios WHERE id = $1 AND user_id = $2 FOR NO KEY UPDATE"
    );
    let rows = query(database, "lock a portfolio", &sql, &[&id, &user]).await?;
    let row = rows.first().ok_or(PortfolioError::Unknown("portfolio"))?;
    Ok(portfolio(row)?)
}

/// The portfolio as it is now.
pub(super) async fn find<C: GenericClient>(
    database: &C,
    user: Uuid,
    id: Uuid,
) -> Result<Portfolio, PortfolioError> {
    let sql = format!("SELECT {COLUMNS} FROM portfolios WHERE id = $1 AND user_id = $2");
    let rows = query(database, "look up a portfolio", &sql, &[&id, &user]).await?;
    let row = rows.first().ok_or(PortfolioError::Unknown("portfolio"))?;
    Ok(portfolio(row)?)
}

/// Makes the version grow, and announces it to all processes.
pub(super) async fn changed(
    database: &Transaction<'_>,
    id: Uuid,
    (added, removed): (i64, i64),
    since: Option<i64>,
) -> Result<PortfolioChanged, StoreError> {
    let given = &[&id as _, &added as _, &removed as _, &since as _];
    let rows = query(database, "change a portfolio", CHANGE, given).await?;
    Ok(PortfolioChanged {
        portfolio: id,
        version: rows.first().map(|row| row.get(0)),
        since,
    })
}

/// A name of one line.
pub(super) fn name(text: &str) -> Result<String, PortfolioError> {
    line("name", text)
}

/// One line in a field.
pub(super) fn line(field: &str, text: &str) -> Result<String, PortfolioError> {
    let text = text.trim();
    let fits = (1..=LONGEST_NAME).contains(&text.chars().count());
    if !fits || text.contains(char::is_control) {
        let detail = format!("use one line of 1 to {LONGEST_NAME} characters");
        return Err(PortfolioError::wrong(field, detail));
    }
    Ok(text.to_owned())
}

/// Refuses a method over accounts that knows none.
fn check_scope(settings: &PortfolioSettings) -> Result<(), PortfolioError> {
    match (settings.method, settings.scope) {
        (Method::Uk, Scope::Account) => Err(PortfolioError::wrong(
            "scope",
            "the method uk pools over all accounts: use portfolio",
        )),
        _ => Ok(()),
    }
}

/// Locks the names and the number of a user's portfolios until the transaction ends.
async fn lock_names(database: &Transaction<'_>, user: Uuid) -> Result<(), StoreError> {
    let sql = "SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE";
    query(database, "lock the names of portfolios", sql, &[&user]).await?;
    Ok(())
}

fn name_taken(name: &str) -> PortfolioError {
    PortfolioError::Conflict(format!("there is a portfolio named {name:?} already"))
}

impl UserPortfolios {
    /// The portfolios of a user, the oldest first; at most 100.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list(&self, user: Uuid) -> Result<Vec<Portfolio>, PortfolioError> {
        let session = self.session().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM portfolios WHERE user_id = $1 ORDER BY created_at, id LIMIT $2"
        );
        let rows = query(&session, "list portfolios", &sql, &[&user, &MOST]).await?;
        let portfolios: Result<Vec<_>, _> = rows.iter().map(portfolio).collect();
        Ok(portfolios?)
    }

    /// A user's portfolio.
    ///
    /// # Errors
    /// When the user has none of this id, or the database is away.
    pub async fn portfolio(&self, user: Uuid, id: Uuid) -> Result<Portfolio, PortfolioError> {
        let session = self.session().await?;
        find(&session, user, id).await
    }

    /// Those of these portfolios that there are, whosever they are.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn of_ids(&self, ids: &[Uuid]) -> Result<Vec<Portfolio>, PortfolioError> {
        let session = self.session().await?;
        let sql = format!("SELECT {COLUMNS} FROM portfolios WHERE id = ANY($1)");
        let rows = query(&session, "look up portfolios", &sql, &[&ids]).await?;
        let portfolios: Result<Vec<_>, _> = rows.iter().map(portfolio).collect();
        Ok(portfolios?)
    }

    /// Creates an empty portfolio.
    ///
    /// # Errors
    /// When the name is taken or too long, the currency is unknown, there are 100 already, or the database is
    /// away.
    pub async fn create(
        &self,
        user: Uuid,
        called: &str,
        settings: PortfolioSettings,
    ) -> Result<Portfolio, PortfolioError> {
        let called = name(called)?;
        check_scope(&settings)?;
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin creating a portfolio"))?;
        lock_names(&database, user).await?;
        let names = AssetNames::of_user(&database, user).await?;
        let currency = names.currency(&settings.currency)?;
        let sql = format!(
            "INSERT INTO portfolios \
               (id, user_id, name, time_zone, currency, method, scope, fees_in_kind, created_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 \
             WHERE (SELECT count(*) FROM portfolios WHERE user_id = $2) < $10 \
             ON CONFLICT (user_id, name) DO NOTHING RETURNING {COLUMNS}"
        );
        let made = query(
            &database,
            "create a portfolio",
            &sql,
            &[
                &self.0.randomness.id(),
                &user,
                &called,
                &settings.time_zone.name(),
                &currency,
                &settings.method.name(),
                &scope_name(settings.scope),
                &fees_name(settings.fees_in_kind),
                &self.now(),
                &MOST,
            ],
        )
        .await?;
        let Some(row) = made.first() else {
            return Err(match is_taken(&database, user, &called).await? {
                true => name_taken(&called),
                false => PortfolioError::Conflict(format!("there are {MOST} portfolios already")),
            });
        };
        let made = portfolio(row)?;
        database
            .commit()
            .await
            .map_err(failed("create a portfolio"))?;
        Ok(made)
    }

    /// Renames a portfolio, or changes its settings.
    ///
    /// # Errors
    /// When the user has none of this id, the name is taken, its transactions have values in its currency and
    /// that is to be another, or the database is away.
    pub async fn change(
        &self,
        user: Uuid,
        id: Uuid,
        change: SettingsChange,
    ) -> Result<Portfolio, PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin changing a portfolio"))?;
        if change.name.is_some() {
            lock_names(&database, user).await?;
        }
        let mut portfolio = lock(&database, user, id).await?;
        if let Some(new) = change.name {
            let new = name(&new)?;
            if new != portfolio.name && is_taken(&database, user, &new).await? {
                return Err(name_taken(&new));
            }
            portfolio.name = new;
        }
        let settings = &mut portfolio.settings;
        if let Some(currency) = change.currency {
            let names = AssetNames::of_user(&database, user).await?;
            let currency = names.currency(&currency)?;
            if currency != settings.currency && has_values(&database, id).await? {
                return Err(PortfolioError::Conflict(format!(
                    "transactions have values in {}: import them into a portfolio in {currency} instead",
                    settings.currency
                )));
            }
            settings.currency = currency;
        }
        settings.time_zone = change.time_zone.unwrap_or(settings.time_zone);
        settings.method = change.method.unwrap_or(settings.method);
        settings.scope = change.scope.unwrap_or(settings.scope);
        settings.fees_in_kind = change.fees_in_kind.unwrap_or(settings.fees_in_kind);
        check_scope(settings)?;
        execute(
            &database,
            "change a portfolio",
            "UPDATE portfolios SET name = $2, time_zone = $3, currency = $4, method = $5, scope = $6, \
             fees_in_kind = $7 WHERE id = $1",
            &[
                &id,
                &portfolio.name,
                &settings.time_zone.name(),
                &settings.currency,
                &settings.method.name(),
                &scope_name(settings.scope),
                &fees_name(settings.fees_in_kind),
            ],
        )
        .await?;
        let changed = changed(&database, id, (0, 0), None).await?;
        database
            .commit()
            .await
            .map_err(failed("change a portfolio"))?;
        portfolio.version = changed.version.unwrap_or(portfolio.version);
        self.announce(changed);
        Ok(portfolio)
    }

    /// Deletes a portfolio and all that is in it.
    ///
    /// # Errors
    /// When the user has none of this id, or the database is away.
    pub async fn delete(
        &self,
        user: Uuid,
        id: Uuid,
        from: Option<&str>,
    ) -> Result<(), PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin deleting a portfolio"))?;
        lock(&database, user, id).await?;
        announce_gone(&database, user, Some(id)).await?;
        let sql = "DELETE FROM portfolios WHERE id = $1";
        execute(&database, "delete a portfolio", sql, &[&id]).await?;
        let gone = PortfolioChanged {
            portfolio: id,
            version: None,
            since: None,
        };
        database
            .commit()
            .await
            .map_err(failed("delete a portfolio"))?;
        self.announce(gone);
        self.note("portfolio.deleted", user, id, from);
        Ok(())
    }
}

async fn is_taken(
    database: &Transaction<'_>,
    user: Uuid,
    name: &str,
) -> Result<bool, PortfolioError> {
    let sql = "SELECT FROM portfolios WHERE user_id = $1 AND name = $2";
    let rows = query(
        database,
        "look for a portfolio's name",
        sql,
        &[&user, &name],
    )
    .await?;
    Ok(!rows.is_empty())
}

/// True if any value, cost or price of a portfolio is in its currency.
async fn has_values(database: &Transaction<'_>, id: Uuid) -> Result<bool, PortfolioError> {
    let sql = "SELECT EXISTS (SELECT FROM portfolio_transactions WHERE portfolio_id = $1 \
           AND (body LIKE '%\"value\":%' OR body LIKE '%\"basis\":%')) \
         OR EXISTS (SELECT FROM portfolio_prices WHERE portfolio_id = $1)";
    let rows = query(database, "look for values", sql, &[&id]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}
