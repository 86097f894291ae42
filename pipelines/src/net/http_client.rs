//! An HTTP client whose answers are bounded in time and bytes. It follows no redirects and judges no
//! status.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::causes::with_causes;
use super::tls::{TlsError, client_config};

/// Limits of an answer.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Time, until its last byte.
    pub time: Duration,
    /// Bytes of its body.
    pub bytes: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It is too long.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
}

/// The client. Cheap to clone; all clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: HttpLimits,
}

impl HttpClient {
    /// A client that trusts the public authorities and those in `ca_file`.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn new(ca_file: Option<&Path>, limits: HttpLimits) -> Result<Self, TlsError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(ca_file)?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(1)
            .build(connector);
        Ok(Self { client, limits })
    }

    /// The answer to a request, whatever its status.
    ///
    /// # Errors
    /// When there is none, or it exceeds the limits.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answering = async {
            let sent = self.client.request(request.map(Full::new)).await;
            let (parts, body) = sent
                .map_err(|error| HttpError::Unreachable(with_causes(&error)))?
                .into_parts();
            let body = Limited::new(body, self.limits.bytes).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => HttpError::TooLong(self.limits.bytes),
                None => HttpError::Unreachable(error.to_string()),
            })?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        timeout(self.limits.time, answering)
            .await
            .unwrap_or(Err(HttpError::TimedOut(self.limits.time)))
    }
}
