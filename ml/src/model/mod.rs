//! Model versions on disk: their cards, their files, and the registry that says which one serves.

mod card;
mod error;
mod file;
mod id;
mod pointer;
mod registry;
mod stored;
#[cfg(test)]
mod tests;
mod verdict;

pub use card::{Card, FORMAT, HorizonEvaluation, ModelScore, Origin, TrainingSpan};
pub use error::RegistryError;
pub use file::ModelFileError;
pub(crate) use id::hex;
pub use id::{AssetNameError, ModelId, ModelIdError, ModelKey};
pub use pointer::{Pointer, Promotion};
pub use registry::{Registry, Serving, Version};
pub use verdict::{HeldBack, Verdict};
