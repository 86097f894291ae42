//! The reader of forecasts and models, on the database and the registry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use coinsphere_ml::conformal::Outcome as Inside;
use coinsphere_ml::metrics::{self, Scored};
use coinsphere_ml::model::{Card, ModelId, ModelKey, Registry, RegistryError};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::{AssetId, InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::{
    ForecastQuery, ForecastSeries, Instrument, Store, StoreSource, StoredForecast,
};
use uuid::Uuid;

use super::training_job::training_of;
use super::{ENOUGH_REALISED, SERIES, horizons};
use crate::forecasts::{Estimate, Forecasts, Judged, ModelVersion, PastQuery, PromoteError, Skill};
use crate::jobs::{JobError, Jobs};
use crate::market::ReadError;
use crate::market::failure;

/// Number of the newest realised forecasts that count in a live record.
const LIVE: usize = 1_000;

/// The time for which a live record is shown before it is computed again.
const FRESH: std::time::Duration = std::time::Duration::from_secs(60);

/// Live records and cards remembered at most.
const REMEMBERED: usize = 256;

/// Why a promotion says it was asked for.
const BY_REQUEST: &str = "an administrator asked for it";

/// A version, its interval and a horizon.
type RecordKey = (String, Interval, u32);

/// Live records and when they were computed.
type Records = HashMap<RecordKey, (Timestamp, Option<Skill>)>;

/// Reads forecasts and models.
pub(crate) struct ForecastReader {
    deps: ForecastReaderDeps,
    records: Mutex<Records>,
    cards: Mutex<HashMap<String, Arc<Card>>>,
}

/// Dependencies of a reader.
pub(crate) struct ForecastReaderDeps {
    pub(crate) database: Arc<dyn StoreSource>,
    pub(crate) registry: Registry,
    pub(crate) jobs: Jobs,
    /// Raised when other versions serve.
    pub(crate) changed: Signal,
    /// Series that this process trains.
    pub(crate) trains: Option<Vec<String>>,
    pub(crate) clock: SharedClock,
}

impl ForecastReader {
    pub(crate) fn new(deps: ForecastReaderDeps) -> Self {
        Self {
            deps,
            records: Mutex::default(),
            cards: Mutex::default(),
        }
    }

    fn store(&self) -> Result<Store, ReadError> {
        self.deps
            .database
            .store()
            .ok_or_else(|| ReadError::Unavailable("it has not been reached yet".to_owned()))
    }

    async fn primary(&self, token: &AssetId) -> Result<Option<Instrument>, ReadError> {
        let found = self.store()?.instruments_of(token).await.map_err(failure)?;
        Ok(found.into_iter().next())
    }

    async fn series(
        &self,
        token: &AssetId,
        interval: Interval,
    ) -> Result<Option<ForecastSeries>, ReadError> {
        let instrument = self.primary(token).await?.map(|instrument| instrument.id);
        Ok(instrument.map(|instrument| ForecastSeries {
            instrument,
            interval,
        }))
    }

    /// The card of a version; `None` when it is gone or broken. Cards never change.
    async fn card(&self, key: ModelKey, version: &str) -> Option<Arc<Card>> {
        let known = self.known_card(version);
        if known.is_some() {
            return known;
        }
        let id: ModelId = version.parse().ok()?;
        let registry = self.deps.registry.clone();
        let read = tokio::task::spawn_blocking(move || registry.card(&key, &id));
        let card = Arc::new(read.await.ok()?.ok()?);
        let mut known = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(version.to_owned(), Arc::clone(&card));
        Some(card)
    }

    fn known_card(&self, version: &str) -> Option<Arc<Card>> {
        let known = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(version).cloned()
    }

    fn known_record(&self, key: &RecordKey, now: Timestamp) -> Option<Option<Skill>> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, skill) = records.get(key)?;
        (now.since(*at) < FRESH).then_some(*skill)
    }

    /// Skill of a version's forecasts since it serves, if there are enough.
    async fn live(
        &self,
        token: &AssetId,
        interval: Interval,
        stored: &StoredForecast,
    ) -> Result<Option<Skill>, ReadError> {
        let forecast = &stored.forecast;
        let key = (forecast.model.clone(), interval, forecast.horizon);
        let now = self.deps.clock.now();
        if let Some(skill) = self.known_record(&key, now) {
            return Ok(skill);
        }
        let query = PastQuery {
            token: token.clone(),
            interval,
            horizon: forecast.horizon,
            model: Some(forecast.model.clone()),
            before: None,
            limit: LIVE,
        };
        let skill = self.track_record(&query).await?;
        let skill = skill.filter(|skill| skill.forecasts >= ENOUGH_REALISED);
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= REMEMBERED {
            records.clear();
        }
        records.insert(key, (now, skill));
        Ok(skill)
    }

    async fn read(
        &self,
        query: &PastQuery,
        realised_only: bool,
    ) -> Result<Vec<StoredForecast>, ReadError> {
        let Some(series) = self.series(&query.token, query.interval).await? else {
            return Ok(Vec::new());
        };
        let asked = ForecastQuery {
            series,
            horizon: query.horizon,
            model: query.model.clone(),
            before: query.before,
            realised_only,
            limit: query.limit,
        };
        self.store()?.forecasts(&asked).await.map_err(failure)
    }

    /// Every version, read from disk.
    async fn versions(&self) -> Result<Vec<ModelVersion>, ReadError> {
        let registry = self.deps.registry.clone();
        let read = tokio::task::spawn_blocking(move || all_versions(&registry));
        match read.await {
            Ok(found) => found.map_err(|error| ReadError::Failed(error.to_string())),
            Err(error) => Err(ReadError::Failed(error.to_string())),
        }
    }
}

#[async_trait]
impl Forecasts for ForecastReader {
    async fn newest(&self, token: &AssetId, interval: Interval) -> Result<Vec<Judged>, ReadError> {
        let Some(series) = self.series(token, interval).await? else {
            return Ok(Vec::new());
        };
        let found = self
            .store()?
            .newest_forecasts(&series, horizons(interval))
            .await;
        let mut judged = Vec::new();
        for stored in found.map_err(failure)? {
            let key = ModelKey::new(
                token.as_str(),
                crate::forecasts::model_repository::interval(interval),
            );
            let card = match key {
                Ok(key) => self.card(key, &stored.forecast.model).await,
                Err(_) => None,
            };
            judged.push(Judged {
                evaluated: card.and_then(|card| evaluated(&card, stored.forecast.horizon)),
                live: self.live(token, interval, &stored).await?,
                stored,
            });
        }
        Ok(judged)
    }

    async fn past(&self, query: &PastQuery) -> Result<Vec<StoredForecast>, ReadError> {
        self.read(query, false).await
    }

    async fn track_record(&self, query: &PastQuery) -> Result<Option<Skill>, ReadError> {
        let realised = self.read(query, true).await?;
        let horizon = query.horizon as usize;
        // The bootstrap takes some milliseconds.
        let judged = tokio::task::spawn_blocking(move || {
            let scored: Vec<Scored> = realised
                .iter()
                .rev()
                .enumerate()
                .filter_map(scored)
                .collect();
            metrics::skill(&scored, horizon, 0)
        });
        let judged = judged
            .await
            .map_err(|error| ReadError::Failed(error.to_string()))?;
        Ok(judged.as_ref().map(skill))
    }

    async fn instrument(&self, token: &AssetId) -> Result<Option<InstrumentKey>, ReadError> {
        Ok(self.primary(token).await?.map(|instrument| instrument.key))
    }

    async fn models(&self) -> Result<Vec<ModelVersion>, ReadError> {
        self.versions().await
    }

    async fn model(&self, id: &str) -> Result<Option<ModelVersion>, ReadError> {
        let found = self.versions().await?;
        Ok(found.into_iter().find(|version| version.id == id))
    }

    async fn promote(&self, id: &str) -> Result<ModelVersion, PromoteError> {
        let Ok(version) = id.parse::<ModelId>() else {
            return Err(PromoteError::Unknown);
        };
        let (registry, now) = (self.deps.registry.clone(), self.deps.clock.now().to_utc());
        let promoted = tokio::task::spawn_blocking(move || {
            let Some(key) = registry.find(&version)? else {
                return Ok(None);
            };
            registry.promote(&key, &version, now, BY_REQUEST).map(Some)
        });
        let promoted = promoted
            .await
            .map_err(|error| ReadError::Failed(error.to_string()))?;
        match promoted {
            Ok(Some(_)) => {}
            Ok(None) | Err(RegistryError::Unknown { .. }) => return Err(PromoteError::Unknown),
            Err(error @ (RegistryError::Io { .. } | RegistryError::Pointer { .. })) => {
                return Err(ReadError::Failed(error.to_string()).into());
            }
            Err(error) => return Err(PromoteError::Unusable(error.to_string())),
        }
        self.deps.changed.raise();
        tracing::info!(id, "a model was promoted by an administrator");
        self.model(id).await?.ok_or(PromoteError::Unknown)
    }

    async fn train(
        &self,
        token: Option<&AssetId>,
        interval: Option<Interval>,
        requested_by: Option<Uuid>,
    ) -> Result<Option<Vec<String>>, ReadError> {
        let Some(tokens) = &self.deps.trains else {
            return Ok(None);
        };
        let mut queued = Vec::new();
        for asset in tokens {
            if token.is_some_and(|token| token.as_str() != asset) {
                continue;
            }
            for (of, _) in SERIES {
                if interval.is_none_or(|interval| interval == of) {
                    let name = format!("{asset}/{of}");
                    let job = training_of(&name, requested_by);
                    self.deps.jobs.enqueue(&job).await.map_err(not_enqueued)?;
                    queued.push(name);
                }
            }
        }
        Ok(Some(queued))
    }
}

fn not_enqueued(error: JobError) -> ReadError {
    if error.is_retriable() {
        ReadError::Unavailable(error.to_string())
    } else {
        ReadError::Failed(error.to_string())
    }
}

/// Outcome of a forecast, as the metrics take it.
fn scored((origin, stored): (usize, &StoredForecast)) -> Option<Scored> {
    let outcome = stored.outcome?;
    let inside = stored.forecast.ranges.map(|ranges| Inside {
        inside: ranges.map(|range| range.low <= outcome.price && outcome.price <= range.high),
    });
    Some(Scored {
        origin,
        expected: stored.forecast.expected_return,
        actual: outcome.log_return,
        outcome: inside,
    })
}

fn skill(found: &metrics::Skill) -> Skill {
    let estimate = |of: &metrics::Estimate| Estimate {
        value: of.value,
        low: of.low,
        high: of.high,
    };
    Skill {
        mase: estimate(&found.mase),
        directional_accuracy: estimate(&found.directional_accuracy),
        coverage: Some(found.coverage).filter(|shares| shares.iter().all(|s| s.is_finite())),
        forecasts: found.forecasts,
        has_skill: found.has_skill,
    }
}

/// Skill of the method that serves a horizon in walk-forward evaluation.
fn evaluated(card: &Card, horizon: u32) -> Option<Skill> {
    let of = card.horizon(horizon as usize)?;
    let score = of.of_champion()?;
    Some(Skill {
        has_skill: of.has_skill,
        ..skill(&score.skill)
    })
}

fn all_versions(registry: &Registry) -> Result<Vec<ModelVersion>, RegistryError> {
    let mut all = Vec::new();
    for key in registry.keys()? {
        for version in registry.versions(&key)?.into_iter().rev() {
            all.push(described(&key, version));
        }
    }
    Ok(all)
}

fn described(key: &ModelKey, version: coinsphere_ml::model::Version) -> ModelVersion {
    // Both name intervals alike.
    let interval = key.interval().name().parse().unwrap_or(Interval::Hour1);
    let (card, error) = match version.card {
        Ok(card) => (Some(card), None),
        Err(error) => (None, Some(public(&error))),
    };
    let horizons = card.iter().flat_map(|card| {
        card.evaluation.iter().map(|of| {
            let candles = u32::try_from(of.horizon).unwrap_or(u32::MAX);
            (
                candles,
                of.champion.name().to_owned(),
                evaluated(card, candles),
            )
        })
    });
    ModelVersion {
        id: version.id.to_string(),
        token: key.asset().to_owned(),
        interval,
        serves: version.serves,
        error,
        horizons: horizons.collect(),
        created_at: card
            .as_ref()
            .and_then(|card| Timestamp::from_millis(card.created_at.timestamp_millis())),
        card: card.and_then(|card| serde_json::to_value(card).ok()),
    }
}

/// Public description of a broken version: without its place on disk.
fn public(error: &coinsphere_ml::model::ModelFileError) -> String {
    use coinsphere_ml::model::ModelFileError::{Corrupt, Foreign, Io, Version};
    match error {
        Io { .. } => "its files cannot be read",
        Corrupt { .. } => "a file is not as it was written: its checksum is wrong",
        Foreign { .. } => "a file is not part of a model of this program",
        Version { .. } => "it was written by another version of this program",
    }
    .to_owned()
}
