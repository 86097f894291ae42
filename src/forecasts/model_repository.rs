//! The ml crate's models as the predictor steps them. The one place where candles become floats.

use coinsphere_actors::forecasting::predictor::{
    Expected, Inference, ModelRepository, Serving, Stepped,
};
use coinsphere_actors::forecasting::series::SeriesSpec;
use coinsphere_ml::live::{LiveForecast, LiveModel, LiveState};
use coinsphere_ml::model::{ModelKey, Registry};
use coinsphere_ml::{Bar, Interval as MlInterval};
use coinsphere_pipelines::market::{Candle, Interval};
use rust_decimal::prelude::ToPrimitive as _;

/// The registry of models, as the predictor asks it.
#[derive(Debug, Clone)]
pub(crate) struct MlModelRepository(pub(crate) Registry);

/// A version and where its inference stands.
struct Live {
    model: LiveModel,
    state: LiveState,
    version: String,
}

/// The key of a series' models.
pub(crate) fn key(spec: &SeriesSpec) -> Result<ModelKey, String> {
    let interval = interval(spec.interval);
    ModelKey::new(&spec.asset, interval).map_err(|error| error.to_string())
}

/// The interval in the ml crate's words.
pub(crate) const fn interval(interval: Interval) -> MlInterval {
    match interval {
        Interval::Minute1 => MlInterval::M1,
        Interval::Minute5 => MlInterval::M5,
        Interval::Minute15 => MlInterval::M15,
        Interval::Hour1 => MlInterval::H1,
        Interval::Hour4 => MlInterval::H4,
        Interval::Day1 => MlInterval::D1,
    }
}

/// A candle as models see it.
pub(crate) fn bar(candle: &Candle) -> Bar {
    // A decimal is always some float; what cannot be is refused by whoever takes the bar.
    let float = |value: rust_decimal::Decimal| value.to_f64().unwrap_or(f64::NAN);
    Bar {
        open_time: candle.open_time.millis(),
        open: float(candle.open),
        high: float(candle.high),
        low: float(candle.low),
        close: float(candle.close),
        volume: float(candle.volume),
    }
}

impl ModelRepository for MlModelRepository {
    fn promoted(&self, spec: &SeriesSpec) -> Result<Option<String>, String> {
        let pointer = self.0.pointer(&key(spec)?);
        let pointer = pointer.map_err(|error| error.to_string())?;
        Ok(pointer.current().map(|current| current.id.to_string()))
    }

    fn load(&self, spec: &SeriesSpec) -> Result<Serving, String> {
        let serving = self.0.serving(&key(spec)?);
        let serving = serving.map_err(|error| error.to_string())?;
        Ok(Serving {
            model: serving.model.map(|model| {
                Box::new(Live {
                    state: model.start(),
                    version: model.card().id.to_string(),
                    model,
                }) as Box<dyn Inference>
            }),
            refused: serving
                .refused
                .iter()
                .map(|(id, error)| format!("model {id} cannot serve: {error}"))
                .collect(),
        })
    }
}

impl Inference for Live {
    fn version(&self) -> &str {
        &self.version
    }

    fn reset(&mut self) {
        self.state = self.model.start();
    }

    fn step(&mut self, candle: &Candle) -> Result<Stepped, String> {
        let step = self.model.step(&mut self.state, &bar(candle));
        let step = step.map_err(|error| error.to_string())?;
        Ok(Stepped {
            forecasts: step
                .forecasts
                .iter()
                .map(|made| self.expected(made))
                .collect(),
            drifts: step
                .drifts
                .iter()
                .map(|drift| {
                    format!(
                        "{} candles ahead: Page-Hinkley statistic {:.1}",
                        drift.horizon, drift.alarm.statistic
                    )
                })
                .collect(),
        })
    }

    fn save(&self) -> Vec<u8> {
        self.state.to_bytes()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let state = LiveState::from_bytes(bytes, &self.model);
        self.state = state.map_err(|error| error.to_string())?;
        Ok(())
    }
}

impl Live {
    fn expected(&self, made: &LiveForecast) -> Expected {
        let log = |price: f64| (price / made.base_price).ln();
        let ranges = match made.intervals.as_slice() {
            [half, most, nearly_all] => {
                Some([half, most, nearly_all].map(|range| (log(range.low), log(range.high))))
            }
            _ => None,
        };
        Expected {
            // Horizons come from our own list of u32.
            horizon: u32::try_from(made.horizon).unwrap_or(u32::MAX),
            method: made.model.name().to_owned(),
            log_return: made.expected_log_return,
            ranges,
            has_skill: self
                .model
                .card()
                .horizon(made.horizon)
                .is_some_and(|evaluated| evaluated.has_skill),
        }
    }
}
