//! Changes of assets and instruments, heard as long as the database is kept.

use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::store::CatalogNews;

use super::Database;
use crate::supervision::{LoopContext, StatusRegistry, SupervisedLoop};

/// The name on the statuses.
const NAME: &str = "catalog";

/// The time that listening may go without a sign of life: connecting to the database takes the longest.
const PROGRESS: Duration = Duration::from_secs(60);

/// The time to wait before listening again.
const RETRY: Duration = Duration::from_millis(500);

/// Starts the part.
pub(super) fn follow(database: &Arc<Database>, statuses: &StatusRegistry) -> SupervisedLoop {
    let of = Arc::clone(database);
    SupervisedLoop::start(statuses, NAME, PROGRESS, move |context| {
        let (database, of) = (Arc::clone(&of), context.clone());
        context.until_quit(async move { keep_listening(&database, &of).await })
    })
}

async fn keep_listening(database: &Database, context: &LoopContext) {
    loop {
        if let Some(store) = database.store() {
            let heard = |news| match news {
                CatalogNews::Changed => {
                    database.listed.raise();
                    context.running();
                }
                CatalogNews::Unchanged => context.progressed(),
            };
            let error = store.follow_catalog(heard).await.err();
            let error = error.map(|error| error.to_string());
            tracing::warn!(
                error,
                "changes of tokens and instruments are not heard of: reading them for each request"
            );
        }
        context.degraded(
            "changes of tokens and instruments are not heard of: each request reads them"
                .to_owned(),
        );
        tokio::time::sleep(RETRY).await;
    }
}
