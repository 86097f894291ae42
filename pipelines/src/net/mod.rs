//! Networking shared by all clients: trusted certificates, a bounded HTTPS client, a client that
//! keeps a venue's pace, and delays between attempts. It knows no venue.

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
