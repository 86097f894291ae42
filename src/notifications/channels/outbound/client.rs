//! Sends a request to where a user wants it, if the policy allows the address that is connected to. It follows
//! no redirects, uses no proxy and keeps no cookies, connections or looked-up addresses.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use url::Url;

use super::allowed::HTTPS;
use super::policy::{OutboundPolicy, Refusal};
use super::resolver::{GuardedResolver, Lookup};

/// Limits of a request.
#[derive(Debug, Clone, Copy)]
pub struct OutboundLimits {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until the last byte that is read.
    pub whole: Duration,
    /// Bytes of the answer that are read; the rest is left.
    pub answer_bytes: usize,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            whole: Duration::from_secs(15),
            answer_bytes: 4096,
        }
    }
}

/// A POST request. It is not shown: URLs and headers contain secrets.
#[derive(Clone)]
pub struct OutboundRequest {
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The beginning of an answer. The body is only for the channel that understands it: whoever chose the URL
/// must not read by it what the server can reach.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its first bytes.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// It may not be sent there.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The URL or a header cannot be sent by HTTP.
    #[error("no HTTP request can be made of it: {0}")]
    Unsendable(#[source] hyper::http::Error),
    /// No connection, or it broke.
    #[error("the receiver cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

impl OutboundError {
    /// Returns whether the same request may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut(_))
    }
}

/// The client. Cheap to clone.
#[derive(Clone)]
pub struct OutboundClient {
    policy: Arc<OutboundPolicy>,
    limits: OutboundLimits,
    lookup: Lookup,
    tls: rustls::ClientConfig,
}

impl OutboundClient {
    /// A client that trusts whom `tls` trusts, and asks `lookup` for addresses.
    #[must_use]
    pub fn new(
        tls: rustls::ClientConfig,
        policy: OutboundPolicy,
        limits: OutboundLimits,
        lookup: Lookup,
    ) -> Self {
        Self {
            policy: Arc::new(policy),
            limits,
            lookup,
            tls,
        }
    }

    /// The policy it keeps to, to judge a URL before it is stored.
    #[must_use]
    pub fn policy(&self) -> &OutboundPolicy {
        &self.policy
    }

    /// Sends a request once, on a connection of its own.
    ///
    /// # Errors
    /// When it may not be sent, or there is no answer in time. An answer of any status is one.
    pub async fn send(&self, request: OutboundRequest) -> Result<Answer, OutboundError> {
        self.policy.check_url(&request.url)?;
        timeout(self.limits.whole, self.exchange(request))
            .await
            .unwrap_or(Err(OutboundError::TimedOut(self.limits.whole)))
    }

    async fn exchange(&self, request: OutboundRequest) -> Result<Answer, OutboundError> {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(self.connector(&request.url));
        let mut url = request.url;
        url.set_fragment(None);
        let uri =
            Uri::try_from(url.as_str()).map_err(|error| OutboundError::Unsendable(error.into()))?;
        let mut sent = Request::post(uri)
            .body(Full::new(request.body))
            .map_err(OutboundError::Unsendable)?;
        *sent.headers_mut() = request.headers;
        let answer = client.request(sent).await.map_err(|error| {
            refusal_in(&error).map_or_else(
                || OutboundError::Unreachable(error.into()),
                OutboundError::Refused,
            )
        })?;
        let (parts, mut body) = answer.into_parts();
        let mut read = BytesMut::new();
        while read.len() < self.limits.answer_bytes
            && let Some(frame) = body.frame().await
        {
            let frame = frame.map_err(|error| OutboundError::Unreachable(error.into()))?;
            if let Some(bytes) = frame.data_ref() {
                let room = self.limits.answer_bytes - read.len();
                read.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        }
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: read.freeze(),
        })
    }

    fn connector(&self, url: &Url) -> HttpsConnector<HttpConnector<GuardedResolver>> {
        let mut connector = HttpConnector::new_with_resolver(GuardedResolver {
            policy: Arc::clone(&self.policy),
            lookup: Arc::clone(&self.lookup),
            port: url.port_or_known_default().unwrap_or(HTTPS),
            is_encrypted: url.scheme() == "https",
        });
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(self.limits.connect));
        HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector)
    }
}

/// The refusal that an error was caused by, if it was.
fn refusal_in(error: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| {
        let inner = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner {
            Some(inner) => inner.downcast_ref().cloned(),
            None => cause.downcast_ref().cloned(),
        }
    })
}
