//! The tables: which migrations there are, who owns them, and whether a database has them all.

use refinery::{Migration, Runner};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::config::StoreConfig;
use super::error::{StoreError, failed};
use super::flavour::{self, Flavour};
use super::pool::{APP_ROLE, OwnerConnection};
use super::server_message::explain;

/// A migration's name and text, common or by flavour.
macro_rules! migration {
    ($folder:literal, $name:literal) => {
        (
            $name,
            include_str!(concat!("../../../migrations/", $folder, "/", $name, ".sql")),
        )
    };
}

fn migrations(flavour: Flavour) -> Vec<(&'static str, &'static str)> {
    let (price_data, aggregates, predictions) = match flavour {
        Flavour::Timescale => (
            migration!("timescale", "V2__price_data"),
            migration!("timescale", "V3__aggregates"),
            migration!("timescale", "V9__predictions"),
        ),
        Flavour::Plain => (
            migration!("plain", "V2__price_data"),
            migration!("plain", "V3__aggregates"),
            migration!("plain", "V9__predictions"),
        ),
    };
    vec![
        migration!("common", "V1__assets_and_instruments"),
        price_data,
        aggregates,
        migration!("common", "V4__live_candles"),
        migration!("common", "V5__gaps"),
        migration!("common", "V6__progress"),
        migration!("common", "V7__price_history"),
        migration!("common", "V8__major_tokens"),
        predictions,
        migration!("common", "V20__users"),
        migration!("common", "V21__sessions"),
        migration!("common", "V22__login_failures"),
        migration!("common", "V23__mail"),
        migration!("common", "V24__two_factor"),
        migration!("common", "V25__invitations"),
        migration!("common", "V26__api_keys"),
        migration!("common", "V30__idempotency_keys"),
        migration!("common", "V31__audit_log"),
        migration!("common", "V32__browser_sessions"),
        migration!("common", "V33__user_identities"),
        migration!("common", "V34__provider_sign_ins"),
        migration!("common", "V35__signed_requests"),
        migration!("common", "V36__disabled_users"),
        migration!("common", "V37__known_clients"),
        migration!("common", "V38__added_instruments"),
        migration!("common", "V39__made_passwords"),
        migration!("common", "V40__jobs"),
        migration!("common", "V41__price_history_indexes"),
        migration!("common", "V43__gaps_by_end"),
        migration!("common", "V44__portfolios"),
        migration!("common", "V45__jobs_by_creation"),
        migration!("common", "V46__catalog_changes"),
        migration!("common", "V47__notifications"),
        migration!("common", "V48__alerts"),
        migration!("common", "V49__history"),
        migration!("common", "V50__delivery"),
        migration!("common", "V52__notification_rules"),
        migration!("common", "V53__alert_market_states"),
        migration!("common", "V54__portfolio_keys"),
        migration!("common", "V55__portfolio_categories"),
    ]
}

/// The number of the newest migration.
pub(super) const NEWEST: i32 = 55;

/// Work done by migrating.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Migrated {
    /// Which flavour the database is.
    pub flavour: Flavour,
    /// The migrations that were applied now, in order; none if the database was up to date.
    pub applied: Vec<String>,
}

/// Applies what is missing, as the owner.
pub(super) async fn migrate(config: &StoreConfig) -> Result<Migrated, StoreError> {
    let mut owner = OwnerConnection::connect(config).await?;
    let outcome = migrate_with(owner.client()).await;
    owner.close().await;
    outcome
}

async fn migrate_with(client: &mut Client) -> Result<Migrated, StoreError> {
    require_version(client).await?;
    // One migrating process at a time; the lock ends with the session at the latest.
    client
        .batch_execute("SELECT pg_advisory_lock(hashtext('coinsphere.migrate'))")
        .await
        .map_err(failed("wait for other migrating processes"))?;
    let flavour = flavour::detect(client).await?;
    ensure_app_role(client).await?;
    let mut list = Vec::new();
    for (name, sql) in migrations(flavour) {
        let migration = Migration::unapplied(name, sql)
            .map_err(|error| StoreError::Migration(format!("{name}: {error}")))?;
        list.push(migration);
    }
    let report = Runner::new(&list)
        .set_migration_table_name("schema_migrations")
        .run_async(client)
        .await
        .map_err(|error| StoreError::Migration(all_causes(&error)))?;
    let grant = format!("GRANT SELECT ON schema_migrations TO {APP_ROLE}");
    client
        .batch_execute(&grant)
        .await
        .map_err(failed("grant access to the list of migrations"))?;
    client
        .batch_execute("SELECT pg_advisory_unlock(hashtext('coinsphere.migrate'))")
        .await
        .map_err(failed("let other processes migrate"))?;
    Ok(Migrated {
        flavour,
        applied: report
            .applied_migrations()
            .iter()
            .map(ToString::to_string)
            .collect(),
    })
}

fn all_causes(error: &refinery::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner
            .downcast_ref::<tokio_postgres::Error>()
            .map_or_else(|| inner.to_string(), explain);
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

async fn require_version(client: &Client) -> Result<(), StoreError> {
    let row = client
        .query_one("SELECT current_setting('server_version_num')::int", &[])
        .await
        .map_err(failed("ask for the server's version"))?;
    let version: i32 = row.get(0);
    if version < 150_000 {
        return Err(StoreError::Schema(format!(
            "the database server is PostgreSQL {}, but 15 or later is needed",
            version / 10_000
        )));
    }
    Ok(())
}

/// The application role belongs to the whole server, not to one database, hence not to a migration.
async fn ensure_app_role(client: &Client) -> Result<(), StoreError> {
    let exists = client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)",
            &[&APP_ROLE],
        )
        .await
        .map_err(failed("look for the application role"))?
        .get::<_, bool>(0);
    if !exists
        && let Err(error) = client
            .batch_execute(&format!("CREATE ROLE {APP_ROLE} NOLOGIN"))
            .await
        // Another process, migrating another database of this server, may have just made it.
        && ![SqlState::DUPLICATE_OBJECT, SqlState::UNIQUE_VIOLATION]
            .iter()
            .any(|known| error.code() == Some(known))
    {
        return Err(StoreError::Migration(format!(
            "cannot create the application role ({}); have an administrator run: CREATE ROLE {APP_ROLE} NOLOGIN; \
             GRANT {APP_ROLE} TO <the user of the database URL>",
            explain(&error)
        )));
    }
    let member = client
        .query_one(
            "SELECT pg_has_role(current_user, $1, 'member')",
            &[&APP_ROLE],
        )
        .await
        .map_err(failed("look for the application role"))?
        .get::<_, bool>(0);
    if !member {
        client
            .batch_execute(&format!("GRANT {APP_ROLE} TO CURRENT_USER"))
            .await
            .map_err(failed("become a member of the application role"))?;
    }
    Ok(())
}

/// Refuses a database whose tables are not those of this program's version.
pub(super) async fn require_current(client: &Client) -> Result<(), StoreError> {
    let rows = client
        .query("SELECT max(version) FROM schema_migrations", &[])
        .await;
    let found: Option<i32> = match rows {
        Ok(rows) => rows.first().and_then(|row| row.get(0)),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => None,
        Err(error) => return Err(failed("ask for the database's migrations")(error)),
    };
    match found {
        Some(NEWEST) => Ok(()),
        None => Err(StoreError::Schema(
            "the database has none of our tables; run `coinsphere migrate`".to_owned(),
        )),
        Some(older) if older < NEWEST => Err(StoreError::Schema(format!(
            "the database is at migration {older}, this program needs {NEWEST}; run `coinsphere migrate`"
        ))),
        Some(newer) => Err(StoreError::Schema(format!(
            "the database is at migration {newer}, which is newer than this program ({NEWEST}); use the newer program"
        ))),
    }
}

/// Checks that a database is this version's and says which flavour it is.
pub(super) async fn inspect(config: &StoreConfig) -> Result<Flavour, StoreError> {
    // With the program's own login, which may read the list of migrations and the catalogue.
    let mut session = OwnerConnection::connect_as_app(config).await?;
    let client = session.client();
    let outcome = match require_current(client).await {
        Ok(()) => flavour::detect(client).await,
        Err(error) => Err(error),
    };
    session.close().await;
    outcome
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_migration_is_applied_and_the_newest_is_known() {
        for (flavour, folder) in [(Flavour::Plain, "plain"), (Flavour::Timescale, "timescale")] {
            let mut files = BTreeSet::new();
            for folder in ["common", folder] {
                let path = format!("{}/../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
                for entry in std::fs::read_dir(path).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    files.insert(name.trim_end_matches(".sql").to_owned());
                }
            }
            let list: Vec<&str> = migrations(flavour).iter().map(|(name, _)| *name).collect();
            let listed: BTreeSet<String> = list.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(listed, files, "{folder}");
            let numbers: Vec<i32> = list
                .iter()
                .map(|name| name[1..name.find('_').unwrap()].parse().unwrap())
                .collect();
            assert!(numbers.is_sorted(), "{numbers:?}");
            assert_eq!(numbers.last(), Some(&NEWEST));
        }
    }
}
