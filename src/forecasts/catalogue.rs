//! The catalogue of forecasts: the series of candles, the horizons, and the directory of the models.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::forecasting::series::SeriesSpec;
use coinsphere_pipelines::market::Interval;
use coinsphere_pipelines::store::{AssetLookup, StoreError, StoreSource};
use tokio::sync::watch;

use super::ForecastSettings;

/// The intervals of the candles that are forecast, and how many candles ahead: an hour, a day, a week.
pub const SERIES: [(Interval, &[u32]); 2] =
    [(Interval::Hour1, &[1, 24, 168]), (Interval::Day1, &[1, 7])];

/// Realised forecasts without which nothing is said about how good a model's forecasts are.
pub const ENOUGH_REALISED: usize = 30;

/// Horizons of forecasts for series of this interval, in candles, the shortest first; empty where there are none.
#[must_use]
pub fn horizons(interval: Interval) -> &'static [u32] {
    let of = SERIES.iter().find(|(of, _)| *of == interval);
    of.map_or(&[], |(_, horizons)| horizons)
}

/// The interval at which the database is asked which series there are, until it answers.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// The candles that models of this interval are trained on.
const fn history_of(settings: &ForecastSettings, interval: Interval) -> u32 {
    match interval {
        Interval::Day1 => settings.daily_candles,
        _ => settings.hourly_candles,
    }
}

/// Where models are kept in a data directory.
#[must_use]
pub fn models_directory(data_dir: &Path) -> PathBuf {
    data_dir.join("models")
}

/// Which series are forecast: known once the database has been reached.
#[derive(Clone)]
pub(crate) struct SeriesCatalogue {
    pub(crate) database: Arc<dyn StoreSource>,
    pub(crate) settings: ForecastSettings,
}

impl SeriesCatalogue {
    /// The series, as soon as the database has it; `None` when asked to quit before.
    pub(crate) async fn wait(&self, quit: &mut watch::Receiver<bool>) -> Option<Vec<SeriesSpec>> {
        loop {
            match self.ask().await {
                Ok(Some(all)) => return Some(all),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "cannot look up what to forecast"),
            }
            tokio::select! {
                () = tokio::time::sleep(ASK_EVERY) => {}
                () = quits(quit) => return None,
            }
        }
    }

    async fn ask(&self) -> Result<Option<Vec<SeriesSpec>>, StoreError> {
        let Some(store) = self.database.store() else {
            return Ok(None);
        };
        let mut all = Vec::new();
        for token in &self.settings.tokens {
            let instrument = match store.asset(token).await? {
                AssetLookup::Found(asset) => {
                    store.instruments_of(&asset.id).await?.into_iter().next()
                }
                AssetLookup::Ambiguous(_) | AssetLookup::Unknown => None,
            };
            let Some(instrument) = instrument else {
                tracing::error!(token, "nothing trades this token here: it is not forecast");
                continue;
            };
            all.extend(SERIES.map(|(interval, horizons)| SeriesSpec {
                asset: token.clone(),
                instrument: instrument.key.clone(),
                interval,
                horizons: horizons.to_vec(),
                history: history_of(&self.settings, interval),
            }));
        }
        Ok(Some(all))
    }
}

/// Completes when asked to quit.
pub(crate) async fn quits(quit: &mut watch::Receiver<bool>) {
    // The sender lives as long as the actor, which the waiting loop is a part of.
    let _ = quit.wait_for(|quit| *quit).await;
}
