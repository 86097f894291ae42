//! The configuration: defaults < TOML file < environment < flags, checked whole before
//! anything starts. It knows every setting and nothing of the parts that use them.
//!
//! A wrong key or value is an error that names it, says where it came from and what is allowed.

mod allowed;
mod environment;
mod error;
mod load;
mod settings;
mod validate;

pub use error::ConfigError;
pub use load::{Flags, Profile, Sources};
pub use settings::{Config, Role};

#[cfg(test)]
mod tests;
