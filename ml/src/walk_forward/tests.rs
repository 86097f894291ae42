use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::bar::{Bar, Interval};
use crate::series::Series;

/// A standard normal number (Box and Muller).
fn normal(rng: &mut StdRng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

fn bars(returns: &[f64]) -> Vec<Bar> {
    let mut price = 100.0_f64;
    returns
        .iter()
        .enumerate()
        .map(|(day, change)| {
            let open = price;
            price *= change.exp();
            Bar {
                open_time: day as i64 * Interval::D1.millis(),
                open,
                high: open.max(price) * 1.002,
                low: open.min(price) / 1.002,
                close: price,
                volume: 1_000.0 + (day % 11) as f64,
            }
        })
        .collect()
}

fn prepared(bars: Vec<Bar>) -> Prepared {
    Prepared::new(Series::build(Interval::D1, bars).expect("a series").0)
}

fn random_walk(days: usize, seed: u64) -> Prepared {
    let mut rng = StdRng::seed_from_u64(seed);
    let returns: Vec<f64> = (0..days).map(|_| 0.02 * normal(&mut rng)).collect();
    prepared(bars(&returns))
}

/// Returns that follow the two before them, and what the best linear forecast would score.
fn autoregressive(days: usize, seed: u64) -> (Prepared, f64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut returns, mut errors) = (vec![0.0, 0.0], vec![0.0, 0.0]);
    for day in 2..days {
        let error = 0.02 * normal(&mut rng);
        returns.push(0.5 * returns[day - 1] - 0.3 * returns[day - 2] + error);
        errors.push(error);
    }
    let sum = |values: &[f64]| values[days / 2..].iter().map(|v| v.abs()).sum::<f64>();
    (prepared(bars(&returns)), sum(&errors) / sum(&returns))
}

fn weekly(days: usize, seed: u64) -> Prepared {
    const PATTERN: [f64; 7] = [0.015, -0.01, 0.005, -0.02, 0.02, -0.015, 0.005];
    let mut rng = StdRng::seed_from_u64(seed);
    let returns: Vec<f64> = (0..days)
        .map(|day| PATTERN[day % 7] + 0.012 * normal(&mut rng))
        .collect();
    prepared(bars(&returns))
}

/// Small enough for a test, of the same kind.
fn small() -> EvaluationConfig {
    let mut config = EvaluationConfig {
        folds: 2,
        ..EvaluationConfig::default()
    };
    config.lstm.layers = vec![16];
    config.lstm.dropout = 0.0;
    config.lstm.networks = 2;
    config.lstm.training.epochs = 20;
    config.lstm.training.learning_rate = 5e-3;
    config.lstm.warm_epochs = 5;
    config
}

fn silent(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn of(evaluation: &Evaluation, model: ModelName) -> &ModelEvaluation {
    evaluation
        .models
        .iter()
        .find(|evaluated| evaluated.model == model)
        .expect("it was evaluated")
}

/// The series with everything from `from` on replaced by another course.
fn changed(data: &Prepared, from: usize) -> Prepared {
    let mut bars = data.series().bars().to_vec();
    for bar in &mut bars[from..] {
        for price in [&mut bar.open, &mut bar.high, &mut bar.low, &mut bar.close] {
            *price *= *price / 50.0;
        }
        bar.volume *= 17.0;
    }
    prepared(bars)
}

#[test]
fn changing_the_future_changes_no_past_feature() {
    let data = random_walk(400, 1);
    for from in [50, 200, 399] {
        let other = changed(&data, from);
        assert_eq!(data.rows()[..from], other.rows()[..from]);
        assert_ne!(data.rows()[from], other.rows()[from]);
    }
}

#[test]
fn no_model_learns_from_what_comes_after_its_training_part() {
    let data = autoregressive(500, 2).0;
    let other = changed(&data, 400);
    for horizons in [&[1][..], &[1, 7]] {
        for model in ModelName::ALL {
            let fit = |data| fit(model, data, 0..400, horizons, &small(), None, &silent);
            let fitted = fit(&data).expect("fitted");
            assert!(
                fitted == fit(&other).expect("fitted"),
                "{model} {horizons:?}"
            );
            // And what it forecasts rests on nothing later.
            let forecasts = |data| fitted.forecast(data, 380..400, horizons);
            assert_eq!(forecasts(&data), forecasts(&other), "{model}");
        }
    }
}

#[test]
fn every_outcome_learned_from_is_realised_an_embargo_before_the_first_forecast() {
    for len in [140, 200, 700, 3_400] {
        for horizon in [1, 7] {
            let config = EvaluationConfig::default();
            let layout = Layout::new(len, horizon, &config).expect("long enough");
            assert_eq!(layout.tested().end, len);
            for (fold, block) in layout.blocks.iter().enumerate() {
                // A fit sees outcomes up to the last candle of its training part.
                assert!(
                    layout.train(fold).end - 1 + horizon < block.start,
                    "{layout:?}"
                );
                assert!(layout.train(fold).len() >= MIN_TRAIN);
                assert!(fold == 0 || layout.blocks[fold - 1].end == block.start);
            }
        }
    }
    let error = Layout::new(300, 168, &EvaluationConfig::default()).expect_err("too short");
    assert!(
        error.to_string().contains("300 candles are too few"),
        "{error}"
    );
}

#[test]
fn structure_is_found_by_the_network_too() {
    // As it is by default: what this proves must be true of what is served.
    let config = EvaluationConfig {
        folds: 2,
        ..EvaluationConfig::default()
    };
    let (data, best) = autoregressive(1_500, 3);
    let models = [ModelName::Lstm, ModelName::Persistence, ModelName::Ridge];
    let evaluation = evaluate(&data, &[1], &models, &config, &silent).expect("evaluated");
    let lstm = of(&evaluation, ModelName::Lstm);
    println!("best {best:.4}, lstm {:?}", lstm.skill);
    // At least two fifths of what there is to be gained.
    assert!(lstm.skill.mase.value < 1.0 - 0.4 * (1.0 - best) && lstm.skill.has_skill);
    assert!(lstm.skill.directional_accuracy.value > 0.55);
    let persistence = of(&evaluation, ModelName::Persistence).skill;
    assert_eq!(persistence.mase.value, 1.0);
    assert_eq!(persistence.directional_accuracy.value, 0.5);
    assert!(of(&evaluation, ModelName::Ridge).skill.has_skill);
    assert!(evaluation.champions[0].model != ModelName::Persistence);

    let evaluation =
        evaluate(&weekly(900, 4), &[1], &[ModelName::Lstm], &config, &silent).expect("evaluated");
    let lstm = of(&evaluation, ModelName::Lstm);
    println!("weekly {:?}", lstm.skill);
    assert!(lstm.skill.mase.value < 0.85 && lstm.skill.has_skill);
}

#[test]
fn on_a_random_walk_nobody_claims_skill_and_intervals_hold_what_they_promise() {
    for seed in [5, 6] {
        let data = random_walk(900, seed);
        let evaluation =
            evaluate(&data, &[1], &ModelName::ALL, &small(), &silent).expect("evaluated");
        for model in &evaluation.models {
            println!("seed {seed} {} {:?}", model.model, model.skill);
            assert!(!model.skill.has_skill, "{}", model.model);
            assert!(model.skill.mase.value < 1.03, "{}", model.model);
            for (level, covered) in LEVELS.iter().zip(model.skill.coverage) {
                let error = (level * (1.0 - level) / model.skill.forecasts as f64).sqrt();
                assert!(
                    (covered - level).abs() <= (2.0 * error).max(0.02),
                    "{level}"
                );
            }
        }
        assert!(!evaluation.champions[0].has_skill);
    }
}

#[test]
fn the_same_seed_gives_the_same_answer_however_many_threads_there_are() {
    let data = autoregressive(500, 7).0;
    let run = |threads| {
        let mut config = small();
        config.lstm.threads = threads;
        evaluate(&data, &[1, 3], &ModelName::ALL, &config, &silent).expect("evaluated")
    };
    assert!(run(1) == run(2));
}

#[test]
fn an_evaluation_stops_when_told_to() {
    let stop = |progress: &Progress| match progress {
        Progress::Epoch(_) => ControlFlow::Break(()),
        Progress::Fold { .. } => ControlFlow::Continue(()),
    };
    let data = random_walk(500, 8);
    let stopped = evaluate(&data, &[1], &ModelName::ALL, &small(), &stop);
    assert_eq!(stopped, Err(EvaluationError::Cancelled));
}

#[test]
fn holes_and_filled_candles_are_never_forecast_from_or_scored() {
    let mut rows = random_walk(500, 9).series().bars().to_vec();
    rows.drain(400..403);
    rows.drain(300..310);
    let data = prepared(rows);
    let models = [ModelName::Persistence, ModelName::AutoEts];
    let evaluation = evaluate(&data, &[2], &models, &small(), &silent).expect("evaluated");
    for forecast in &of(&evaluation, ModelName::AutoEts).forecasts {
        assert!(!data.series().filled(forecast.origin));
        assert!(!data.series().filled(forecast.origin + 2));
        assert!(data.rows()[forecast.origin].is_some());
    }
    let scored = of(&evaluation, ModelName::Persistence).skill.forecasts;
    // A stretch that begins again warms up, and outcomes end before the holes.
    assert!(scored < evaluation.tested.len() - WARM_UP, "{scored}");
}
