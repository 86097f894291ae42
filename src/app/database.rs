//! The database that the configuration asks for.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::database::{Database, DatabasePlace};
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{DatabaseSettings, DatabaseUrl, StoreConfig};
use secrecy::ExposeSecret;

use crate::config::Config;
use crate::market::MarketSettings;

pub use coinsphere_actors::database::START;

/// A database that nobody has reached for yet.
///
/// # Errors
/// When the configured URL is none.
pub(crate) fn database(
    config: &Config,
    statuses: StatusRegistry,
    clock: SharedClock,
) -> anyhow::Result<Arc<Database>> {
    let url = config.database.url.as_ref();
    let (settings, market) = (config.database.clone(), config.market.clone());
    let place = DatabasePlace {
        url: url
            .map(|url| url.expose_secret().parse().context("database.url"))
            .transpose()?,
        data_dir: config.data_dir.clone(),
        configure: Box::new(move |url| url_config(&settings, &market, url)),
    };
    Ok(Database::new(place, statuses, clock))
}

/// The store's configuration, with a private server's URL where one runs.
///
/// # Errors
/// When the configured URL is none.
pub fn store_config(
    settings: &DatabaseSettings,
    market: &MarketSettings,
    server: Option<&PrivateServer>,
) -> anyhow::Result<StoreConfig> {
    match (&settings.url, server) {
        (Some(url), _) => Ok(url_config(
            settings,
            market,
            url.expose_secret().parse().context("database.url")?,
        )),
        (None, Some(server)) => Ok(url_config(settings, market, server.url())),
        (None, None) => anyhow::bail!("there is neither a database URL nor a private server"),
    }
}

/// The store's configuration for this URL.
#[must_use]
pub fn url_config(
    settings: &DatabaseSettings,
    market: &MarketSettings,
    url: DatabaseUrl,
) -> StoreConfig {
    settings.store_config(url, market.order())
}
