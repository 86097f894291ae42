//! Data kept of a user belongs to a feature that exports and erases it.

use std::collections::BTreeSet;

use coinsphere::app::accounts::user_data;

use super::app::Place;

pub(crate) async fn every_table_with_a_user_has_an_owner(place: Place) {
    let app = place.app().await;
    let rows = app
        .rows(
            "SELECT DISTINCT c.table_name::text FROM information_schema.columns c \
             JOIN information_schema.tables t USING (table_schema, table_name) \
             WHERE c.column_name = 'user_id' AND t.table_type = 'BASE TABLE' \
               AND c.table_schema NOT IN ('pg_catalog', 'information_schema')",
        )
        .await;
    let found: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(found.contains("sessions"), "{found:?}");
    let mut owned = BTreeSet::new();
    for table in user_data().iter().flat_map(|feature| feature.tables()) {
        assert!(owned.insert((*table).to_owned()), "{table} has two owners");
        let exists = format!("SELECT to_regclass('{table}') IS NOT NULL");
        assert!(
            app.rows(&exists).await[0].get::<_, bool>(0),
            "there is no table {table}"
        );
    }
    let ownerless: Vec<_> = found.difference(&owned).collect();
    assert!(
        ownerless.is_empty(),
        "nobody exports and erases what these tables keep of a user: {ownerless:?}"
    );
}
