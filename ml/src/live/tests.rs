use super::*;
use crate::bar::Interval;
use crate::fit_error::ModelName;
use crate::prepared::Prepared;
use crate::series::Series;
use crate::testing::{START, random_walk, version};

const HOUR: i64 = 3_600_000;

/// Steps through the candles from a state on.
fn run(model: &LiveModel, state: &mut LiveState, bars: &[Bar]) -> Vec<Step> {
    bars.iter()
        .map(|bar| model.step(state, bar).expect("a possible candle"))
        .collect()
}

#[test]
fn stepping_equals_forecasting_the_whole_series() {
    let model = version("bitcoin", 200, 1);
    let bars = random_walk(400, 1);
    let steps = run(&model, &mut model.start(), &bars);
    let (series, _) = Series::build(Interval::H1, bars.clone()).expect("a series");
    let data = Prepared::new(series);
    let Fitted::Lstm(_) = &model.models()[0] else {
        panic!("the first model is the network");
    };
    let whole = model.models()[0].forecast(&data, 0..data.len(), &[1, 3, 24]);
    assert!(steps[..199].iter().all(|step| step.forecasts.is_empty()));
    for (index, step) in steps.iter().enumerate().skip(199) {
        assert_eq!(step.forecasts.len(), 3);
        let [first, second, third] = &step.forecasts[..] else {
            panic!("three horizons");
        };
        let wanted = whole[index].as_ref().expect("warmed up")[0];
        assert_eq!(first.expected_log_return, wanted, "candle {index}");
        assert_ne!(first.expected_log_return, 0.0);
        assert_eq!(first.model, ModelName::Lstm);
        assert_eq!(second.model, ModelName::Drift);
        assert_eq!(second.expected_log_return, 3.0 * 1e-4);
        assert_eq!(third.model, ModelName::Persistence);
        assert_eq!(third.price, bars[index].close);
        assert_eq!(first.base_price, bars[index].close);
        assert_eq!(third.target_open_time, bars[index].open_time + 24 * HOUR);
    }
}

#[test]
fn intervals_nest_around_the_price_and_promise_the_three_levels() {
    let model = version("bitcoin", 100, 1);
    let steps = run(&model, &mut model.start(), &random_walk(300, 2));
    for forecast in steps.iter().flat_map(|step| &step.forecasts) {
        let levels: Vec<f64> = forecast.intervals.iter().map(|of| of.level).collect();
        assert_eq!(levels, [0.5, 0.8, 0.95]);
        let mut inner = (forecast.price, forecast.price);
        for interval in &forecast.intervals {
            assert!(interval.low <= inner.0 && inner.1 <= interval.high);
            assert!(interval.low > 0.0);
            inner = (interval.low, interval.high);
        }
    }
}

#[test]
fn each_forecast_is_realised_by_its_own_candle() {
    let model = version("bitcoin", 100, 1);
    let bars = random_walk(400, 3);
    let mut state = model.start();
    let steps = run(&model, &mut state, &bars);
    let mut counts = [0; 3];
    for (index, step) in steps.iter().enumerate() {
        for realised in &step.realised {
            let place = [1, 3, 24].iter().position(|h| *h == realised.horizon);
            counts[place.expect("a horizon of the model")] += 1;
            assert_eq!(realised.target_open_time, bars[index].open_time);
            let base = index - realised.horizon;
            assert_eq!(realised.base_open_time, bars[base].open_time);
            let actual = (bars[index].close / bars[base].close).ln();
            assert_eq!(realised.actual_log_return, actual);
            assert!(realised.inside.is_some());
            let forecast = steps[base]
                .forecasts
                .iter()
                .find(|forecast| forecast.horizon == realised.horizon)
                .expect("a realised forecast was made");
            assert_eq!(forecast.expected_log_return, realised.expected_log_return);
        }
    }
    // Forecasts from candle 99 on, the last the model was trained on.
    assert_eq!(counts, [301 - 1, 301 - 3, 301 - 24]);
    assert_eq!([1, 3, 24].map(|h| state.pending(h)), [1, 3, 24]);
    for (horizon, count) in [1, 3, 24].into_iter().zip(counts) {
        let skill = state.realised(horizon).expect("some were realised");
        assert_eq!(skill.forecasts, count as u64);
    }
    let persistence = state.realised(24).and_then(|skill| skill.mase);
    assert_eq!(persistence.expect("it moved").value, 1.0);
    assert!(state.realised(2).is_none());
}

#[test]
fn saving_and_loading_between_any_two_candles_changes_nothing() {
    let model = version("bitcoin", 150, 1);
    let bars = random_walk(420, 4);
    let mut straight = model.start();
    let wanted = run(&model, &mut straight, &bars);
    for pause in [0, 1, 30, 149, 150, 200, 419] {
        let mut state = model.start();
        let mut steps = run(&model, &mut state, &bars[..pause]);
        let bytes = state.to_bytes();
        let mut state = LiveState::from_bytes(&bytes, &model).expect("its own bytes");
        assert_eq!(state.to_bytes(), bytes);
        steps.extend(run(&model, &mut state, &bars[pause..]));
        assert_eq!(steps, wanted, "paused before candle {pause}");
        assert_eq!(state, straight);
        assert_eq!(state.to_bytes(), straight.to_bytes());
    }
}

#[test]
fn a_state_stops_growing() {
    let model = version("bitcoin", 100, 1);
    let bars = random_walk(6_000, 10);
    let mut state = model.start();
    run(&model, &mut state, &bars[..3_000]);
    let early = state.to_bytes().len();
    run(&model, &mut state, &bars[3_000..]);
    let late = state.to_bytes().len();
    // Blocks of the track record, at most 64 of 32 bytes a horizon, come and go; numbers grow a byte.
    assert!(late < early + 3 * 64 * 32 + 100, "{early} then {late}");
    assert!(late < 32_000, "{late}");
}

#[test]
fn a_state_of_another_version_or_damaged_is_refused() {
    let (model, other) = (version("bitcoin", 150, 1), version("bitcoin", 150, 2));
    let mut state = model.start();
    run(&model, &mut state, &random_walk(200, 5));
    let bytes = state.to_bytes();
    assert!(matches!(
        LiveState::from_bytes(&bytes, &other),
        Err(StateError::OtherModel { .. })
    ));
    assert!(matches!(
        other.step(&mut state, &random_walk(201, 5)[200]),
        Err(StepError::OtherModel { .. })
    ));
    for cut in [0, 3, 6, 37, bytes.len() / 2, bytes.len() - 1] {
        let error = LiveState::from_bytes(&bytes[..cut], &model).expect_err("cut off");
        assert!(matches!(error, StateError::Damaged(_)), "{error}");
    }
    for place in (0..bytes.len()).step_by(97) {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        assert!(LiveState::from_bytes(&changed, &model).is_err(), "{place}");
    }
    let mut newer = bytes;
    newer[4] = 9;
    let error = LiveState::from_bytes(&newer, &model).expect_err("another layout");
    assert_eq!(error, StateError::Version { found: 9 });
}

#[test]
fn short_holes_are_filled_as_in_training_and_decide_nothing() {
    let model = version("bitcoin", 100, 1);
    let mut bars = random_walk(400, 6);
    bars.drain(300..302);
    let mut state = model.start();
    let steps = run(&model, &mut state, &bars);
    let (series, _) = Series::build(Interval::H1, bars.clone()).expect("a series");
    let data = Prepared::new(series);
    let whole = model.models()[0].forecast(&data, 0..data.len(), &[1, 3, 24]);
    // Two flat candles were put in: those after the hole stand two places later.
    for index in 300..398 {
        let wanted = whole[index + 2].as_ref().expect("warmed up")[0];
        assert_eq!(steps[index].forecasts[0].expected_log_return, wanted);
    }
    assert!(steps.iter().all(|step| !step.restarted));
    // Of the forecasts from candles 297 to 299, those whose candle is missing are never realised.
    let realised: Vec<i64> = steps[300]
        .realised
        .iter()
        .map(|realised| (realised.base_open_time - START) / HOUR)
        .collect();
    assert_eq!(realised, [302 - 3, 302 - 24]);
    let targets: Vec<i64> = steps
        .iter()
        .flat_map(|step| &step.realised)
        .map(|realised| (realised.target_open_time - START) / HOUR)
        .collect();
    assert!(!targets.contains(&300) && !targets.contains(&301));
}

#[test]
fn after_a_long_hole_what_is_carried_begins_again() {
    let model = version("bitcoin", 100, 1);
    let mut bars = random_walk(500, 7);
    bars.drain(300..310);
    let mut state = model.start();
    let steps = run(&model, &mut state, &bars);
    assert!(steps[300].restarted);
    assert_eq!(steps.iter().filter(|step| step.restarted).count(), 1);
    assert!(steps[300..330].iter().all(|step| step.forecasts.is_empty()));
    assert_eq!(steps[300 + 40].forecasts.len(), 3);
    // A fresh state that begins after the hole forecasts the same.
    let fresh = run(&model, &mut model.start(), &bars[300..]);
    for (step, fresh) in steps[300..].iter().zip(&fresh) {
        let expected = |step: &Step| -> Vec<f64> {
            step.forecasts
                .iter()
                .map(|f| f.expected_log_return)
                .collect()
        };
        assert_eq!(expected(step), expected(fresh));
    }
    let across = steps[300..]
        .iter()
        .flat_map(|step| &step.realised)
        .any(|realised| realised.base_open_time < bars[300].open_time);
    assert!(!across);
}

#[test]
fn what_cannot_be_stepped_leaves_the_state_as_it_was() {
    let model = version("bitcoin", 100, 1);
    let bars = random_walk(201, 8);
    let mut state = model.start();
    run(&model, &mut state, &bars[..200]);
    let before = state.clone();
    let next = bars[200];
    let refused = |state: &mut LiveState, bar: Bar| model.step(state, &bar).expect_err("refused");
    for wrong in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let bar = Bar {
            close: wrong,
            ..next
        };
        let error = refused(&mut state, bar);
        assert!(matches!(error, StepError::Impossible { .. }), "{error}");
    }
    let error = refused(&mut state, bars[199]);
    assert!(matches!(error, StepError::NotLater { .. }), "{error}");
    let error = refused(&mut state, bars[3]);
    assert!(error.to_string().contains("go back to an earlier state"));
    let off_grid = Bar {
        open_time: next.open_time + 1,
        ..next
    };
    let error = refused(&mut state, off_grid);
    assert!(matches!(error, StepError::OffGrid { .. }), "{error}");
    assert_eq!(state, before);
    assert!(model.step(&mut state, &next).is_ok());
}

#[test]
fn a_change_in_the_errors_is_noticed_and_an_unchanged_market_raises_no_alarm() {
    let model = version("bitcoin", 100, 1);
    let mut bars = random_walk(2_400, 9);
    let unchanged = run(&model, &mut model.start(), &bars);
    assert!(unchanged.iter().all(|step| step.drifts.is_empty()));
    // The market goes quiet, and what drift still expects of three hours is now many times what they
    // bring.
    let mut close = bars[1_199].close;
    for (index, bar) in bars.iter_mut().enumerate().skip(1_200) {
        let change: f64 = if index % 2 == 0 { 1e-5 } else { -1e-5 };
        let open = close;
        close *= change.exp();
        *bar = Bar {
            open,
            close,
            high: open.max(close),
            low: open.min(close),
            ..*bar
        };
    }
    let mut state = model.start();
    let steps = run(&model, &mut state, &bars);
    let alarms: Vec<(usize, usize)> = steps
        .iter()
        .enumerate()
        .flat_map(|(index, step)| step.drifts.iter().map(move |drift| (index, drift.horizon)))
        .collect();
    let (index, horizon) = *alarms.first().expect("the change is found");
    assert_eq!(horizon, 3, "only drift expects something");
    assert!(index > 1_200, "{alarms:?}");
    let (statistic, threshold) = state.drift(3).expect("a horizon of the model");
    assert!(statistic <= threshold);
}
