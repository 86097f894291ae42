//! State that a live model carries from candle to candle, and its bytes.
//!
//! The bytes: `CSLS`, the version of their layout (u16, little-endian), the state, and the SHA-256
//! of everything before it. A state is bound to the model version that made it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LiveModel;
use super::track::{RealisedSkill, Track};
use crate::bar::Bar;
use crate::conformal::{Band, Calibrator, LEVELS};
use crate::drift::PageHinkley;
use crate::features::FeatureStream;
use crate::fitted::Carried;
use crate::model::ModelId;

const MAGIC: &[u8; 4] = b"CSLS";
const VERSION: u16 = 1;
const HEADER: usize = MAGIC.len() + size_of::<u16>();
const CHECKSUM: usize = 32;

/// The largest state that is read.
const MAX_BYTES: usize = 16 << 20;

/// State that a live model carries from candle to candle: features, the models' own
/// states, forecasts that wait for
/// their candle, calibrators, how realised forecasts did, and the drift test. Its size is bounded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveState {
    pub(super) model: ModelId,
    pub(super) features: FeatureStream,
    /// One per model of the version, in its order.
    pub(super) carried: Vec<Carried>,
    pub(super) horizons: Vec<HorizonState>,
}

/// State carried for one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct HorizonState {
    pub(super) horizon: usize,
    pub(super) calibrator: Calibrator,
    /// Oldest first, at most one per candle of the horizon.
    pub(super) pending: VecDeque<Pending>,
    pub(super) track: Track,
    pub(super) drift: PageHinkley,
}

/// A forecast that waits for its candle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) base_open_time: i64,
    pub(super) target_open_time: i64,
    pub(super) base_price: f64,
    pub(super) expected: f64,
    pub(super) scale: f64,
    pub(super) bands: Option<[Band; LEVELS.len()]>,
}

/// Why bytes are not a state to go on from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StateError {
    /// They are not a state, or were cut off or changed.
    #[error("the stored state is damaged: {0}; begin with the model's own and replay candles")]
    Damaged(String),
    /// They are of another layout.
    #[error(
        "the stored state has layout {found}, this program reads {VERSION}: begin with the model's own and replay candles"
    )]
    Version {
        /// Theirs.
        found: u16,
    },
    /// They are another model version's.
    #[error(
        "the stored state is of model {found}, not of {model}: begin with the model's own and replay candles"
    )]
    OtherModel {
        /// This model.
        model: ModelId,
        /// Theirs.
        found: ModelId,
    },
}

impl LiveState {
    /// The version of the model that it belongs to.
    #[must_use]
    pub fn model(&self) -> &ModelId {
        &self.model
    }

    /// The last candle that it has taken, be it a flat one that stood in for a missing one.
    #[must_use]
    pub fn last(&self) -> Option<&Bar> {
        self.features.last()
    }

    /// Record of a horizon's forecasts that were realised since the state began; `None` before the
    /// first, or when the model has no such horizon.
    #[must_use]
    pub fn realised(&self, horizon: usize) -> Option<RealisedSkill> {
        self.of(horizon)?.track.skill()
    }

    /// The drift test's statistic and the threshold at which it alarms.
    #[must_use]
    pub fn drift(&self, horizon: usize) -> Option<(f64, f64)> {
        let test = &self.of(horizon)?.drift;
        Some((test.statistic(), test.threshold()))
    }

    /// Number of forecasts of a horizon that wait for their candle.
    #[must_use]
    pub fn pending(&self, horizon: usize) -> usize {
        self.of(horizon).map_or(0, |state| state.pending.len())
    }

    fn of(&self, horizon: usize) -> Option<&HorizonState> {
        self.horizons.iter().find(|state| state.horizon == horizon)
    }

    /// As bytes that [`Self::from_bytes`] reads: stepping on from them equals stepping on.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::from(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        let mut bytes = postcard::to_extend(self, bytes)
            .expect("writing plain numbers and texts into memory does not fail");
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        bytes
    }

    /// The state that these bytes hold, if it is this model's.
    ///
    /// # Errors
    /// When they are damaged, of another layout or another model's.
    pub fn from_bytes(bytes: &[u8], model: &LiveModel) -> Result<Self, StateError> {
        let damaged = |why: &str| StateError::Damaged(why.to_owned());
        if bytes.len() > MAX_BYTES {
            return Err(damaged("it is too large"));
        }
        if bytes.len() < HEADER + CHECKSUM || !bytes.starts_with(MAGIC) {
            return Err(damaged("it does not begin as a state does, or is cut off"));
        }
        let found = u16::from_le_bytes([bytes[MAGIC.len()], bytes[MAGIC.len() + 1]]);
        if found != VERSION {
            return Err(StateError::Version { found });
        }
        let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if Sha256::digest(content).as_slice() != checksum {
            return Err(damaged("its checksum is wrong"));
        }
        let state: Self = postcard::from_bytes(&content[HEADER..])
            .map_err(|error| damaged(&error.to_string()))?;
        if state.model != model.card().id {
            return Err(StateError::OtherModel {
                model: model.card().id.clone(),
                found: state.model,
            });
        }
        model.fits(&state).map_err(|why| damaged(&why))?;
        Ok(state)
    }
}
