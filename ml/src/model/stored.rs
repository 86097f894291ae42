//! Fitted models as a version's files hold them: everything but the networks' weights, which are
//! tensors of another file.

use serde::{Deserialize, Serialize};

use super::card::Card;
use super::file::Weights;
use crate::baselines::{Ets, Linear};
use crate::features::FEATURES;
use crate::fitted::Fitted;
use crate::lstm::Network;
use crate::lstm_model::LstmForecaster;

/// A fitted model without its weights.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "model", deny_unknown_fields)]
pub(super) enum Stored {
    /// Expects no change.
    Persistence,
    /// Expects this log return a candle.
    Drift {
        /// Average amount.
        mean: f64,
    },
    /// Ridge or elastic net.
    Linear {
        /// Which, and its planes.
        linear: Linear,
    },
    /// Exponential smoothing.
    AutoEts {
        /// Its parameters.
        ets: Ets,
    },
    /// The network; its scaler and architecture are on the card.
    Lstm {
        /// The places of its networks among the tensors.
        networks: Vec<usize>,
        /// Per horizon, the share of the forecast that is believed.
        belief: Vec<f64>,
        /// Candles in a block of the training part.
        block: usize,
    },
}

impl Stored {
    /// Of a fitted model, whose networks are added to `weights`.
    pub(super) fn of<'a>(fitted: &'a Fitted, weights: &mut Vec<&'a Network>) -> Self {
        match fitted {
            Fitted::Persistence => Self::Persistence,
            Fitted::Drift(mean) => Self::Drift { mean: *mean },
            Fitted::Linear(linear) => Self::Linear {
                linear: linear.clone(),
            },
            Fitted::AutoEts(ets) => Self::AutoEts { ets: *ets },
            Fitted::Lstm(lstm) => {
                let first = weights.len();
                weights.extend(&lstm.networks);
                Self::Lstm {
                    networks: (first..weights.len()).collect(),
                    belief: lstm.belief.clone(),
                    block: lstm.block,
                }
            }
        }
    }

    /// The fitted model, if what was read can be one.
    pub(super) fn restore(self, card: &Card, weights: &mut Weights) -> Result<Fitted, String> {
        let finite = |values: &[f64], what: &str| {
            if values.iter().all(|value| value.is_finite()) {
                Ok(())
            } else {
                Err(format!("the parameters of {what} are not finite"))
            }
        };
        Ok(match self {
            Self::Persistence => Fitted::Persistence,
            Self::Drift { mean } => {
                finite(&[mean], "drift")?;
                Fitted::Drift(mean)
            }
            Self::Linear { linear } => {
                if !linear.is_valid(card.horizons.len()) {
                    return Err(format!(
                        "the parameters of {} are impossible",
                        linear.name()
                    ));
                }
                Fitted::Linear(linear)
            }
            Self::AutoEts { ets } => {
                finite(&[ets.alpha, ets.beta, ets.damping, ets.slope], "auto_ets")?;
                Fitted::AutoEts(ets)
            }
            Self::Lstm {
                networks,
                belief,
                block,
            } => {
                let outputs = card.horizons.len();
                if networks.is_empty()
                    || card.architecture.inputs != FEATURES
                    || card.architecture.outputs != outputs
                {
                    return Err(
                        "the network does not read the features, or has not an output per horizon"
                            .to_owned(),
                    );
                }
                let shares = belief.iter().all(|share| (0.0..=1.0).contains(share));
                if belief.len() != outputs || !shares || block == 0 {
                    return Err("the parameters of lstm are impossible".to_owned());
                }
                let networks = networks
                    .into_iter()
                    .map(|at| weights.take(at, &card.architecture))
                    .collect::<Result<_, _>>()?;
                Fitted::Lstm(LstmForecaster {
                    scaler: card.scaler.clone(),
                    networks,
                    belief,
                    block,
                })
            }
        })
    }
}
