//! Where a training stands between two epochs: written to a file by whoever wants to carry on later.

use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::architecture::Architecture;
use super::network::{NamedTensor, Network, NetworkError};
use super::train::Epoch;

/// Everything that the next epoch depends on besides rows and configuration: carried on from here, a
/// training gives bit for bit what it would have given undisturbed on the same processor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Checkpoint {
    pub(crate) network: Network,
    pub(crate) best: Network,
    pub(crate) adam: Adam,
    pub(crate) curves: Vec<Epoch>,
}

/// Why a checkpoint cannot be carried on with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// Its tensors are not a network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Adam's values belong to another network.
    #[error("the checkpoint's optimiser belongs to a network of another size")]
    Optimiser,
}

impl Checkpoint {
    /// The beginning of a training from `network`, fresh or trained before.
    #[must_use]
    pub fn new(network: Network) -> Self {
        let adam = Adam::new(network.parameter_count());
        Self {
            best: network.clone(),
            network,
            adam,
            curves: Vec::new(),
        }
    }

    /// The network as of the last epoch; not always the best.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The epochs so far.
    #[must_use]
    pub fn curves(&self) -> &[Epoch] {
        &self.curves
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    architecture: Architecture,
    network: Vec<Vec<f32>>,
    best: Vec<Vec<f32>>,
    adam: Adam,
    curves: Vec<Epoch>,
}

impl From<Checkpoint> for Stored {
    fn from(checkpoint: Checkpoint) -> Self {
        let values = |network: &Network| {
            let tensors = network.tensors();
            tensors
                .into_iter()
                .map(|tensor| tensor.values.to_vec())
                .collect()
        };
        Self {
            architecture: checkpoint.network.architecture().clone(),
            network: values(&checkpoint.network),
            best: values(&checkpoint.best),
            adam: checkpoint.adam,
            curves: checkpoint.curves,
        }
    }
}

impl TryFrom<Stored> for Checkpoint {
    type Error = CheckpointError;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let network = |values: Vec<Vec<f32>>| -> Result<Network, NetworkError> {
            // The names and shapes are the architecture's own; only the values are stored.
            let shapes = Network::new(&stored.architecture, 0)?;
            let names = shapes.tensors().into_iter();
            Network::from_tensors(
                &stored.architecture,
                names.zip(values).map(|(tensor, values)| NamedTensor {
                    name: tensor.name,
                    shape: tensor.shape,
                    values,
                }),
            )
        };
        let checkpoint = Self {
            network: network(stored.network)?,
            best: network(stored.best)?,
            adam: stored.adam,
            curves: stored.curves,
        };
        if !checkpoint.adam.fits(checkpoint.network.parameter_count()) {
            return Err(CheckpointError::Optimiser);
        }
        Ok(checkpoint)
    }
}
