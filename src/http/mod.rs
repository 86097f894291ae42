//! The HTTP layer: validates, asks, and shapes answers. It knows no SQL, no actors and no venue's
//! protocol: what it serves it gets through [`MarketReader`], the push hub and the health report.
//!
//! The path of a request is the path of its file: `controllers/<noun>/<verb>.rs`.

mod account_problem;
mod acts;
mod admin;
mod browser;
mod candle_series;
mod client_address;
mod controllers;
mod cursor;
mod document;
mod etag;
mod forecast_views;
mod grants;
mod idempotency;
mod identity;
mod json;
mod layers;
mod limits;
mod params;
mod personal;
mod plain_path;
mod problem;
mod router;
mod security_headers;
mod server;
mod session_views;
mod signatures;
mod tls;
mod unkept;
mod views;

use coinsphere_actors::push::PushLimits;

pub use admin::AdminToken;
pub use client_address::{ClientAddress, Peer};
pub use controllers::stream::StreamGate;
pub use idempotency::NeverKept;
pub use json::{JsonBody, Line};
pub use limits::{Caller, Class, Limits, Verdict};
pub use problem::Problem;
pub use router::{ApiState, openapi, router};
pub use server::serve;
pub use tls::TlsError;

/// The hub's limits, as configured.
#[must_use]
pub fn push_limits(settings: &crate::config::StreamSettings) -> PushLimits {
    PushLimits {
        clients: settings.max_clients as usize,
        topics: settings.max_topics as usize,
        queue: settings.queue as usize,
        ..PushLimits::default()
    }
}

#[cfg(test)]
mod tests;
