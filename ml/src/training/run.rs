//! The trainings themselves: a full one, a cheap update, and the import of weights from elsewhere.

use std::ops::ControlFlow;

use super::assemble::{Assembly, assemble};
use super::span::{Span, out_of_step};
use super::{Cancel, Candidate, Progress, TrainRequest, TrainingError};
use crate::features::{FEATURES, Scaler};
use crate::fit_error::{FitError, ModelName};
use crate::fitted::Fitted;
use crate::live::Served;
use crate::lstm::Network;
use crate::lstm_model::{self, LstmFit, LstmForecaster, NetworkEpoch, Replay};
use crate::model::{HorizonEvaluation, ModelScore, Origin};
use crate::walk_forward::{
    self, Evaluation, EvaluationConfig, EvaluationError, Progress as Evaluated, evaluate,
};

/// Hears of the progress, from several threads.
pub type Listener<'a> = dyn Fn(&Progress) + Sync + 'a;

/// Trains a version: evaluates every model walk-forward, makes the best of each horizon its champion,
/// fits the network and the champions on everything but the newest part, and compares the result with
/// the serving version there.
///
/// # Errors
/// When the candles do not suffice, a setting is out of range, or the caller asked to stop.
pub fn train(
    request: &TrainRequest<'_>,
    progress: &Listener<'_>,
    cancel: &Cancel,
) -> Result<Candidate, TrainingError> {
    request.check()?;
    let span = Span::new(request, 0)?;
    let config = evaluation_config(request);
    let watch = |step: &Evaluated| {
        if let Evaluated::Fold { model, fold, folds } = step {
            progress(&Progress::Evaluating {
                model: *model,
                fold: *fold,
                folds: *folds,
            });
        }
        go_on(cancel)
    };
    let evaluation = evaluate(
        span.learned(),
        &request.horizons,
        &ModelName::ALL,
        &config,
        &watch,
    )
    .map_err(|error| match error {
        EvaluationError::Cancelled => TrainingError::Cancelled,
        other => request.candles(other.to_string()),
    })?;
    let fit = fit_network(request, &span, None, progress, cancel)?;
    let champions: Vec<ModelName> = evaluation
        .champions
        .iter()
        .map(|champion| champion.model)
        .collect();
    let models = fit_champions(request, &span, &champions, fit.forecaster)?;
    let served = serve(request, &span, &evaluation, &models)?;
    progress(&Progress::Comparing);
    assemble(
        request,
        &span,
        Assembly {
            origin: Origin::Trained,
            evaluated: None,
            evaluation: cards_evaluation(request, &evaluation),
            losses: fit.curves,
            models,
            served,
        },
    )
}

/// Goes on from the serving version: its networks learn the newest candles together with sampled older
/// ones, so that they do not forget them; the champions are fitted again. Evaluation and champions stay
/// those of the version that was evaluated.
///
/// # Errors
/// As [`train`]; also when no version serves, or it forecasts other horizons.
pub fn update(
    request: &TrainRequest<'_>,
    progress: &Listener<'_>,
    cancel: &Cancel,
) -> Result<Candidate, TrainingError> {
    request.check()?;
    let Some(serving) = request.serving else {
        return Err(request.failed("there is no serving version to go on from: train one first"));
    };
    if serving.card().horizons != request.horizons {
        return Err(request.failed(
            "the serving version forecasts other horizons: train a new one instead of updating it",
        ));
    }
    let Some(Fitted::Lstm(network)) = serving
        .models()
        .iter()
        .find(|model| model.name() == ModelName::Lstm)
    else {
        return Err(request.failed("the serving version has no network: train a new one"));
    };
    if network.networks.len() < 2 {
        return Err(request.failed(
            "the serving version has a single network, which nothing is held out to judge: train a new one",
        ));
    }
    let mut request = request.clone();
    // Only networks of the same number and shape can go on.
    let shape = &serving.card().architecture;
    request.config.lstm.layers.clone_from(&shape.layers);
    request.config.lstm.dropout = shape.dropout;
    request.config.lstm.networks = network.networks.len();
    request
        .config
        .lstm
        .replay
        .get_or_insert_with(Replay::default);
    let request = &request;
    let span = Span::new(request, out_of_step(request, serving, network))?;
    let fit = fit_network(request, &span, Some(network), progress, cancel)?;
    let champions: Vec<ModelName> = serving
        .served()
        .iter()
        .map(|served| serving.models()[served.model].name())
        .collect();
    let models = fit_champions(request, &span, &champions, fit.forecaster)?;
    let served = serving
        .served()
        .iter()
        .zip(&champions)
        .map(|(served, champion)| Served {
            model: place_of(&models, *champion),
            ..served.clone()
        })
        .collect();
    progress(&Progress::Comparing);
    let card = serving.card();
    assemble(
        request,
        &span,
        Assembly {
            origin: Origin::Continued {
                from: card.id.clone(),
            },
            evaluated: Some(card.evaluated.clone()),
            evaluation: card.evaluation.clone(),
            losses: fit.curves,
            models,
            served,
        },
    )
}

/// Makes a version of a network that was trained elsewhere, e.g. in PyTorch, on the same features. It
/// serves every horizon. Its scaler and intervals come from the candles given, and so does its skill,
/// which says nothing if the network was trained on these very candles.
///
/// # Errors
/// When the network has not an input per feature and an output per horizon, or the candles do not
/// suffice.
pub fn import(
    request: &TrainRequest<'_>,
    network: Network,
    file: &str,
) -> Result<Candidate, TrainingError> {
    request.check()?;
    let shape = network.architecture();
    if shape.inputs != FEATURES || shape.outputs != request.horizons.len() {
        return Err(request.failed(&format!(
            "{file} has {} inputs and {} outputs: {FEATURES} features and {} horizons are needed",
            shape.inputs,
            shape.outputs,
            request.horizons.len()
        )));
    }
    let span = Span::new(request, 0)?;
    let model = Fitted::Lstm(LstmForecaster {
        scaler: Scaler::fit(span.learned().rows().iter().flatten()),
        networks: vec![network],
        belief: vec![1.0; request.horizons.len()],
        block: 1,
    });
    let (served, evaluation) = super::judge::judge(request, &span, &model)?;
    assemble(
        request,
        &span,
        Assembly {
            origin: Origin::Imported {
                file: file.to_owned(),
            },
            evaluated: None,
            evaluation,
            losses: Vec::new(),
            models: vec![model],
            served,
        },
    )
}

fn go_on(cancel: &Cancel) -> ControlFlow<()> {
    if cancel.is_cancelled() {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

fn evaluation_config(request: &TrainRequest<'_>) -> EvaluationConfig {
    EvaluationConfig {
        folds: request.config.folds,
        seed: request.config.seed,
        lstm: request.config.lstm.clone(),
        ..EvaluationConfig::default()
    }
}

/// Fits the networks on everything that is not held back.
fn fit_network(
    request: &TrainRequest<'_>,
    span: &Span,
    warm: Option<&LstmForecaster>,
    progress: &Listener<'_>,
    cancel: &Cancel,
) -> Result<LstmFit, TrainingError> {
    let lstm = &request.config.lstm;
    let watch = |step: &NetworkEpoch| {
        progress(&Progress::Fitting {
            network: step.network,
            networks: lstm.networks,
            epoch: step.epoch.number,
            epochs: if warm.is_some() {
                lstm.warm_epochs
            } else {
                lstm.training.epochs
            },
            training_loss: step.epoch.train_loss.into(),
            validation_loss: step.epoch.validation_loss.map(Into::into),
        });
        go_on(cancel)
    };
    let data = span.learned();
    lstm_model::fit(
        data,
        0..data.len(),
        &request.horizons,
        lstm,
        request.config.seed,
        warm,
        &watch,
    )
    .map_err(|error| not_fitted(request, error))
}

/// The network first, then every other model that is a champion.
fn fit_champions(
    request: &TrainRequest<'_>,
    span: &Span,
    champions: &[ModelName],
    network: LstmForecaster,
) -> Result<Vec<Fitted>, TrainingError> {
    let data = span.learned();
    let config = evaluation_config(request);
    let mut models = vec![Fitted::Lstm(network)];
    for &name in champions {
        if models.iter().any(|model| model.name() == name) {
            continue;
        }
        let watch = |_: &Evaluated| ControlFlow::Continue(());
        let fitted = walk_forward::fit(
            name,
            data,
            0..data.len(),
            &request.horizons,
            &config,
            None,
            &watch,
        )
        .map_err(|error| not_fitted(request, error))?;
        models.push(fitted);
    }
    Ok(models)
}

fn not_fitted(request: &TrainRequest<'_>, error: FitError) -> TrainingError {
    match error {
        FitError::Cancelled => TrainingError::Cancelled,
        short @ FitError::TooShort { .. } => request.candles(short.to_string()),
        other @ FitError::Numerics { .. } => request.failed(&other.to_string()),
    }
}

fn place_of(models: &[Fitted], name: ModelName) -> usize {
    models
        .iter()
        .position(|model| model.name() == name)
        .expect("every champion was fitted")
}

/// Each horizon with its champion, calibrated by the errors of walk-forward evaluation.
fn serve(
    request: &TrainRequest<'_>,
    span: &Span,
    evaluation: &Evaluation,
    models: &[Fitted],
) -> Result<Vec<Served>, TrainingError> {
    evaluation
        .champions
        .iter()
        .map(|champion| {
            let found = evaluation
                .models
                .iter()
                .find(|of| of.model == champion.model && of.horizon == champion.horizon)
                .ok_or_else(|| request.failed("a champion was not evaluated"))?;
            let scores = found.forecasts.iter().filter_map(|forecast| {
                let scale = span.learned().scale(forecast.origin, champion.horizon)?;
                Some((forecast.actual - forecast.expected).abs() / scale)
            });
            Ok(Served {
                horizon: champion.horizon,
                model: place_of(models, champion.model),
                calibrator: found.calibrator.clone(),
                usual_score: usual(scores),
            })
        })
        .collect()
}

/// The mean score; 1 where none is above zero, so that the drift test has something to divide by.
pub(super) fn usual(scores: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for score in scores {
        sum += score;
        count += 1.0;
    }
    if sum > 0.0 { sum / count } else { 1.0 }
}

fn cards_evaluation(request: &TrainRequest<'_>, evaluation: &Evaluation) -> Vec<HorizonEvaluation> {
    request
        .horizons
        .iter()
        .zip(&evaluation.champions)
        .map(|(&horizon, champion)| HorizonEvaluation {
            horizon,
            champion: champion.model,
            has_skill: champion.has_skill,
            models: evaluation
                .models
                .iter()
                .filter(|of| of.horizon == horizon)
                .map(|of| ModelScore {
                    model: of.model,
                    skill: of.skill,
                })
                .collect(),
        })
        .collect()
}
