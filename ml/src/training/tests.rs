use std::sync::Mutex;

use super::*;
use crate::bar::{Bar, Interval};
use crate::fitted::Fitted;
use crate::lstm::{Architecture, Network, Supervise, TrainConfig};
use crate::model::{Origin, Registry};
use crate::testing::{autoregressive, random_walk, version};

/// A training of a second: a small network, few epochs.
fn quick() -> TrainingConfig {
    TrainingConfig {
        seed: 3,
        folds: 1,
        held_back: 0.15,
        lstm: LstmConfig {
            layers: vec![8],
            dropout: 0.0,
            networks: 2,
            training: TrainConfig {
                window: 20,
                stride: 10,
                batch: 16,
                epochs: 4,
                learning_rate: 5e-3,
                supervise: Supervise::EveryStep { warm_up: 4 },
                ..LstmConfig::default().training
            },
            warm_epochs: 2,
            replay: None,
            threads: 1,
        },
        ..TrainingConfig::default()
    }
}

fn series(bars: Vec<Bar>) -> Series {
    Series::build(Interval::H1, bars).expect("a series").0
}

fn request<'a>(series: &'a Series, serving: Option<&'a LiveModel>) -> TrainRequest<'a> {
    TrainRequest {
        key: ModelKey::new("bitcoin", Interval::H1).expect("a name"),
        series,
        horizons: vec![1, 3],
        config: quick(),
        serving,
        created_at: DateTime::from_timestamp(1_800_000_000, 0).expect("a time"),
        code_version: "0.1.0",
    }
}

fn silent(_: &Progress) {}

/// Returns with a clear structure.
fn structured(count: usize) -> Series {
    series(autoregressive(count, 0.6, -0.3, 11))
}

#[test]
fn a_version_is_trained_carded_kept_and_forecasts_better_than_the_last_price() {
    let series = structured(900);
    let heard = Mutex::new(Vec::new());
    let listen = |step: &Progress| heard.lock().expect("sound").push(step.clone());
    let candidate = train(&request(&series, None), &listen, &Cancel::new()).expect("trains");
    let card = candidate.model.card();
    assert!(candidate.verdict().promote, "{}", candidate.verdict().why);
    assert_eq!(card.horizons, [1, 3]);
    assert_eq!(card.training.candles + card.training.held_back, 900);
    assert_eq!(card.training.held_back, 135);
    assert_eq!(
        card.trained_through(),
        series.bars()[card.training.candles - 1].open_time
    );
    assert_eq!(card.evaluated, card.id);
    assert_eq!(card.training.losses.len(), 2);
    let next = &card.evaluation[0];
    assert_eq!(next.models.len(), ModelName::ALL.len());
    assert!(next.has_skill, "{next:?}");
    assert!(next.of_champion().expect("evaluated").skill.mase.high < 1.0);
    let held_back = &candidate.verdict().horizons[0];
    assert!(held_back.candidate < 0.95 && held_back.forecasts >= 100);
    // Intervals are calibrated from the first forecast on.
    let mut state = candidate.model.start();
    let mut forecasts = 0;
    for bar in series.bars() {
        let step = candidate.model.step(&mut state, bar).expect("steps");
        for forecast in &step.forecasts {
            assert_eq!(forecast.intervals.len(), 3);
            forecasts += 1;
        }
    }
    assert_eq!(forecasts, 2 * 136);
    let skill = state.realised(1).expect("realised");
    assert!(skill.beats_persistence(), "{skill:?}");

    let root = tempfile::tempdir().expect("a directory");
    let registry = Registry::open(root.path()).expect("opens");
    let id = registry.save(&candidate.model).expect("saves");
    let read = registry.load(&card.key(), &id).expect("loads");
    assert_eq!(read, candidate.model);

    let heard = heard.into_inner().expect("sound");
    assert!(
        heard
            .iter()
            .any(|step| matches!(step, Progress::Evaluating { .. }))
    );
    assert!(
        heard
            .iter()
            .any(|step| matches!(step, Progress::Fitting { epoch: 1, .. }))
    );
    assert_eq!(heard.last(), Some(&Progress::Comparing));
}

#[test]
fn the_same_request_makes_the_same_version_and_another_seed_another() {
    let series = structured(500);
    let make = |seed| {
        let mut request = request(&series, None);
        request.config.seed = seed;
        train(&request, &silent, &Cancel::new())
            .expect("trains")
            .model
    };
    let first = make(1);
    assert_eq!(first, make(1));
    assert_ne!(first.card().id, make(2).card().id);
}

#[test]
fn a_random_walk_gets_no_skill_attested() {
    let series = series(random_walk(900, 21));
    let candidate = train(&request(&series, None), &silent, &Cancel::new()).expect("trains");
    for horizon in &candidate.model.card().evaluation {
        assert!(!horizon.has_skill, "{horizon:?}");
    }
}

#[test]
fn a_better_candidate_wins_and_a_tie_changes_nothing() {
    let series = structured(900);
    // An untrained network serves.
    let mut worse = request(&series, None);
    let shape = Architecture {
        inputs: crate::features::FEATURES,
        layers: vec![4],
        dropout: 0.0,
        outputs: 2,
    };
    let network = Network::new(&shape, 5).expect("possible");
    let imported = import(&worse, network, "weights.pt")
        .expect("imports")
        .model;
    worse.serving = Some(&imported);
    let candidate = train(&worse, &silent, &Cancel::new()).expect("trains");
    let verdict = candidate.verdict();
    assert!(verdict.promote, "{}", verdict.why);
    assert_eq!(verdict.serving.as_ref(), Some(&imported.card().id));
    assert!(verdict.why.contains("below the serving version's"));
    for held_back in &verdict.horizons {
        assert!(held_back.candidate < held_back.serving.expect("compared"));
    }
    // The same again is no better.
    let again = train(
        &request(&series, Some(&candidate.model)),
        &silent,
        &Cancel::new(),
    );
    let again = again.expect("trains");
    assert!(!again.verdict().promote);
    assert!(
        again.verdict().why.contains("not below"),
        "{}",
        again.verdict().why
    );
}

#[test]
fn without_new_candles_or_with_other_horizons_the_rule_says_so() {
    let series = structured(900);
    let serving = train(&request(&series, None), &silent, &Cancel::new()).expect("trains");
    // The serving version was trained on what is held back from this one.
    let early = super::tests::series(series.bars()[..760].to_vec());
    let candidate = train(
        &request(&early, Some(&serving.model)),
        &silent,
        &Cancel::new(),
    );
    let candidate = candidate.expect("trains");
    assert!(!candidate.verdict().promote);
    assert!(candidate.verdict().why.contains("nothing to compare"));

    let mut other = request(&series, Some(&serving.model));
    other.horizons = vec![1];
    let candidate = train(&other, &silent, &Cancel::new()).expect("trains");
    assert!(candidate.verdict().promote);
    assert!(candidate.verdict().why.contains("horizons"));
}

#[test]
fn an_update_goes_on_from_the_serving_network_and_keeps_its_evaluation() {
    let bars = autoregressive(1_000, 0.6, -0.3, 11);
    let early = series(bars[..800].to_vec());
    let serving = train(&request(&early, None), &silent, &Cancel::new()).expect("trains");
    let late = series(bars);
    let mut request = request(&late, Some(&serving.model));
    request.config.lstm.layers = vec![128];
    let updated = update(&request, &silent, &Cancel::new()).expect("updates");
    let card = updated.model.card();
    let parent = serving.model.card();
    assert_eq!(
        card.origin,
        Origin::Continued {
            from: parent.id.clone()
        }
    );
    assert_eq!(card.evaluated, parent.id);
    assert_eq!(card.evaluation, parent.evaluation);
    assert_eq!(card.architecture, parent.architecture);
    assert!(card.trained_through() > parent.trained_through());
    assert!(card.training.losses.iter().all(|losses| losses.len() <= 2));
    let lstm = |model: &LiveModel| match &model.models()[0] {
        Fitted::Lstm(lstm) => lstm.clone(),
        other => panic!("{} is not the network", other.name()),
    };
    let (before, after) = (lstm(&serving.model), lstm(&updated.model));
    assert_eq!(before.scaler, after.scaler);
    assert_ne!(before.networks, after.networks);
    // It went on: its weights are nearer to the parent's than fresh ones are.
    let distance = |a: &Network, b: &Network| -> f64 {
        let of = |network: &Network| -> Vec<f32> {
            network
                .tensors()
                .iter()
                .flat_map(|t| t.values.to_vec())
                .collect()
        };
        of(a)
            .iter()
            .zip(of(b))
            .map(|(a, b)| f64::from((a - b).powi(2)))
            .sum()
    };
    let fresh = Network::new(&card.architecture, 99).expect("possible");
    assert!(
        distance(&after.networks[0], &before.networks[0])
            < 0.2 * distance(&after.networks[0], &fresh)
    );
}

#[test]
fn blocks_of_an_update_begin_where_the_serving_versions_did() {
    let bars = random_walk(1_000, 3);
    let late = series(bars[130..].to_vec());
    let serving = version("bitcoin", 200, 1);
    let Fitted::Lstm(network) = &serving.models()[0] else {
        panic!("the first model is the network");
    };
    let mut asked = request(&late, Some(&serving));
    // Two networks, blocks of 50: a round is 100, and 130 candles are gone.
    assert_eq!(span::out_of_step(&asked, &serving, network), 70);
    asked.config.most_candles = 800;
    assert_eq!(span::out_of_step(&asked, &serving, network), 0);
    let whole = series(bars);
    assert_eq!(
        span::out_of_step(&request(&whole, Some(&serving)), &serving, network),
        0
    );
}

#[test]
fn training_stops_when_asked_and_leaves_nothing() {
    let series = structured(600);
    let cancel = Cancel::new();
    cancel.cancel();
    let stopped = train(&request(&series, None), &silent, &cancel);
    assert_eq!(stopped, Err(TrainingError::Cancelled));
    // In the middle of the final fit.
    let cancel = Cancel::new();
    let listen = |step: &Progress| {
        if matches!(step, Progress::Fitting { .. }) {
            cancel.cancel();
        }
    };
    let stopped = train(&request(&series, None), &listen, &cancel);
    assert_eq!(stopped, Err(TrainingError::Cancelled));
}

#[test]
fn no_more_candles_are_used_than_asked() {
    let series = structured(900);
    let mut capped = request(&series, None);
    capped.config.most_candles = 500;
    let candidate = train(&capped, &silent, &Cancel::new()).expect("trains");
    let span = &candidate.model.card().training;
    assert_eq!(span.candles + span.held_back, 500);
    assert_eq!(span.first.timestamp_millis(), series.bars()[400].open_time);
}

#[test]
fn imported_weights_serve_as_they_are() {
    let series = structured(600);
    let shape = Architecture {
        inputs: crate::features::FEATURES,
        layers: vec![6, 3],
        dropout: 0.2,
        outputs: 2,
    };
    let network = Network::new(&shape, 5).expect("possible");
    let candidate =
        import(&request(&series, None), network.clone(), "weights.pt").expect("imports");
    let card = candidate.model.card();
    assert_eq!(
        card.origin,
        Origin::Imported {
            file: "weights.pt".to_owned()
        }
    );
    assert_eq!(card.architecture, shape);
    let Fitted::Lstm(lstm) = &candidate.model.models()[0] else {
        panic!("the first model is the network");
    };
    assert_eq!(lstm.networks, std::slice::from_ref(&network));
    assert!(
        card.evaluation
            .iter()
            .all(|of| of.champion == ModelName::Lstm)
    );
    assert!(
        candidate
            .model
            .served()
            .iter()
            .all(|of| of.calibrator.len() > 100)
    );

    let mut wrong = request(&series, None);
    wrong.horizons = vec![1];
    let error = import(&wrong, network, "weights.pt").expect_err("two outputs");
    assert!(error.to_string().contains("2 outputs"), "{error}");
}

#[test]
fn requests_out_of_range_are_refused_by_name() {
    let series = structured(300);
    type Change = fn(&mut TrainRequest<'_>);
    let cases: [(Change, &str); 9] = [
        (|r| r.horizons = vec![], "horizons"),
        (|r| r.horizons = vec![0], "horizons"),
        (|r| r.horizons = vec![3, 1], "horizons"),
        (|r| r.horizons = vec![2_000], "horizons"),
        (|r| r.config.folds = 0, "folds"),
        (|r| r.config.held_back = f64::NAN, "held_back"),
        (|r| r.config.most_candles = usize::MAX, "most_candles"),
        (|r| r.config.lstm.networks = 1, "lstm.networks"),
        (
            |r| r.key = ModelKey::new("bitcoin", Interval::D1).expect("a name"),
            "interval",
        ),
    ];
    for (change, wanted) in cases {
        let mut request = request(&series, None);
        change(&mut request);
        let error = train(&request, &silent, &Cancel::new()).expect_err(wanted);
        assert!(error.to_string().contains(wanted), "{wanted}: {error}");
        assert!(matches!(error, TrainingError::Setting { .. }));
    }
}

#[test]
fn too_few_candles_are_an_error_that_says_how_many_there_are() {
    let series = structured(130);
    let mut request = request(&series, None);
    let error = train(&request, &silent, &Cancel::new()).expect_err("too few");
    assert!(matches!(error, TrainingError::Candles { .. }), "{error}");
    request.horizons = vec![1, 100];
    let error = train(&request, &silent, &Cancel::new()).expect_err("too few");
    assert!(
        error.to_string().contains("130 candles are too few"),
        "{error}"
    );
    // Empty, constant and not finite ones do not become a series.
    let constant = Bar {
        open_time: 0,
        open: 1.0,
        high: 1.0,
        low: 1.0,
        close: 1.0,
        volume: 1.0,
    };
    let flat = (0..200).map(|hour| Bar {
        open_time: hour * Interval::H1.millis(),
        ..constant
    });
    for rows in [
        Vec::new(),
        flat.clone().collect(),
        flat.map(|bar| Bar {
            close: f64::NAN,
            ..bar
        })
        .collect(),
    ] {
        assert!(Series::build(Interval::H1, rows).is_err());
    }
}
