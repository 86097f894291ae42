//! Encrypted connections to a database by URL.

use std::path::Path;

use tokio_postgres_rustls::MakeRustlsConnect;

use super::StoreError;
use crate::net::client_config;

/// A connector that checks the server's certificate against the public authorities and those in
/// `ca_file`.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    Ok(MakeRustlsConnect::new(client_config(ca_file)?))
}
