//! What the program is told to do: defaults < TOML file < environment < flags, checked whole before
//! anything starts. It knows every setting and nothing of the parts that use them.
//!
//! A wrong key or value is an error that names it, says where it came from and what is allowed.

mod environment;
mod error;
mod load;
mod network;
mod settings;
mod validate;

pub use error::ConfigError;
pub use load::{Flags, Profile, Sources};
pub use network::{Network, counted_as};
pub use settings::{
    CandleSettings, Config, DatabaseSettings, FluvioSettings, HttpSettings, Instruments,
    LimitSettings, LogKind, LogSettings, RedisSettings, Role, StreamSettings, VenueSettings,
};

#[cfg(test)]
mod tests;
