//! Secrets: randomness, keys in files that only we may read, encryption of what the database keeps,
//! hashes of tokens, and the token of administrators. It knows nothing of what a secret is for.

mod cipher;
mod key_files;
mod randomness;
mod server_token;
mod token_hash;

pub(crate) use coinsphere_pipelines::secret_settings::never_serialized;

pub(crate) use cipher::{KeyNames, SecretCipher};
pub(crate) use key_files::KeyFiles;
pub use randomness::Randomness;
pub use server_token::ServerToken;
pub(crate) use token_hash::{hash, hidden_debug};

/// Why a secret cannot be read, made or used, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub(crate) String);
