//! Helpers shared by the tests of several modules: series of known structure, and model versions
//! that need no training. Every function is deterministic by its seed.

use chrono::{DateTime, TimeDelta};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::bar::{Bar, Interval};
use crate::conformal::Calibrator;
use crate::features::{FEATURES, FeatureRow, NAMES, Scaler};
use crate::fit_error::ModelName;
use crate::fitted::Fitted;
use crate::live::{LiveModel, Served};
use crate::lstm::{Architecture, Network};
use crate::lstm_model::LstmForecaster;
use crate::metrics::{Estimate, Skill};
use crate::model::{
    Card, FORMAT, HorizonEvaluation, ModelId, ModelScore, Origin, TrainingSpan, Verdict,
};
use crate::training::TrainingConfig;

/// 2024-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_704_067_200_000;

/// Standard normal.
pub(crate) fn normal(rng: &mut StdRng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Hourly candles whose log returns follow `r(t) = a·r(t-1) + b·r(t-2) + noise`.
pub(crate) fn autoregressive(count: usize, a: f64, b: f64, seed: u64) -> Vec<Bar> {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut close, mut last, mut before) = (100.0_f64, 0.0, 0.0);
    (0..count)
        .map(|index| {
            let change = a * last + b * before + 0.01 * normal(&mut rng);
            (before, last) = (last, change);
            let open = close;
            close *= change.exp();
            let wick = 1.0 + 0.002 * rng.random::<f64>();
            Bar {
                open_time: START + index as i64 * Interval::H1.millis(),
                open,
                high: open.max(close) * wick,
                low: open.min(close) / wick,
                close,
                volume: 10.0 + rng.random::<f64>(),
            }
        })
        .collect()
}

/// Hourly candles that nobody can forecast.
pub(crate) fn random_walk(count: usize, seed: u64) -> Vec<Bar> {
    autoregressive(count, 0.0, 0.0, seed)
}

/// A scaler that leaves rows as they are, but for their clipping.
fn plain_scaler() -> Scaler {
    let row = |value: f64| FeatureRow {
        values: [value; FEATURES],
        volatility: 1.0,
    };
    Scaler::fit([row(-1.0), row(1.0)].iter())
}

/// An untrained network of two layers, twice.
pub(crate) fn network(outputs: usize, seed: u64) -> LstmForecaster {
    let architecture = Architecture {
        inputs: FEATURES,
        layers: vec![8, 4],
        dropout: 0.0,
        outputs,
    };
    let make = |seed| Network::new(&architecture, seed).expect("a possible shape");
    LstmForecaster {
        scaler: plain_scaler(),
        networks: vec![make(seed), make(seed + 1)],
        belief: vec![0.5; outputs],
        block: 50,
    }
}

/// A version that forecasts 1, 3 and 24 hours ahead, fitted on the candles before `trained`: by the
/// network, by drift, and by the last price.
pub(crate) fn version(asset: &str, trained: usize, seed: u64) -> LiveModel {
    let horizons = [1, 3, 24];
    let lstm = network(horizons.len(), seed);
    let skill = Skill {
        mase: Estimate {
            value: 0.98,
            low: 0.97,
            high: 0.99,
        },
        directional_accuracy: Estimate {
            value: 0.55,
            low: 0.52,
            high: 0.58,
        },
        coverage: [0.5, 0.8, 0.95],
        forecasts: 500,
        has_skill: true,
    };
    let champions = [ModelName::Lstm, ModelName::Drift, ModelName::Persistence];
    let created = START + seed as i64;
    let time = |millis| DateTime::from_timestamp_millis(millis).expect("a time");
    let id = ModelId::new(created, &[asset.as_bytes(), &seed.to_le_bytes()]);
    let card = Card {
        format: FORMAT,
        evaluated: id.clone(),
        id,
        asset: asset.to_owned(),
        interval: Interval::H1,
        created_at: time(created),
        code_version: "0.1.0".to_owned(),
        origin: Origin::Trained,
        architecture: lstm.networks[0].architecture().clone(),
        horizons: horizons.to_vec(),
        features: NAMES.map(str::to_owned).to_vec(),
        scaler: lstm.scaler.clone(),
        training: TrainingSpan {
            first: time(START),
            last: time(START) + TimeDelta::hours(trained as i64 - 1),
            candles: trained,
            held_back: 0,
            data_sha256: "0".repeat(64),
            config: TrainingConfig::default(),
            losses: Vec::new(),
        },
        evaluation: horizons
            .iter()
            .zip(champions)
            .map(|(&horizon, champion)| HorizonEvaluation {
                horizon,
                champion,
                has_skill: true,
                models: vec![ModelScore {
                    model: champion,
                    skill,
                }],
            })
            .collect(),
        verdict: Verdict {
            promote: true,
            why: "no version serves yet".to_owned(),
            serving: None,
            horizons: Vec::new(),
        },
    };
    let mut calibrator = Calibrator::new();
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..100 {
        calibrator.realise(normal(&mut rng), 1.0, None);
    }
    let served = horizons
        .iter()
        .enumerate()
        .map(|(model, &horizon)| Served {
            horizon,
            model,
            calibrator: calibrator.clone(),
            usual_score: 0.8,
        })
        .collect();
    let models = vec![Fitted::Lstm(lstm), Fitted::Drift(1e-4), Fitted::Persistence];
    LiveModel::new(card, models, served).expect("the parts fit")
}
