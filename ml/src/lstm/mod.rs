//! The LSTM: its numbers, its training on burn, and its steps in the running system. Arrays in, arrays
//! out: what the values mean is its callers' business.

mod adam;
mod architecture;
mod checkpoint;
mod config;
mod graph;
mod inference;
mod kernel;
mod network;
mod operation;
#[cfg(test)]
mod plain;
mod sequences;
mod state;
mod torch;
mod train;

pub use architecture::{Architecture, ArchitectureError};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use config::{ConfigError, Loss, Supervise, TrainConfig};
pub use network::{NamedTensor, Network, NetworkError, TensorView};
pub use sequences::{Sequences, SequencesError};
pub use state::{NetworkState, StateError};
pub use torch::{TorchError, import_torch};
pub use train::{Ended, Epoch, TrainError, Trained, resume, train};
