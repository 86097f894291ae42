//! The venues: how each speaks, and what all of them share. Adding one is a folder here and a line
//! in [`ALL`].

pub mod admission;
mod batches;
pub mod binance;
pub mod coinbase;
pub mod connection;
pub mod feed;
pub mod kraken;
mod protocol;
mod scalar;
mod symbols;

pub use protocol::{
    DecodeError, FrameDecoder, Limits, Outgoing, Scope, SessionPlan, VenueEvent, VenueProtocol,
};

use crate::market::Venue;

/// Every venue this program can listen to.
pub static ALL: &[&dyn VenueProtocol] = &[&binance::Binance, &coinbase::Coinbase, &kraken::Kraken];

/// The protocol of a venue, by its lower-case name.
#[must_use]
pub fn protocol(name: &str) -> Option<&'static dyn VenueProtocol> {
    ALL.iter()
        .copied()
        .find(|protocol| protocol.venue().name() == name)
}

/// A venue by its lower-case name.
#[must_use]
pub fn named(name: &str) -> Option<Venue> {
    protocol(name).map(VenueProtocol::venue)
}
