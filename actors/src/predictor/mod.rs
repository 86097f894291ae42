//! Keeps forecasts up to date: one step of each model for each closed candle that is *stored*. The
//! database is its source, so that starting, catching up and running are the same, and what it wrote
//! it finds again.

mod follower;
mod inputs;
mod model;
mod price;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::clock::SharedClock;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub use follower::FollowerState;
pub use model::{Expected, Followed, Inference, ModelShelf, Serving, Stepped};
pub use store::ForecastStore;

use crate::board::{Board, PartStatus};
use crate::push::PushHub;
use crate::supervisor::ExitReason;
use crate::trainer::{Orders, Reason};
use follower::Follower;

/// How often stored candles are compared with those that were used, beside when one is due.
const COMPARE_EVERY: Duration = Duration::from_secs(30);

/// How often it is looked whether another model is to serve.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The least time between two rounds.
const LEAST: Duration = Duration::from_millis(250);

/// What a predictor works with.
#[derive(Clone)]
pub struct PredictorParts {
    /// Its name on the board.
    pub name: String,
    /// What to forecast.
    pub followed: Vec<Followed>,
    /// Where candles, forecasts and states are.
    pub store: Arc<dyn ForecastStore>,
    /// Where models are.
    pub shelf: Arc<dyn ModelShelf>,
    /// Who shows forecasts live.
    pub hub: Arc<PushHub>,
    /// Where its state is published.
    pub board: Board,
    /// The clock.
    pub clock: SharedClock,
    /// Notified when candles may have been stored.
    pub stored: Arc<Notify>,
    /// Notified when a model was promoted or history was imported.
    pub changed: Arc<Notify>,
    /// Whom to ask for a training when errors have grown.
    pub orders: Arc<Orders>,
}

/// Observable state.
#[derive(Debug, Clone, Default, Serialize)]
struct PredictorState<'a> {
    /// By asset and interval.
    series: BTreeMap<String, &'a FollowerState>,
}

/// Runs until told to quit.
pub async fn run(parts: PredictorParts, mut quit: watch::Receiver<bool>) -> ExitReason {
    let mut followers: Vec<Follower> = parts.followed.iter().cloned().map(Follower::new).collect();
    let mut compared: Option<Instant> = None;
    loop {
        let begun = Instant::now();
        let compare = compared.is_none_or(|last| begun - last >= COMPARE_EVERY);
        if compare {
            compared = Some(begun);
        }
        let trouble = round(&parts, &mut followers, compare).await;
        show(&parts, &followers, trouble);
        let wake = async {
            tokio::select! {
                () = parts.stored.notified() => false,
                () = parts.changed.notified() => true,
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
    parts: &PredictorParts,
    followers: &mut [Follower],
    compare: bool,
) -> Option<String> {
    let mut trouble = None;
    for follower in followers {
        let now = parts.clock.now();
        if !compare && !follower.is_due(now) && !follower.awaits_model(&*parts.shelf) {
            continue;
        }
        match follower.round(&*parts.store, &*parts.shelf, now).await {
            Ok(round) => {
                let followed = &follower.followed;
                parts.hub.publish_forecasts(
                    &followed.instrument,
                    followed.interval,
                    &round.forecasts,
                );
                if round.drifted {
                    parts.orders.order(&followed.name(), Reason::Drift);
                }
            }
            Err(fault) => trouble = Some(fault.to_string()),
        }
    }
    trouble
}

fn show(parts: &PredictorParts, followers: &[Follower], trouble: Option<String>) {
    let refused = followers
        .iter()
        .find_map(|follower| Some((follower.followed.name(), follower.state.last_error.clone()?)));
    let refused = refused.map(|(series, error)| format!("{series}: {error}"));
    let (status, error) = match trouble.or(refused) {
        None => (PartStatus::Running, None),
        Some(error) => (PartStatus::Degraded, Some(error)),
    };
    parts.board.set(&parts.name, status, error);
    let series = followers
        .iter()
        .map(|follower| (follower.followed.name(), &follower.state))
        .collect();
    parts.board.observe(&parts.name, &PredictorState { series });
    let loaded = followers.iter().filter(|f| f.state.model.is_some()).count();
    metrics::gauge!("coinsphere_forecasts_models").set(loaded as f64);
}
