//! Notifications of users over the program's database, and what delivers them.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::StoreSource;

use super::accounts::public_url;
use crate::config::Config;
use crate::notifications::delivery_worker::{NAME, PROGRESS};
use crate::notifications::{NotificationDeps, Notifications};
use crate::secrets::Randomness;

/// The notifications of this database, with the keys of the configured directory.
///
/// # Errors
/// When keys cannot be read or made.
pub fn open(
    config: &Config,
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
) -> anyhow::Result<Notifications> {
    let keys_dir = config.accounts.keys_dir.clone();
    Ok(Notifications::open(NotificationDeps {
        settings: config.notifications.clone(),
        keys_dir: keys_dir.unwrap_or_else(|| config.data_dir.join("keys")),
        public_url: public_url(config),
        own: vec![config.listen],
        source,
        clock,
        randomness: Randomness::of_system().context("no randomness to be had")?,
    })?)
}

/// Starts delivering.
#[must_use]
pub fn start(notifications: &Notifications, statuses: &StatusRegistry) -> SupervisedLoop {
    let notifications = notifications.clone();
    SupervisedLoop::start(statuses, NAME, PROGRESS, move |context| {
        let (notifications, of) = (notifications.clone(), context.clone());
        context.until_quit(async move { notifications.run(&of).await })
    })
}
