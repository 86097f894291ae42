//! Model versions on disk: their cards, their files, and the registry that says which one serves.

mod card;
mod file;
mod id;
mod registry;
mod stored;
#[cfg(test)]
mod tests;

pub use card::{Card, FORMAT, HorizonEvaluation, ModelScore, Origin, TrainingSpan};
pub use file::ModelFileError;
pub(crate) use id::hex;
pub use id::{AssetNameError, ModelId, ModelIdError, ModelKey};
pub use registry::{Pointer, Promotion, Registry, RegistryError, Serving, Version};
