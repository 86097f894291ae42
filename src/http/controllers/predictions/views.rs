//! The shapes of answers about forecasts: prices as decimal strings, figures as numbers.

use coinsphere_actors::push::{LEVELS, horizon_name};
use coinsphere_pipelines::market::{InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::StoredForecast;
use serde::Serialize;
use utoipa::ToSchema;

use crate::forecasts::{ENOUGH_REALISED, Estimate, Judged, Skill};

/// The newest forecasts of a token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Predictions)]
pub(in crate::http) struct PredictionsView {
    /// CoinGecko id.
    #[schema(example = "bitcoin")]
    pub(in crate::http) token: String,
    /// Length of the candles they are based on.
    #[schema(example = "1h")]
    pub(in crate::http) interval: &'static str,
    /// The instrument of those candles.
    #[schema(example = "binance:BTCUSDT")]
    pub(in crate::http) instrument: Option<String>,
    /// One per horizon, shortest first.
    pub(in crate::http) data: Vec<PredictionView>,
}

/// A forecast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Prediction)]
pub(in crate::http) struct PredictionView {
    #[serde(flatten)]
    forecast: ForecastView,
    /// Its skill.
    skill: SkillView,
}

/// A forecast as it was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Forecast)]
pub(in crate::http) struct ForecastView {
    /// The horizon: `1h`, `24h` or `7d`.
    #[schema(example = "24h")]
    horizon: String,
    /// Opening time of the candle it is based on.
    #[schema(value_type = String, format = DateTime)]
    open_time: Timestamp,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// The time it is a forecast for.
    #[schema(value_type = String, format = DateTime)]
    target_time: Timestamp,
    /// Close of the candle it is based on, a decimal.
    #[schema(example = "61837.63")]
    base_price: String,
    /// The expected price, a decimal.
    #[schema(example = "61902.11")]
    price: String,
    /// The expected logarithm of the target price over the base price.
    #[schema(example = -0.0023)]
    expected_return: f64,
    /// Prediction intervals; empty until they are calibrated.
    intervals: Vec<IntervalView>,
    /// The version of the model.
    #[schema(example = "20261122T115607264Z-434acd1c")]
    model: String,
    /// The method that made it, the model's best at this horizon: `lstm`, `persistence`, `drift`,
    /// `ridge`, `elastic_net` or `auto_ets`.
    #[schema(example = "ridge")]
    method: String,
}

/// A prediction interval for the price.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PredictionInterval)]
pub(in crate::http) struct IntervalView {
    /// The nominal coverage in percent: 50, 80 or 95.
    #[schema(example = 80)]
    level: u8,
    /// The lower end, a decimal.
    #[schema(example = "65241.72")]
    low: String,
    /// The upper end, a decimal.
    #[schema(example = "69171.605")]
    high: String,
}

/// The skill of a forecast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastSkill)]
pub(in crate::http) struct SkillView {
    /// True when the model beat repeating the last price by more than chance.
    has_skill: bool,
    /// The same in words.
    #[schema(
        example = "Too few forecasts (7) to tell whether there is any skill: do not rely on them."
    )]
    statement: String,
    /// Walk-forward evaluation when it was trained.
    evaluation: Option<ScoreView>,
    /// The score of its live forecasts, once enough have been realised.
    live: Option<ScoreView>,
}

/// The score of forecasts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastScore)]
pub(in crate::http) struct ScoreView {
    /// Mean absolute error of log returns, relative to repeating the last price: below 1 is better.
    mase: EstimateView,
    /// Share of forecasts with the right direction; zero counts one half.
    directional_accuracy: EstimateView,
    /// Shares of outcomes inside the prediction intervals.
    coverage: Option<CoverageShares>,
    /// Number of forecasts.
    forecasts: usize,
}

/// A figure with its 95 % confidence interval.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Estimate)]
pub(in crate::http) struct EstimateView {
    /// The figure.
    #[schema(example = 0.98)]
    value: f64,
    /// The interval's lower end.
    #[schema(example = 0.95)]
    low: f64,
    /// The interval's upper end.
    #[schema(example = 1.01)]
    high: f64,
}

/// Shares of outcomes inside the prediction intervals.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct CoverageShares {
    /// Of the 50 % interval.
    #[serde(rename = "50")]
    #[schema(example = 0.51)]
    half: f64,
    /// Of the 80 % interval.
    #[serde(rename = "80")]
    #[schema(example = 0.79)]
    most: f64,
    /// Of the 95 % interval.
    #[serde(rename = "95")]
    #[schema(example = 0.95)]
    nearly_all: f64,
}

/// A past forecast and its outcome.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PastPrediction)]
pub(in crate::http) struct PastView {
    #[serde(flatten)]
    forecast: ForecastView,
    /// The outcome; null until the target time.
    outcome: Option<OutcomeView>,
}

/// The outcome of a forecast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PredictionOutcome)]
pub(in crate::http) struct OutcomeView {
    /// The price at the target time, a decimal.
    #[schema(example = "67403.1")]
    price: String,
    /// The logarithm of the outcome over the base price.
    #[schema(example = 0.0011)]
    actual_return: f64,
    /// Actual return minus expected return.
    #[schema(example = 0.0034)]
    error: f64,
    /// The levels of the intervals that contained the outcome.
    #[schema(example = json!([50, 80, 95]))]
    inside: Vec<u8>,
}

/// The track record of a token's forecasts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrackRecord)]
pub(in crate::http) struct TrackRecordView {
    /// CoinGecko id.
    #[schema(example = "bitcoin")]
    pub(in crate::http) token: String,
    /// Length of the candles they are based on.
    #[schema(example = "1h")]
    pub(in crate::http) interval: &'static str,
    /// The horizon.
    #[schema(example = "24h")]
    pub(in crate::http) horizon: String,
    /// The version that was asked for; null for all that served.
    #[schema(example = "20261122T115607264Z-434acd1c")]
    pub(in crate::http) model: Option<String>,
    /// True when they beat repeating the last price by more than chance.
    pub(in crate::http) has_skill: bool,
    /// The same in words.
    #[schema(
        example = "Too few forecasts (7) to tell whether there is any skill: do not rely on them."
    )]
    pub(in crate::http) statement: String,
    /// The score; null until a forecast has been realised.
    pub(in crate::http) score: Option<ScoreView>,
}

/// The figures in words.
pub(in crate::http) fn statement(skill: Option<&Skill>) -> String {
    match skill {
        None => {
            "Nothing is known yet of how good these forecasts are: do not rely on them.".to_owned()
        }
        Some(skill) if skill.has_skill => format!(
            "Better than repeating the last price: its error is {:.1} % smaller (MASE {:.3}, 95 % interval {:.3} to {:.3}).",
            (1.0 - skill.mase.value) * 100.0,
            skill.mase.value,
            skill.mase.low,
            skill.mase.high
        ),
        Some(skill) if skill.forecasts < ENOUGH_REALISED => format!(
            "Too few forecasts ({}) to tell whether there is any skill: do not rely on them.",
            skill.forecasts
        ),
        Some(skill) => format!(
            "No skill: not better than repeating the last price (MASE {:.3}, 95 % interval {:.3} to {:.3}). The intervals still show how far the price may move.",
            skill.mase.value, skill.mase.low, skill.mase.high
        ),
    }
}

/// A horizon of so many candles, by name.
pub(in crate::http) fn horizon_of(interval: Interval, candles: u32) -> String {
    horizon_name(interval.duration() * candles)
}

impl PredictionsView {
    pub(in crate::http) fn new(
        token: String,
        interval: Interval,
        instrument: Option<&InstrumentKey>,
        forecasts: &[Judged],
    ) -> Self {
        Self {
            token,
            interval: interval.name(),
            instrument: instrument.map(ToString::to_string),
            data: forecasts
                .iter()
                .map(|judged| PredictionView {
                    forecast: ForecastView::new(interval, &judged.stored),
                    skill: SkillView::new(judged.evaluated.as_ref(), judged.live.as_ref()),
                })
                .collect(),
        }
    }
}

impl ForecastView {
    fn new(interval: Interval, stored: &StoredForecast) -> Self {
        let forecast = &stored.forecast;
        let text = |price: rust_decimal::Decimal| price.normalize().to_string();
        Self {
            horizon: horizon_of(interval, forecast.horizon),
            open_time: forecast.open_time,
            made_at: forecast.made_at,
            target_time: forecast.target_time,
            base_price: text(forecast.base_price),
            price: text(forecast.price),
            expected_return: forecast.expected_return,
            intervals: LEVELS
                .into_iter()
                .zip(forecast.ranges.iter().flatten())
                .map(|(level, range)| IntervalView {
                    level,
                    low: text(range.low),
                    high: text(range.high),
                })
                .collect(),
            model: forecast.model.clone(),
            method: forecast.method.clone(),
        }
    }
}

impl SkillView {
    pub(in crate::http) fn new(evaluated: Option<&Skill>, live: Option<&Skill>) -> Self {
        Self {
            has_skill: evaluated.is_some_and(|skill| skill.has_skill),
            statement: statement(evaluated),
            evaluation: evaluated.map(ScoreView::from),
            live: live.map(ScoreView::from),
        }
    }
}

impl From<&Skill> for ScoreView {
    fn from(skill: &Skill) -> Self {
        Self {
            mase: skill.mase.into(),
            directional_accuracy: skill.directional_accuracy.into(),
            coverage: skill
                .coverage
                .map(|[half, most, nearly_all]| CoverageShares {
                    half,
                    most,
                    nearly_all,
                }),
            forecasts: skill.forecasts,
        }
    }
}

impl From<Estimate> for EstimateView {
    fn from(Estimate { value, low, high }: Estimate) -> Self {
        Self { value, low, high }
    }
}

impl PastView {
    pub(in crate::http) fn new(interval: Interval, stored: &StoredForecast) -> Self {
        let forecast = &stored.forecast;
        let outcome = stored.outcome.map(|outcome| OutcomeView {
            price: outcome.price.normalize().to_string(),
            actual_return: outcome.log_return,
            error: outcome.log_return - forecast.expected_return,
            inside: LEVELS
                .into_iter()
                .zip(forecast.ranges.iter().flatten())
                .filter(|(_, range)| range.low <= outcome.price && outcome.price <= range.high)
                .map(|(level, _)| level)
                .collect(),
        });
        Self {
            forecast: ForecastView::new(interval, stored),
            outcome,
        }
    }
}
