//! Score of a model that was not fitted here, by serving it candles one after the other.

use super::run::usual;
use super::span::Span;
use super::{TrainRequest, TrainingError};
use crate::conformal::{Calibrator, Outcome};
use crate::fitted::Fitted;
use crate::live::Served;
use crate::metrics::{Scored, skill};
use crate::model::{HorizonEvaluation, ModelScore};

/// Serves the candles that may be learned from, and returns how each horizon is to be served, with its
/// intervals calibrated, and what the forecasts were worth.
pub(super) fn judge(
    request: &TrainRequest<'_>,
    span: &Span,
    model: &Fitted,
) -> Result<(Vec<Served>, Vec<HorizonEvaluation>), TrainingError> {
    let data = span.learned();
    let mut served = Vec::new();
    let mut evaluation = Vec::new();
    let every_candle = 0..data.len();
    let forecasts = model.forecast(data, every_candle, &request.horizons);
    for (place, &horizon) in request.horizons.iter().enumerate() {
        let mut calibrator = Calibrator::new();
        let mut scored: Vec<Scored> = Vec::new();
        let mut scores = Vec::new();
        // Forecasts overlap: an outcome is heard when it is realised, not when it is forecast.
        let mut heard = 0;
        let mut scales = Vec::new();
        for (origin, forecast) in forecasts.iter().enumerate() {
            while heard < scored.len() && scored[heard].origin + horizon <= origin {
                hear(&mut calibrator, &scored[heard], scales[heard]);
                heard += 1;
            }
            let (Some(forecast), Some(scale), Some(actual)) = (
                forecast,
                data.scale(origin, horizon),
                data.log_return(origin, horizon),
            ) else {
                continue;
            };
            let expected = forecast[place];
            scored.push(Scored {
                origin,
                expected,
                actual,
                outcome: calibrator
                    .bands(expected, scale)
                    .map(|bands| Outcome::of(&bands, actual)),
            });
            scores.push((actual - expected).abs() / scale);
            scales.push(scale);
        }
        for (forecast, scale) in scored.iter().zip(&scales).skip(heard) {
            hear(&mut calibrator, forecast, *scale);
        }
        let Some(skill) = skill(&scored, horizon, request.config.seed) else {
            return Err(request.candles(format!(
                "no forecast over {horizon} candles can be scored on them"
            )));
        };
        served.push(Served {
            horizon,
            model: 0,
            calibrator,
            usual_score: usual(scores.into_iter()),
        });
        evaluation.push(HorizonEvaluation {
            horizon,
            champion: model.name(),
            has_skill: skill.has_skill,
            models: vec![ModelScore {
                model: model.name(),
                skill,
            }],
        });
    }
    Ok((served, evaluation))
}

fn hear(calibrator: &mut Calibrator, forecast: &Scored, scale: f64) {
    calibrator.realise(
        forecast.actual - forecast.expected,
        scale,
        forecast.outcome.as_ref(),
    );
}
