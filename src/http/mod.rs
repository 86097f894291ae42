//! The HTTP layer: validates, asks, and shapes answers. It knows no SQL, no actors and no venue's
//! protocol: what it serves it gets through [`crate::market::MarketData`], the push hub and the
//! health report.
//!
//! The path of a request is the path of its file: `controllers/<noun>/<verb>.rs`.

mod client_address;
mod controllers;
mod dashboard;
mod extract;
mod limits;
mod middleware;
mod openapi;
mod policy;
mod respond;
mod router;
mod server;
mod settings;
mod state;
mod stream_gate;

pub use client_address::{ClientAddress, Peer};
pub use extract::json::{JsonBody, Line};
pub use limits::{Caller, Class, Limits, Verdict};
pub use middleware::idempotency::DoNotReplay;
pub use respond::problem::Problem;
pub use router::{openapi, router};
pub use server::serve;
pub use server::tls::TlsError;
pub use settings::{HttpSettings, LimitSettings, StreamSettings};
pub use state::ApiState;
pub use stream_gate::StreamGate;

#[cfg(test)]
mod tests;
