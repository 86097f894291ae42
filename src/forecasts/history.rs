//! Loads the history that models are trained on, and fills what was missed since: at the start, and
//! shortly after each hour.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::forecasting::series::SeriesSpec;
use coinsphere_actors::supervision::ExitReason;
use coinsphere_actors::supervision::{PartStatus, StatusRegistry};
use coinsphere_pipelines::backfill::{BackfillLoader, Loaded, Wanted};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::Interval;
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::StoreSource;
use coinsphere_pipelines::venues::{self, RestClient};
use serde::Serialize;
use tokio::sync::watch;

use super::catalogue::{SeriesCatalogue, quits};

/// The venue whose interface is asked.
pub(crate) const VENUE: &str = "binance";

/// Delay after the hour before the venue is asked for the candle that has closed.
const SETTLE: Duration = Duration::from_secs(30);

/// The time to wait after a failure.
const RETRY: Duration = Duration::from_secs(60);

/// The time for which it may go without a candle: it asks once an hour.
const PROGRESS: Duration = Duration::from_secs(2 * 3_600);

/// Dependencies of the part.
#[derive(Clone)]
pub(crate) struct HistoryDeps {
    pub(crate) name: String,
    pub(crate) catalogue: SeriesCatalogue,
    pub(crate) database: Arc<dyn StoreSource>,
    /// The venue's stream endpoint, next to its REST interface.
    pub(crate) endpoint: Option<String>,
    pub(crate) statuses: StatusRegistry,
    pub(crate) clock: SharedClock,
    /// Which series have been loaded, as far as they can be.
    pub(crate) ready: Arc<watch::Sender<BTreeSet<String>>>,
    /// Notified when something was imported.
    pub(crate) changed: Signal,
}

/// Observable state.
#[derive(Debug, Default, Serialize)]
struct HistoryState {
    endpoint: String,
    requests: u64,
    candles: u64,
    /// The series that is loaded now.
    loading: Option<String>,
}

/// Runs until asked to quit.
pub(crate) async fn run(parts: HistoryDeps, mut quit: watch::Receiver<bool>) -> ExitReason {
    let Some(history) = venues::history(VENUE) else {
        return ExitReason::Failed(format!("there is no venue {VENUE}"));
    };
    let rest = match RestClient::new(history, parts.endpoint.as_deref(), parts.clock.clone()) {
        Ok(rest) => rest,
        Err(error) => return ExitReason::Failed(error.to_string()),
    };
    let mut state = HistoryState {
        endpoint: rest.endpoint().to_owned(),
        ..HistoryState::default()
    };
    let mut loader = BackfillLoader::new(rest);
    let Some(all) = parts.catalogue.wait(&mut quit).await else {
        return ExitReason::Quit;
    };
    parts.statuses.expect_progress(&parts.name, PROGRESS);
    parts.statuses.set(&parts.name, PartStatus::Running, None);
    loop {
        let wait = tokio::select! {
            wait = round(&parts, &all, &mut loader, &mut state) => wait,
            () = quits(&mut quit) => return ExitReason::Quit,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = quits(&mut quit) => return ExitReason::Quit,
        }
    }
}

/// Loads what is missing of every series; answers how long to wait.
async fn round(
    parts: &HistoryDeps,
    all: &[SeriesSpec],
    loader: &mut BackfillLoader,
    state: &mut HistoryState,
) -> Duration {
    let mut trouble = None;
    for series in all {
        if series.instrument.venue.name() == VENUE {
            state.loading = Some(series.name());
            parts.statuses.observe(&parts.name, state);
            match load(parts, loader, series).await {
                Ok(loaded) => {
                    state.requests += loaded.requests;
                    state.candles += loaded.candles;
                    if loaded.candles > 0 {
                        tracing::info!(
                            series = series.name(),
                            candles = loaded.candles,
                            "history loaded"
                        );
                        parts.changed.raise();
                    }
                }
                Err(error) => {
                    tracing::warn!(error, series = series.name(), "history was not loaded");
                    trouble = Some(error);
                }
            }
        }
        // Also when it failed: what is there may suffice.
        parts
            .ready
            .send_if_modified(|ready| ready.insert(series.name()));
    }
    state.loading = None;
    parts.statuses.observe(&parts.name, state);
    let status = match trouble {
        None => PartStatus::Running,
        Some(_) => PartStatus::Degraded,
    };
    let failed = trouble.is_some();
    parts.statuses.set(&parts.name, status, trouble);
    if failed {
        return RETRY;
    }
    let now = parts.clock.now();
    let hour = Interval::Hour1;
    (hour.end_of(hour.open_of(now)) + SETTLE).since(now)
}

async fn load(
    parts: &HistoryDeps,
    loader: &mut BackfillLoader,
    series: &SeriesSpec,
) -> Result<Loaded, String> {
    let store = parts
        .database
        .store()
        .ok_or("the database has not been reached yet")?;
    let wanted = Wanted {
        instrument: series.instrument.clone(),
        interval: series.interval,
        candles: series.history,
    };
    let loaded = loader.load(&store, &wanted).await;
    loaded.map_err(|error| error.to_string())
}
