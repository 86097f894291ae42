//! Who may do what.

use coinsphere_pipelines::store::Store;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::{Fresh, at, btc, candle};

pub(crate) async fn the_program_cannot_alter_or_empty_tables(fresh: &Fresh) {
    let minute = at("2026-03-01T10:00:00Z");
    fresh
        .write(Uuid::new_v4(), 1, &btc(), &[candle(minute, 1)])
        .await;
    let program = fresh.session(true).await;
    for statement in [
        "TRUNCATE price_data",
        "TRUNCATE gaps",
        "DELETE FROM price_data",
        "DELETE FROM gaps",
        "DELETE FROM predictions",
        "TRUNCATE predictions",
        "DROP TABLE price_data",
        "ALTER TABLE price_data ADD COLUMN x integer",
        "CREATE TABLE mine (x integer)",
        "UPDATE schema_migrations SET version = 1",
        "UPDATE audit_log SET event = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DELETE FROM audit_signatures",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    ] {
        let error = program.batch_execute(statement).await.unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{statement}: {error:?}"
        );
    }
    program.batch_execute("RESET ROLE").await.unwrap();
}

pub(crate) async fn migrating_again_does_nothing(fresh: &Fresh) {
    let again = Store::migrate(&fresh.config).await.unwrap();
    assert_eq!(again.applied, Vec::<String>::new());
    assert_eq!(again.flavour, fresh.store.flavour());
    let description = fresh.store.describe().await.unwrap();
    assert_eq!(description.migration, 55);
    for table in [
        "price_data",
        "gaps",
        "live_candles",
        "price_history",
        "predictions",
        "forecast_states",
    ] {
        assert!(
            description.tables.iter().any(|found| found.name == table),
            "{table} is not described"
        );
    }
    serde_json::to_string(&description).unwrap();
}
