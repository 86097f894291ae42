//! Training with the ml crate, on the trainer's thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use coinsphere_actors::forecasting::series::SeriesSpec;
use coinsphere_actors::forecasting::trainer::{Job, ModelTrainer, Reason, Trained};
use coinsphere_ml::Series;
use coinsphere_ml::live::LiveModel;
use coinsphere_ml::model::{ModelKey, Origin, Registry};
use coinsphere_ml::training::{
    self, Cancel, Candidate, Progress, TrainRequest, TrainingConfig, TrainingError,
};
use coinsphere_pipelines::market::Timestamp;

use crate::forecasts::ForecastSettings;
use crate::forecasts::model_repository::{bar, interval, key};

/// Trains into a registry.
pub(crate) struct MlModelTrainer {
    registry: Registry,
    config: TrainingConfig,
    keep: usize,
    /// Versions found when the registry was last looked through, and the one that served then.
    known: Mutex<HashMap<ModelKey, Known>>,
}

#[derive(Clone)]
struct Known {
    promoted: Option<String>,
    newest: Option<Timestamp>,
}

impl MlModelTrainer {
    pub(crate) fn new(registry: Registry, settings: &ForecastSettings) -> Self {
        let mut config = TrainingConfig {
            folds: settings.folds as usize,
            ..TrainingConfig::default()
        };
        // Checked with the configuration.
        config.lstm.layers = settings.widths().unwrap_or(config.lstm.layers);
        config.lstm.networks = settings.networks as usize;
        config.lstm.threads = settings.threads as usize;
        config.lstm.training.epochs = settings.epochs as usize;
        config.lstm.warm_epochs = config.lstm.warm_epochs.min(settings.epochs as usize);
        Self {
            registry,
            config,
            keep: settings.keep_versions as usize,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<ModelKey, Known>> {
        // A panic while the map is held leaves a usable map.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn teach(
        &self,
        job: &Job,
        serving: Option<&LiveModel>,
        request: &TrainRequest<'_>,
        listener: &(dyn Fn(&Progress) + Sync),
        cancel: &Cancel,
    ) -> Result<Candidate, TrainingError> {
        // On a schedule a version is continued once, then one is made from scratch and evaluated again.
        let goes_on = serving.is_some_and(|serving| serving.card().origin == Origin::Trained)
            && matches!(job.reason, Reason::Schedule | Reason::Drift);
        if goes_on {
            match training::update(request, listener, cancel) {
                Err(TrainingError::Cancelled) => return Err(TrainingError::Cancelled),
                Err(error) => {
                    tracing::info!(%error, "a model cannot be continued; training another")
                }
                updated => return updated,
            }
        }
        training::train(request, listener, cancel)
    }
}

impl ModelTrainer for MlModelTrainer {
    /// Nothing usable being promoted counts as there being no version.
    fn newest(&self, spec: &SeriesSpec) -> Result<Option<Timestamp>, String> {
        let words = |error: coinsphere_ml::model::RegistryError| error.to_string();
        let key = key(spec)?;
        let pointer = self.registry.pointer(&key).map_err(words)?;
        let promoted = pointer.current().map(|current| current.id.to_string());
        if let Some(known) = self.known().get(&key)
            && known.promoted == promoted
        {
            return Ok(known.newest);
        }
        let serves = self.registry.serving(&key).map_err(words)?.model.is_some();
        let versions = self.registry.versions(&key).map_err(words)?;
        let made = versions
            .iter()
            .filter_map(|version| version.card.as_ref().ok());
        let newest = made
            .filter_map(|card| Timestamp::from_millis(card.created_at.timestamp_millis()))
            .max()
            .filter(|_| serves);
        self.known().insert(key, Known { promoted, newest });
        Ok(newest)
    }

    fn train(
        &self,
        job: &Job,
        cancelled: &Arc<AtomicBool>,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<Trained, String> {
        let key = key(&job.spec)?;
        let bars = job.candles.iter().map(bar).collect();
        let series = Series::build(interval(job.spec.interval), bars);
        let (series, report) = series.map_err(|error| error.to_string())?;
        tracing::debug!(%key, ?report, "candles to train on");
        let serving = self
            .registry
            .serving(&key)
            .map_err(|e| e.to_string())?
            .model;
        let request = TrainRequest {
            key: key.clone(),
            series: &series,
            horizons: job.spec.horizons.iter().map(|h| *h as usize).collect(),
            config: self.config.clone(),
            serving: serving.as_ref(),
            created_at: job.now.to_utc(),
            code_version: env!("CARGO_PKG_VERSION"),
        };
        let cancel = Cancel::new();
        let listener = |step: &Progress| {
            if cancelled.load(Ordering::Relaxed) {
                cancel.cancel();
            }
            progress(step.to_string());
        };
        let candidate = self
            .teach(job, serving.as_ref(), &request, &listener, &cancel)
            .map_err(|error| error.to_string())?;
        let outcome = self.keep(&key, &candidate, job.now);
        self.known().remove(&key);
        outcome.map_err(|error| error.to_string())
    }
}

impl MlModelTrainer {
    fn keep(
        &self,
        key: &ModelKey,
        candidate: &Candidate,
        now: Timestamp,
    ) -> Result<Trained, coinsphere_ml::model::RegistryError> {
        let id = self.registry.save(&candidate.model)?;
        let verdict = candidate.verdict();
        if verdict.promote {
            self.registry
                .promote(key, &id, now.to_utc(), &verdict.why)?;
        }
        if let Err(error) = self.registry.prune(key, self.keep) {
            tracing::warn!(%error, "old versions of a model were not removed");
        }
        Ok(Trained {
            version: id.to_string(),
            promoted: verdict.promote,
            why: verdict.why.clone(),
        })
    }
}
