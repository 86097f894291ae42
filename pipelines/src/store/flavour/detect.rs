//! Finds out which flavour a database is, or is to be.

use tokio_postgres::Client;

use super::Flavour;
use crate::store::error::{StoreError, failed};
use crate::store::server_message::explain;

/// The oldest release whose SQL ours is checked against.
const OLDEST_TIMESCALE: (u32, u32) = (2, 23);

/// Decides the flavour. A database that already has our tables keeps what it was migrated as; a
/// new one becomes TimescaleDB if the server has preloaded a fitting build of the extension, and
/// then the extension is created, for which the session must be the owner's and fresh.
pub(in crate::store) async fn detect(client: &Client) -> Result<Flavour, StoreError> {
    if let Some(existing) = existing(client).await? {
        return Ok(existing);
    }
    match usable_extension(client).await? {
        Ok(()) => {}
        Err(reason) => {
            tracing::info!(%reason, "using plain PostgreSQL");
            return Ok(Flavour::Plain);
        }
    }
    match client
        .batch_execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        .await
    {
        Ok(()) => Ok(Flavour::Timescale),
        Err(error) => {
            tracing::warn!(
                reason = %explain(&error),
                "the server has TimescaleDB but this user may not create the extension, using plain PostgreSQL; \
                 to use it, have an administrator run CREATE EXTENSION timescaledb in this database before the first start"
            );
            Ok(Flavour::Plain)
        }
    }
}

/// Flavour of a database that is already migrated.
async fn existing(client: &Client) -> Result<Option<Flavour>, StoreError> {
    let sql = "SELECT c.relkind = 'p' FROM pg_class c \
               WHERE c.oid = to_regclass('public.price_data')";
    let rows = client
        .query(sql, &[])
        .await
        .map_err(failed("look for the tables"))?;
    Ok(rows.first().map(|row| {
        if row.get(0) {
            Flavour::Plain
        } else {
            Flavour::Timescale
        }
    }))
}

/// Checks that a fitting build is installed and preloaded; the inner error says why not.
async fn usable_extension(client: &Client) -> Result<Result<(), String>, StoreError> {
    // Being installed is not enough: unless preloaded, every statement about it fails. An
    // extension that already exists answers for itself.
    let sql = "SELECT coalesce(e.extversion, a.default_version), \
                      e.extversion IS NOT NULL \
                        OR coalesce(current_setting('shared_preload_libraries', true), '') LIKE '%timescaledb%', \
                      coalesce(current_setting('timescaledb.license', true), 'timescale') \
               FROM pg_available_extensions a \
               LEFT JOIN pg_extension e ON e.extname = a.name \
               WHERE a.name = 'timescaledb'";
    let rows = client
        .query(sql, &[])
        .await
        .map_err(failed("look for TimescaleDB"))?;
    let Some(row) = rows.first() else {
        return Ok(Err("the server does not have TimescaleDB".to_owned()));
    };
    let (version, loaded, license): (String, bool, String) = (row.get(0), row.get(1), row.get(2));
    Ok(fitness(&version, loaded, &license))
}

fn fitness(version: &str, loaded: bool, license: &str) -> Result<(), String> {
    if !loaded {
        return Err(format!(
            "TimescaleDB {version} is installed but not in the server's shared_preload_libraries"
        ));
    }
    let mut parts = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < OLDEST_TIMESCALE {
        let (major, minor) = OLDEST_TIMESCALE;
        return Err(format!(
            "TimescaleDB {version} is older than {major}.{minor}"
        ));
    }
    if license != "timescale" {
        return Err(format!(
            "this build of TimescaleDB is licensed {license:?}: it has neither compression nor continuous aggregates"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loaded_recent_full_build_is_used() {
        assert_eq!(fitness("2.23.1", true, "timescale"), Ok(()));
        assert_eq!(fitness("3.0.0-dev", true, "timescale"), Ok(()));
        assert!(
            fitness("2.28.0", false, "timescale")
                .unwrap_err()
                .contains("preload")
        );
        assert!(
            fitness("2.22.9", true, "timescale")
                .unwrap_err()
                .contains("older than 2.23")
        );
        assert!(
            fitness("2.28.0", true, "apache")
                .unwrap_err()
                .contains("apache")
        );
    }
}
