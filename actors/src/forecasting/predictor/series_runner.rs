//! One series: keeps a model at the newest stored candle. Start-up, catching up, running and
//! correcting are one path: read the stored candles, go back if one that was used has changed, step
//! through the new ones, and write forecasts and state in one transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use coinsphere_pipelines::market::{Candle, Interval, Timestamp};
use coinsphere_pipelines::store::{
    Forecast, ForecastCommit, ForecastSeries, ForecastState, PriceRange, Settlement,
};
use serde::Serialize;

use super::inputs::{Inputs, window};
use super::model::{Expected, Inference, ModelRepository};
use super::price;
use crate::forecasting::series::SeriesSpec;
use crate::forecasting::store::ForecastStore;
use crate::market::candle_store::StoreFault;
use crate::push::LiveForecast;

/// Candles stepped between two transactions.
const CANDLES_PER_COMMIT: usize = 512;

/// The least time between two looks for a candle that is due.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Older states kept to go back to.
const SNAPSHOTS: usize = 8;

/// State of a series, as shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SeriesState {
    /// The version that serves; absent while there is none.
    pub model: Option<String>,
    /// The last candle it has taken.
    pub last_candle: Option<Timestamp>,
    /// Candles stepped since the start.
    pub steps: u64,
    /// Forecasts stored since the start.
    pub forecasts: u64,
    /// The number of times a corrected candle made it go back.
    pub corrections: u64,
    /// The number of times the model's errors were found to have grown.
    pub drifts: u64,
    /// The latest fault: a version that was refused, a candle that was impossible.
    pub last_error: Option<String>,
}

/// Outcome of a round.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The newest forecasts, if there are new ones.
    pub(super) forecasts: Vec<LiveForecast>,
    /// The errors were found to have grown.
    pub(super) drifted: bool,
}

/// One series and where it stands.
pub(super) struct SeriesRunner {
    pub(super) spec: SeriesSpec,
    pub(super) state: SeriesState,
    series: Option<ForecastSeries>,
    /// The version that the repository had promoted when the model was loaded.
    promoted: Option<String>,
    model: Option<Box<dyn Inference>>,
    /// The last candle stepped.
    last: Option<Timestamp>,
    inputs: Inputs,
    snapshots: BTreeSet<Timestamp>,
    /// A candle that is due and not there is not looked for before this.
    not_before: Timestamp,
}

impl SeriesRunner {
    pub(super) fn new(spec: SeriesSpec) -> Self {
        Self {
            spec,
            state: SeriesState::default(),
            series: None,
            promoted: None,
            model: None,
            last: None,
            inputs: Inputs::default(),
            snapshots: BTreeSet::new(),
            not_before: Timestamp::MIN,
        }
    }

    /// Returns whether a candle after the last one may have closed by now.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let interval = self.spec.interval;
        let next = |last| interval.end_of(interval.end_of(last));
        now >= self.not_before && self.last.is_none_or(|last| next(last) <= now)
    }

    /// Returns whether another model is to serve than the one that does.
    pub(super) fn awaits_model(&self, repository: &dyn ModelRepository) -> bool {
        repository
            .promoted(&self.spec)
            .is_ok_and(|promoted| promoted != self.promoted)
    }

    /// Brings the series up to date.
    pub(super) async fn round(
        &mut self,
        store: &dyn ForecastStore,
        repository: &dyn ModelRepository,
        now: Timestamp,
    ) -> Result<Round, StoreFault> {
        self.not_before = now + LOOK_AGAIN;
        let Some(series) = self.series(store).await? else {
            return Ok(Round::default());
        };
        let mut fresh = self.load_if_changed(store, repository, &series).await?;
        if self.model.is_none() {
            return Ok(Round::default());
        }
        let interval = self.spec.interval;
        // A forecast is stored for the newest candle, not for all that a model is warmed up with.
        let newest = interval.open_of(now) - interval.duration();
        let mut speak_from = match self.last {
            Some(last) if !fresh => interval.end_of(last),
            _ => newest,
        };
        let from = self
            .inputs
            .first()
            .unwrap_or_else(|| self.history_from(now));
        let mut candles = read_all(store, &series, from).await?;
        if let Some(changed) = self.inputs.first_difference(&candles) {
            self.state.corrections += 1;
            metrics::counter!("coinsphere_forecasts_corrections_total").increment(1);
            fresh = self.go_back(store, &series, changed).await?;
            speak_from = changed;
            if self.last.is_none_or(|last| last < from) {
                let from = self
                    .last
                    .map_or_else(|| self.history_from(now), |last| interval.end_of(last));
                candles = read_all(store, &series, from).await?;
            }
        }
        // The outcomes of long ago are known.
        let longest = self.spec.horizons.last().copied().unwrap_or(1);
        let settle_from = match fresh {
            true => now - interval.duration() * (longest + window(interval)),
            false => Timestamp::MIN,
        };
        let last = self.last;
        let new: Vec<Candle> = candles
            .into_iter()
            .filter(|candle| last.is_none_or(|last| candle.open_time > last))
            .collect();
        let mut round = Round::default();
        for chunk in new.chunks(CANDLES_PER_COMMIT) {
            self.step_through(
                store,
                &series,
                chunk,
                (speak_from, settle_from, now),
                &mut round,
            )
            .await?;
        }
        Ok(round)
    }

    async fn series(
        &mut self,
        store: &dyn ForecastStore,
    ) -> Result<Option<ForecastSeries>, StoreFault> {
        if self.series.is_none() {
            let SeriesSpec {
                instrument,
                interval,
                ..
            } = &self.spec;
            self.series = store.series(instrument, *interval).await?;
            if self.series.is_none() {
                self.state.last_error = Some(format!("there is no instrument {instrument}"));
            }
        }
        Ok(self.series)
    }

    fn history_from(&self, now: Timestamp) -> Timestamp {
        self.spec.interval.open_of(now) - self.spec.interval.duration() * self.spec.history
    }

    /// Loads the model that is to serve if it is another one than before. True: it begins again.
    async fn load_if_changed(
        &mut self,
        store: &dyn ForecastStore,
        repository: &dyn ModelRepository,
        series: &ForecastSeries,
    ) -> Result<bool, StoreFault> {
        let promoted = match repository.promoted(&self.spec) {
            Ok(promoted) => promoted,
            Err(why) => {
                self.state.last_error = Some(why);
                return Ok(false);
            }
        };
        if promoted == self.promoted {
            return Ok(false);
        }
        let serving = match repository.load(&self.spec) {
            Ok(serving) => serving,
            Err(why) => {
                self.state.last_error = Some(why);
                return Ok(false);
            }
        };
        for refused in &serving.refused {
            tracing::error!(
                series = self.spec.name(),
                refused,
                "a model cannot serve; the one before it does"
            );
        }
        self.state.last_error = serving.refused.into_iter().next();
        let Some(mut model) = serving.model else {
            // Nothing to replace what is loaded with: it goes on.
            self.promoted = promoted;
            return Ok(false);
        };
        let version = model.version().to_owned();
        if self
            .model
            .as_ref()
            .is_some_and(|loaded| loaded.version() == version)
        {
            self.promoted = promoted;
            return Ok(false);
        }
        let stored = store.state(series, &version, None).await?;
        let restored = stored.and_then(|stored| restore(&mut *model, &stored));
        self.snapshots = store
            .state_times(series, &version)
            .await?
            .into_iter()
            .collect();
        tracing::info!(
            series = self.spec.name(),
            version,
            resumed = restored.is_some(),
            "a model serves"
        );
        let fresh = restored.is_none();
        match restored {
            Some((last, inputs)) => {
                self.last = Some(last);
                self.inputs = inputs;
            }
            None => self.forget(),
        }
        self.state.model = Some(version);
        self.state.last_candle = self.last;
        self.model = Some(model);
        self.promoted = promoted;
        Ok(fresh)
    }

    fn forget(&mut self) {
        self.last = None;
        self.inputs = Inputs::default();
        self.snapshots.clear();
    }

    /// Goes back to the newest state before a candle that has changed. True: there is none, and the
    /// model begins again.
    async fn go_back(
        &mut self,
        store: &dyn ForecastStore,
        series: &ForecastSeries,
        changed: Timestamp,
    ) -> Result<bool, StoreFault> {
        // Only called with a model.
        let Some(model) = &mut self.model else {
            return Ok(true);
        };
        let before = changed - self.spec.interval.duration();
        let stored = store.state(series, model.version(), Some(before)).await?;
        let restored = stored.and_then(|stored| restore(&mut **model, &stored));
        tracing::info!(
            series = self.spec.name(),
            candle = %changed,
            from = ?restored.as_ref().map(|(last, _)| last.to_string()),
            "a candle was corrected; its forecasts are made again"
        );
        match restored {
            Some((last, inputs)) => {
                self.last = Some(last);
                self.inputs = inputs;
                self.snapshots.retain(|snapshot| *snapshot <= last);
                Ok(false)
            }
            None => {
                model.reset();
                self.forget();
                Ok(true)
            }
        }
    }

    /// Steps through candles and writes what came of it. After an error nothing is kept in memory
    /// that was not written: the next round loads the stored state.
    async fn step_through(
        &mut self,
        store: &dyn ForecastStore,
        series: &ForecastSeries,
        candles: &[Candle],
        (speak_from, settle_from, now): (Timestamp, Timestamp, Timestamp),
        round: &mut Round,
    ) -> Result<(), StoreFault> {
        let Some(mut model) = self.model.take() else {
            return Ok(());
        };
        let interval = self.spec.interval;
        let mut commit = ForecastCommit {
            series: *series,
            model: model.version().to_owned(),
            forecasts: Vec::new(),
            settlements: Vec::new(),
            states: Vec::new(),
            keep: Vec::new(),
            now,
        };
        let mut newest = Vec::new();
        for candle in candles {
            let begun = tokio::time::Instant::now();
            let stepped = model.step(candle).unwrap_or_else(|why| {
                tracing::warn!(series = self.spec.name(), why, "a candle was passed over");
                self.state.last_error = Some(why);
                super::model::Stepped::default()
            });
            metrics::histogram!("coinsphere_forecasts_step_seconds").record(begun.elapsed());
            self.last = Some(candle.open_time);
            self.inputs.push(interval, candle);
            self.state.steps += 1;
            if candle.open_time >= settle_from {
                commit.settlements.extend(self.settlements(candle));
            }
            if candle.open_time >= speak_from {
                let speaking = self.forecasts(candle, &stepped.forecasts, &commit.model, now);
                commit
                    .forecasts
                    .extend(speaking.iter().map(|live| live.forecast.clone()));
                if !speaking.is_empty() {
                    newest = speaking;
                }
                if !stepped.drifts.is_empty() {
                    self.state.drifts += 1;
                    round.drifted = true;
                    metrics::counter!("coinsphere_forecasts_drifts_total").increment(1);
                    tracing::info!(series = self.spec.name(), drifts = ?stepped.drifts, "the model's errors have grown");
                }
            }
            if is_snapshot(interval, candle.open_time) {
                commit.states.push(self.saved(&*model, candle.open_time));
                self.snapshots.insert(candle.open_time);
            }
        }
        if let Some(last) = self.last
            && !is_snapshot(interval, last)
        {
            commit.states.push(self.saved(&*model, last));
        }
        while self.snapshots.len() > SNAPSHOTS {
            self.snapshots.pop_first();
        }
        self.snapshots.retain(|time| is_snapshot(interval, *time));
        commit.keep = self.snapshots.iter().copied().chain(self.last).collect();
        commit
            .states
            .retain(|state| commit.keep.contains(&state.open_time));
        match store.commit(&commit).await {
            Ok(written) => {
                self.state.forecasts += written;
                self.state.last_candle = self.last;
                metrics::counter!("coinsphere_forecasts_stored_total").increment(written);
                if !newest.is_empty() {
                    round.forecasts = newest;
                }
                self.model = Some(model);
                Ok(())
            }
            Err(fault) => {
                // Loaded again, with the stored state.
                self.promoted = None;
                self.forget();
                Err(fault)
            }
        }
    }

    fn saved(&self, model: &dyn Inference, open_time: Timestamp) -> ForecastState {
        ForecastState {
            open_time,
            state: model.save(),
            inputs: self.inputs.to_bytes(),
        }
    }

    /// The forecasts that this candle's close decides.
    fn settlements(&self, candle: &Candle) -> impl Iterator<Item = Settlement> {
        let interval = self.spec.interval;
        self.spec.horizons.iter().map(move |&horizon| Settlement {
            open_time: candle.open_time - interval.duration() * horizon,
            horizon,
            price: candle.close,
        })
    }

    /// Forecasts to store and show: those whose outcome is not known yet.
    fn forecasts(
        &self,
        candle: &Candle,
        expected: &[Expected],
        version: &str,
        now: Timestamp,
    ) -> Vec<LiveForecast> {
        let interval = self.spec.interval;
        let close_time = interval.end_of(candle.open_time);
        let base_price = candle.close;
        let of = |expected: &Expected| {
            let target_time = close_time + interval.duration() * expected.horizon;
            let range = |(low, high): (f64, f64)| {
                Some(PriceRange {
                    low: price::at(base_price, low)?,
                    high: price::at(base_price, high)?,
                })
            };
            let ranges = match expected.ranges {
                None => None,
                Some([half, most, nearly_all]) => {
                    Some([range(half)?, range(most)?, range(nearly_all)?])
                }
            };
            let forecast = Forecast {
                horizon: expected.horizon,
                open_time: candle.open_time,
                target_time,
                model: version.to_owned(),
                method: expected.method.clone(),
                base_price,
                expected_return: expected.log_return,
                price: price::at(base_price, expected.log_return)?,
                ranges,
                made_at: now,
            };
            (now < target_time).then(|| LiveForecast {
                token: self.spec.asset.clone(),
                close_time,
                forecast,
                has_skill: expected.has_skill,
            })
        };
        expected.iter().filter_map(of).collect()
    }
}

fn restore(model: &mut dyn Inference, stored: &ForecastState) -> Option<(Timestamp, Inputs)> {
    let inputs = Inputs::from_bytes(&stored.inputs)?;
    match model.restore(&stored.state) {
        Ok(()) => Some((stored.open_time, inputs)),
        Err(why) => {
            tracing::warn!(why, "a stored state is not usable; it is computed again");
            model.reset();
            None
        }
    }
}

/// Returns whether the state after this candle is kept to go back to: one a day of hours, one a week of days.
fn is_snapshot(interval: Interval, open_time: Timestamp) -> bool {
    let every = match interval {
        Interval::Day1 => 7,
        _ => 24,
    };
    open_time
        .nanos()
        .div_euclid(interval.nanos())
        .rem_euclid(every)
        == 0
}

async fn read_all(
    store: &dyn ForecastStore,
    series: &ForecastSeries,
    from: Timestamp,
) -> Result<Vec<Candle>, StoreFault> {
    let (mut candles, mut next) = store.closed(series, from).await?;
    while let Some(from) = next {
        let (more, after) = store.closed(series, from).await?;
        candles.extend(more);
        next = after;
    }
    Ok(candles)
}
