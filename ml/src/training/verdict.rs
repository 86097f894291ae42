//! Decision whether a candidate should serve: it and the serving version forecast the newest candles,
//! which neither was fitted on, one after the other as in serving, and only forecasts that both made
//! count.
//!
//! The rule: a candidate that has nothing to be compared with serves if no version does. Otherwise it
//! serves if its mean MASE over the shared horizons is lower than the serving version's. A tie, e.g.
//! of two versions that both repeat the last price, changes nothing.

use std::collections::BTreeMap;

use crate::live::{LiveModel, Realised};
use crate::model::{HeldBack, Verdict};
use crate::series::Series;

/// Shared forecasts of a horizon below which it says nothing.
const LEAST_FORECASTS: usize = 20;

/// Realised forecasts by horizon and the candle they rest on.
type Outcomes = BTreeMap<(usize, i64), Realised>;

/// Compares a candidate with the version that serves, on the newest candles of this series.
pub(super) fn compare(
    candidate: &LiveModel,
    serving: Option<&LiveModel>,
    series: &Series,
) -> Verdict {
    let of_candidate = replay(candidate, series);
    let Some(serving) = serving else {
        return Verdict {
            promote: true,
            why: "no version serves yet".to_owned(),
            serving: None,
            horizons: figures(candidate, &of_candidate, None),
        };
    };
    let horizons = figures(candidate, &of_candidate, Some(&replay(serving, series)));
    let (promote, why) = judge(candidate, serving, &horizons);
    Verdict {
        promote,
        why,
        serving: Some(serving.card().id.clone()),
        horizons,
    }
}

fn judge(candidate: &LiveModel, serving: &LiveModel, horizons: &[HeldBack]) -> (bool, String) {
    if candidate.card().horizons != serving.card().horizons {
        let why = format!(
            "it forecasts the horizons {:?}, the serving version {:?}",
            candidate.card().horizons,
            serving.card().horizons
        );
        return (true, why);
    }
    let compared: Vec<(f64, f64)> = horizons
        .iter()
        .filter(|held_back| held_back.forecasts >= LEAST_FORECASTS)
        .filter_map(|held_back| Some((held_back.candidate, held_back.serving?)))
        .collect();
    if compared.is_empty() {
        let why = format!(
            "fewer than {LEAST_FORECASTS} forecasts of any horizon are new to both versions: there is nothing to compare"
        );
        return (false, why);
    }
    let count = compared.len() as f64;
    let candidate = compared.iter().map(|(mase, _)| mase).sum::<f64>() / count;
    let serving = compared.iter().map(|(_, mase)| mase).sum::<f64>() / count;
    let (promote, word) = if candidate < serving {
        (true, "below")
    } else {
        (false, "not below")
    };
    let why = format!(
        "mean MASE {candidate:.4} on the held-back candles, {word} the serving version's {serving:.4}"
    );
    (promote, why)
}

/// MASE of both over the forecasts that both made.
fn figures(
    candidate: &LiveModel,
    of_candidate: &Outcomes,
    of_serving: Option<&Outcomes>,
) -> Vec<HeldBack> {
    let mut figures = Vec::new();
    for served in candidate.served() {
        let mut sums = Sums::default();
        for (key, outcome) in of_candidate.range((served.horizon, i64::MIN)..) {
            if key.0 != served.horizon {
                break;
            }
            match of_serving.map(|outcomes| outcomes.get(key)) {
                None => sums.add(outcome, None),
                Some(Some(other)) => sums.add(outcome, Some(other)),
                Some(None) => {}
            }
        }
        // Where nothing moved there is nothing to be better at.
        if sums.moves > 0.0 {
            figures.push(HeldBack {
                horizon: served.horizon,
                forecasts: sums.forecasts,
                model: candidate.models()[served.model].name(),
                candidate: sums.candidate / sums.moves,
                serving: of_serving.map(|_| sums.serving / sums.moves),
            });
        }
    }
    figures
}

#[derive(Default)]
struct Sums {
    forecasts: usize,
    candidate: f64,
    serving: f64,
    moves: f64,
}

impl Sums {
    fn add(&mut self, candidate: &Realised, serving: Option<&Realised>) {
        let error = |of: &Realised| (of.actual_log_return - of.expected_log_return).abs();
        self.forecasts += 1;
        self.candidate += error(candidate);
        self.serving += serving.map_or(0.0, error);
        self.moves += candidate.actual_log_return.abs();
    }
}

/// Every forecast that a version makes on candles it was not fitted on, and that they decide.
fn replay(model: &LiveModel, series: &Series) -> Outcomes {
    let mut state = model.start();
    let mut outcomes = Outcomes::new();
    for (index, bar) in series.bars().iter().enumerate() {
        if series.filled(index) {
            // The step fills by the same rule.
            continue;
        }
        let step = model
            .step(&mut state, bar)
            .expect("a series holds possible candles in the order of time, on one grid");
        for realised in step.realised {
            outcomes.insert((realised.horizon, realised.base_open_time), realised);
        }
    }
    outcomes
}
