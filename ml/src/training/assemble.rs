//! Puts a version together, names it, and lets it be compared with the one that serves.

use chrono::{DateTime, Utc};

use super::span::Span;
use super::verdict::compare;
use super::{Candidate, TrainRequest, TrainingError};
use crate::features::NAMES;
use crate::fitted::Fitted;
use crate::live::{LiveModel, Served};
use crate::lstm::Epoch;
use crate::model::{Card, FORMAT, HorizonEvaluation, ModelId, Origin, TrainingSpan, Verdict};

/// Result of a training before it is saved.
pub(super) struct Assembly {
    pub(super) origin: Origin,
    /// Whose evaluation it is; its own if `None`.
    pub(super) evaluated: Option<ModelId>,
    pub(super) evaluation: Vec<HorizonEvaluation>,
    pub(super) losses: Vec<Vec<Epoch>>,
    /// The network first.
    pub(super) models: Vec<Fitted>,
    pub(super) served: Vec<Served>,
}

/// The candidate, with its card and verdict.
pub(super) fn assemble(
    request: &TrainRequest<'_>,
    span: &Span,
    made: Assembly,
) -> Result<Candidate, TrainingError> {
    let Some(Fitted::Lstm(network)) = made.models.first() else {
        return Err(request.failed("a version needs a network"));
    };
    let Some(architecture) = network.networks.first().map(|n| n.architecture().clone()) else {
        return Err(request.failed("a version needs a network"));
    };
    let data_sha256 = span.fingerprint();
    let id = name(request, network, &data_sha256);
    let learned = span.learned().series().bars();
    let time = |open_time: i64| {
        DateTime::<Utc>::from_timestamp_millis(open_time)
            .ok_or_else(|| request.candles(format!("{open_time} ms is no time")))
    };
    let card = Card {
        format: FORMAT,
        evaluated: made.evaluated.unwrap_or_else(|| id.clone()),
        id,
        asset: request.key.asset().to_owned(),
        interval: request.key.interval(),
        created_at: request.created_at,
        code_version: request.code_version.to_owned(),
        origin: made.origin,
        architecture,
        horizons: request.horizons.clone(),
        features: NAMES.map(str::to_owned).to_vec(),
        scaler: network.scaler.clone(),
        training: TrainingSpan {
            first: time(learned[0].open_time)?,
            last: time(learned[learned.len() - 1].open_time)?,
            candles: learned.len(),
            held_back: span.held_back(),
            data_sha256,
            config: request.config.clone(),
            losses: made.losses,
        },
        evaluation: made.evaluation,
        verdict: Verdict::undecided(),
    };
    let mut model =
        LiveModel::new(card, made.models, made.served).map_err(|why| request.failed(&why))?;
    let verdict = compare(&model, request.serving, span.whole());
    model.decide(verdict);
    Ok(Candidate { model })
}

/// Named after everything that makes it what it is.
fn name(
    request: &TrainRequest<'_>,
    network: &crate::lstm_model::LstmForecaster,
    data: &str,
) -> ModelId {
    let weights: Vec<u8> = network
        .networks
        .iter()
        .flat_map(|network| network.tensors())
        .flat_map(|tensor| {
            tensor
                .values
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect::<Vec<_>>()
        })
        .collect();
    ModelId::new(
        request.created_at.timestamp_millis(),
        &[
            request.key.to_string().as_bytes(),
            format!("{:?}", request.horizons).as_bytes(),
            data.as_bytes(),
            &weights,
        ],
    )
}
