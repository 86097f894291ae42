//! The venues: how each speaks, and what all of them share. Adding one is a folder here and a line
//! in [`ALL`].

pub mod admission;
mod batches;
pub mod binance;
pub mod coinbase;
pub mod connection;
mod few;
pub mod files;
pub mod frame_assembler;
pub mod history;
pub mod kraken;
mod opening;
mod protocol;
pub mod rest_client;
mod scalar;
mod symbols;
pub mod trade_files;
pub mod trade_history;

pub use connection::{FeedError, FeedState, LiveFeed};
pub use history::{CandleHistory, VenueRefusal};
pub use protocol::{
    DecodeError, FrameDecoder, Limits, Outgoing, Scope, SessionPlan, VenueEvent, VenueProtocol,
    WrongSpelling,
};
pub use rest_client::{RestClient, RestError};
pub use trade_history::{MissingTrades, TradeHistory};

use crate::market::{MAJORS, Symbol, Venue};

/// Every venue this program can listen to.
pub static ALL: &[&dyn VenueProtocol] = &[&binance::Binance, &coinbase::Coinbase, &kraken::Kraken];

/// The protocol of a venue, by its lower-case name.
#[must_use]
pub fn protocol(name: &str) -> Option<&'static dyn VenueProtocol> {
    ALL.iter()
        .copied()
        .find(|protocol| protocol.venue().name() == name)
}

/// The interfaces by which venues serve the candles of the past.
static HISTORIES: &[&dyn CandleHistory] =
    &[&binance::Binance, &coinbase::Coinbase, &kraken::Kraken];

/// The interface by which a venue serves the candles of the past, by its lower-case name.
#[must_use]
pub fn history(name: &str) -> Option<&'static dyn CandleHistory> {
    let found = HISTORIES.iter().copied();
    found
        .into_iter()
        .find(|history| history.venue().name() == name)
}

/// A venue by its lower-case name.
#[must_use]
pub fn named(name: &str) -> Option<Venue> {
    protocol(name).map(VenueProtocol::venue)
}

/// The instruments of a venue that are followed by default: the major assets.
#[must_use]
pub fn majors(protocol: &dyn VenueProtocol) -> Vec<Symbol> {
    let symbols = MAJORS
        .iter()
        .map(|ticker| Symbol::new(&protocol.major(ticker)));
    // Tickers are short and plain, and no venue adds more than a few characters.
    symbols.filter_map(Result::ok).collect()
}
