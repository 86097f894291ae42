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
pub(in crate::http) struct PredictionsBody {
    /// CoinGecko id.
    #[schema(example = "bitcoin")]
    pub(in crate::http) token: String,
    /// Length of the candles that they rest on.
    #[schema(example = "1h")]
    pub(in crate::http) interval: &'static str,
    /// The instrument whose candles those are.
    #[schema(example = "binance:BTCUSDT")]
    pub(in crate::http) instrument: Option<String>,
    /// One a horizon, the shortest first.
    pub(in crate::http) data: Vec<PredictionBody>,
}

/// A forecast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Prediction)]
pub(in crate::http) struct PredictionBody {
    #[serde(flatten)]
    forecast: ForecastBody,
    /// How far to trust it.
    skill: SkillBody,
}

/// A forecast as it was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Forecast)]
pub(in crate::http) struct ForecastBody {
    /// How far ahead: `1h`, `24h` or `7d`.
    #[schema(example = "24h")]
    horizon: String,
    /// Start of the candle it rests on.
    #[schema(value_type = String, format = DateTime)]
    open_time: Timestamp,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// The time it speaks of.
    #[schema(value_type = String, format = DateTime)]
    target_time: Timestamp,
    /// Close of the candle it rests on, a decimal.
    #[schema(example = "61837.63")]
    base_price: String,
    /// The expected price, a decimal.
    #[schema(example = "61902.11")]
    price: String,
    /// The expected logarithm of target price over base price.
    #[schema(example = -0.0023)]
    expected_return: f64,
    /// Where the price is expected; empty while that is not calibrated.
    intervals: Vec<IntervalBody>,
    /// The version of the model.
    #[schema(example = "20261122T115607264Z-434acd1c")]
    model: String,
    /// Which of the model's methods made it: `lstm`, `persistence`, `drift`, `ridge`,
    /// `elastic_net` or `auto_ets`, whichever was best at this horizon.
    #[schema(example = "ridge")]
    method: String,
}

/// A range of prices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PredictionInterval)]
pub(in crate::http) struct IntervalBody {
    /// In how many of 100 cases the outcome is to lie inside: 50, 80 or 95.
    #[schema(example = 80)]
    level: u8,
    /// The lowest price inside, a decimal.
    #[schema(example = "65241.72")]
    low: String,
    /// The highest price inside, a decimal.
    #[schema(example = "69171.605")]
    high: String,
}

/// How far to trust a forecast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastSkill)]
pub(in crate::http) struct SkillBody {
    /// Whether the model was better than repeating the last price, beyond chance.
    has_skill: bool,
    /// The same in words.
    #[schema(
        example = "Too few forecasts (7) to tell whether there is any skill: do not rely on them."
    )]
    statement: String,
    /// Walk-forward, when it was trained.
    evaluation: Option<ScoreBody>,
    /// Of its own forecasts since, once enough have been realised.
    live: Option<ScoreBody>,
}

/// How good forecasts were.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastScore)]
pub(in crate::http) struct ScoreBody {
    /// Mean absolute error of log returns over that of repeating the last price: below 1 is better.
    mase: EstimateBody,
    /// Share of forecasts with the right direction; zero counts one half.
    directional_accuracy: EstimateBody,
    /// Shares of outcomes inside the intervals.
    coverage: Option<CoverageShares>,
    /// How many forecasts.
    forecasts: usize,
}

/// A figure with its 95 % confidence interval.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Estimate)]
pub(in crate::http) struct EstimateBody {
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

/// Shares of outcomes inside the intervals.
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

/// A forecast and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PastPrediction)]
pub(in crate::http) struct PastBody {
    #[serde(flatten)]
    forecast: ForecastBody,
    /// What came; null until the target time.
    outcome: Option<OutcomeBody>,
}

/// What came of a forecast.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PredictionOutcome)]
pub(in crate::http) struct OutcomeBody {
    /// The price at the target time, a decimal.
    #[schema(example = "67403.1")]
    price: String,
    /// The logarithm of that price over the base price.
    #[schema(example = 0.0011)]
    actual_return: f64,
    /// Actual less expected return.
    #[schema(example = 0.0034)]
    error: f64,
    /// The levels of the intervals that held the price.
    #[schema(example = json!([50, 80, 95]))]
    inside: Vec<u8>,
}

/// What the realised forecasts of a token came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrackRecord)]
pub(in crate::http) struct TrackRecordBody {
    /// CoinGecko id.
    #[schema(example = "bitcoin")]
    pub(in crate::http) token: String,
    /// Length of the candles that they rest on.
    #[schema(example = "1h")]
    pub(in crate::http) interval: &'static str,
    /// How far ahead.
    #[schema(example = "24h")]
    pub(in crate::http) horizon: String,
    /// The version asked for; null: all that served.
    #[schema(example = "20261122T115607264Z-434acd1c")]
    pub(in crate::http) model: Option<String>,
    /// Whether they were better than repeating the last price, beyond chance.
    pub(in crate::http) has_skill: bool,
    /// The same in words.
    #[schema(
        example = "Too few forecasts (7) to tell whether there is any skill: do not rely on them."
    )]
    pub(in crate::http) statement: String,
    /// The figures; null while nothing was realised.
    pub(in crate::http) score: Option<ScoreBody>,
}

/// What the figures mean, in words.
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

impl PredictionsBody {
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
                .map(|judged| PredictionBody {
                    forecast: ForecastBody::new(interval, &judged.stored),
                    skill: SkillBody::new(judged.evaluated.as_ref(), judged.live.as_ref()),
                })
                .collect(),
        }
    }
}

impl ForecastBody {
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
                .map(|(level, range)| IntervalBody {
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

impl SkillBody {
    pub(in crate::http) fn new(evaluated: Option<&Skill>, live: Option<&Skill>) -> Self {
        Self {
            has_skill: evaluated.is_some_and(|skill| skill.has_skill),
            statement: statement(evaluated),
            evaluation: evaluated.map(ScoreBody::from),
            live: live.map(ScoreBody::from),
        }
    }
}

impl From<&Skill> for ScoreBody {
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

impl From<Estimate> for EstimateBody {
    fn from(Estimate { value, low, high }: Estimate) -> Self {
        Self { value, low, high }
    }
}

impl PastBody {
    pub(in crate::http) fn new(interval: Interval, stored: &StoredForecast) -> Self {
        let forecast = &stored.forecast;
        let outcome = stored.outcome.map(|outcome| OutcomeBody {
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
            forecast: ForecastBody::new(interval, stored),
            outcome,
        }
    }
}
