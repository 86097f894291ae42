//! The HTTP layer: validates, asks, and shapes answers. It knows no SQL, no actors and no venue's
//! protocol: what it serves it gets through [`crate::market::MarketData`], the push hub and the
//! health report.
//!
//! The path of a request is the path of its file: `controllers/<noun>/<verb>.rs`.

mod controllers;
mod extract;
mod middleware;
mod openapi;
mod policy;
mod respond;
mod router;
mod server;
mod state;

use coinsphere_actors::push::PushLimits;

pub use controllers::stream::StreamGate;
pub use extract::json::{JsonBody, Line};
pub use middleware::client_address::{ClientAddress, Peer};
pub use middleware::idempotency::DoNotReplay;
pub use middleware::limits::{Caller, Class, Limits, Verdict};
pub use respond::problem::Problem;
pub use router::{openapi, router};
pub use server::serve;
pub use server::tls::TlsError;
pub use state::ApiState;

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
