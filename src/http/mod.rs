//! The HTTP layer: validates, asks, and shapes answers. It knows no SQL, no actors and no venue's
//! protocol: what it serves it gets through [`MarketReader`], the push hub and the health report.
//!
//! The path of a request is the path of its file: `controllers/<noun>/<verb>.rs`.

mod candle_series;
mod controllers;
mod cursor;
mod health;
mod layers;
mod market;
mod params;
mod problem;
mod prometheus;
mod router;
mod server;
mod views;

pub use controllers::stream::StreamGate;
pub use health::{HealthReport, ServiceHealth, ServiceStatus};
pub use market::{
    Candles, CandlesQuery, Gap, Instrument, InstrumentFilter, MarketReader, ReadError,
    SeriesCandle, Token, TokenLookup,
};
pub use prometheus::recorder;
pub use router::{ApiState, openapi, router};
pub use server::serve;

#[cfg(test)]
mod tests;
