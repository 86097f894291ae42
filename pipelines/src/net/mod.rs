//! What everything that asks over the network shares: whom to trust, a bounded HTTPS client, a client
//! that keeps a venue's pace, and how long to wait before trying again. It knows no venue.

pub mod backoff;
mod causes;
mod http_client;
mod paced_client;
mod tls;

pub use backoff::Backoff;
pub use causes::with_causes;
pub use http_client::{HttpClient, HttpError, HttpLimits};
pub use paced_client::{PacedClient, RestError};
pub use tls::{TlsError, certificates, client_config};
