//! Keeps forecasts up to date: one step of each model for each closed candle that is *stored*. The
//! database is its source, so that starting, catching up and running are the same, and what it wrote
//! it finds again.

mod inputs;
mod model;
mod price;
mod series_runner;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::signal::Signal;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

pub use model::{Expected, Inference, ModelRepository, Serving, Stepped};
pub use series_runner::SeriesState;

use crate::forecasting::series::SeriesSpec;
use crate::forecasting::store::ForecastStore;
use crate::forecasting::trainer::{Reason, TrainingQueue};
use crate::push::PushHub;
use crate::supervision::ExitReason;
use crate::supervision::{PartStatus, StatusRegistry};
use series_runner::SeriesRunner;

/// The interval at which stored candles are compared with those that were used, besides when one is due.
const COMPARE_EVERY: Duration = Duration::from_secs(30);

/// The interval at which it is looked whether another model is to serve.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The least time between two rounds.
const LEAST: Duration = Duration::from_millis(250);

/// The time a round may take: after a promotion it steps through the whole history.
const PROGRESS: Duration = Duration::from_secs(300);

/// Dependencies of a predictor.
#[derive(Clone)]
pub struct PredictorDeps {
    /// Its name on the statuses.
    pub name: String,
    /// Series to forecast.
    pub series: Vec<SeriesSpec>,
    /// Where candles, forecasts and states are.
    pub store: Arc<dyn ForecastStore>,
    /// Where models are.
    pub repository: Arc<dyn ModelRepository>,
    /// Who shows forecasts live.
    pub hub: Arc<PushHub>,
    /// Where its state is published.
    pub statuses: StatusRegistry,
    /// The clock.
    pub clock: SharedClock,
    /// Raised when candles may have been stored.
    pub stored: Signal,
    /// Raised when a model was promoted or history was imported.
    pub changed: Signal,
    /// Whom to ask for a training when errors have grown.
    pub trainings: Arc<TrainingQueue>,
}

/// Observable state.
#[derive(Debug, Clone, Default, Serialize)]
struct PredictorState<'a> {
    /// By asset and interval.
    series: BTreeMap<String, &'a SeriesState>,
}

/// Runs until asked to quit.
pub async fn run(parts: PredictorDeps, mut quit: watch::Receiver<bool>) -> ExitReason {
    let mut runners: Vec<SeriesRunner> = parts
        .series
        .iter()
        .cloned()
        .map(SeriesRunner::new)
        .collect();
    let mut compared: Option<Instant> = None;
    let (mut stored, mut changed) = (parts.stored.waiter(), parts.changed.waiter());
    parts.statuses.expect_progress(&parts.name, PROGRESS);
    loop {
        let begun = Instant::now();
        let compare = compared.is_none_or(|last| begun - last >= COMPARE_EVERY);
        if compare {
            compared = Some(begun);
        }
        let trouble = round(&parts, &mut runners, compare).await;
        show(&parts, &runners, trouble);
        let wake = async {
            tokio::select! {
                () = stored.raised() => false,
                () = changed.raised() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            }
        };
        let all = tokio::select! {
            all = wake => all,
            _ = quit.wait_for(|quit| *quit) => return ExitReason::Quit,
        };
        if all {
            compared = None;
        }
        tokio::select! {
            () = tokio::time::sleep_until(begun + LEAST) => {}
            _ = quit.wait_for(|quit| *quit) => return ExitReason::Quit,
        }
    }
}

/// One look at every series; the trouble with the store, if there was any.
async fn round(
    parts: &PredictorDeps,
    runners: &mut [SeriesRunner],
    compare: bool,
) -> Option<String> {
    let mut trouble = None;
    for runner in runners {
        let now = parts.clock.now();
        if !compare && !runner.is_due(now) && !runner.awaits_model(&*parts.repository) {
            continue;
        }
        match runner.round(&*parts.store, &*parts.repository, now).await {
            Ok(round) => {
                let spec = &runner.spec;
                parts
                    .hub
                    .publish_forecasts(&spec.instrument, spec.interval, &round.forecasts);
                if round.drifted {
                    parts.trainings.request(&spec.name(), Reason::Drift);
                }
            }
            Err(fault) => trouble = Some(fault.to_string()),
        }
    }
    trouble
}

fn show(parts: &PredictorDeps, runners: &[SeriesRunner], trouble: Option<String>) {
    let refused = runners
        .iter()
        .find_map(|runner| Some((runner.spec.name(), runner.state.last_error.clone()?)));
    let refused = refused.map(|(series, error)| format!("{series}: {error}"));
    let (status, error) = match trouble.or(refused) {
        None => (PartStatus::Running, None),
        Some(error) => (PartStatus::Degraded, Some(error)),
    };
    parts.statuses.set(&parts.name, status, error);
    let series = runners
        .iter()
        .map(|runner| (runner.spec.name(), &runner.state))
        .collect();
    parts
        .statuses
        .observe(&parts.name, &PredictorState { series });
    let loaded = runners.iter().filter(|f| f.state.model.is_some()).count();
    metrics::gauge!("coinsphere_forecasts_models").set(loaded as f64);
}
