//! Networking shared by all clients: trusted certificates, a bounded HTTPS client, a budget of requests,
//! and delays between attempts. It knows no venue.

pub mod backoff;
mod causes;
mod http_client;
mod request_budget;
mod tls;

pub use backoff::Backoff;
pub use causes::with_causes;
pub use http_client::{HttpClient, HttpError, HttpLimits};
pub use request_budget::{Allowance, RequestBudget};
pub use tls::{TlsError, certificates, client_config};
