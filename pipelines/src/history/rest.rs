//! A bounded HTTP GET: in time, in bytes, in attempts, and at the pace the venue allows.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::{Request, StatusCode, Uri, header};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How large an answer may be: a page of a thousand candles takes 200 kB.
const MAX_BYTES: usize = 4 << 20;

/// How often a request that fails for now is tried.
const ATTEMPTS: u32 = 4;

/// The first wait before trying again; doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait that a venue's `retry-after` is heeded for; beyond that the request fails.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Why a venue's REST interface gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The endpoint is no URL.
    #[error("{0:?} is not a URL of a REST interface: expected http:// or https://")]
    Endpoint(String),
    /// Encryption cannot be set up.
    #[error("cannot prepare an encrypted connection: {0}")]
    Tls(String),
    /// No connection, or it broke.
    #[error("cannot ask {url}: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why there was no answer.
        reason: String,
    },
    /// The venue says no.
    #[error("{url} answers {status}: {words}")]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        words: String,
    },
    /// The answer is not what it should be.
    #[error("cannot read the answer of {url}: {reason}")]
    Unreadable {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl RestError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            // 418 and 429: too many requests; 5xx: the venue's own trouble.
            Self::Refused { status, .. } => matches!(status, 408 | 418 | 429 | 500..=599),
            Self::Endpoint(_) | Self::Tls(_) | Self::Unreadable { .. } => false,
        }
    }
}

/// A client of one venue.
pub(super) struct RestClient {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    pace: Duration,
    /// When the next request may be sent.
    next: Option<Instant>,
}

impl RestClient {
    /// A client that leaves at least `pace` between two requests.
    pub(super) fn new(pace: Duration) -> Result<Self, RestError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| RestError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            pace,
            next: None,
        })
    }

    /// The body of a good answer, trying again what fails for now.
    pub(super) async fn get(&mut self, url: &str) -> Result<Bytes, RestError> {
        let uri: Uri = url
            .parse()
            .map_err(|_| RestError::Endpoint(url.to_owned()))?;
        let mut wait = FIRST_WAIT;
        let mut attempts = 0;
        loop {
            if let Some(next) = self.next {
                sleep_until(next).await;
            }
            self.next = Some(Instant::now() + self.pace);
            let (error, asked_to_wait) = match self.once(url, &uri).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let pause = asked_to_wait.unwrap_or(wait);
            attempts += 1;
            if attempts >= ATTEMPTS || !error.is_retriable() || pause > LONGEST_WAIT {
                return Err(error);
            }
            tracing::debug!(%error, retry_in_s = pause.as_secs(), "asking again");
            sleep(pause).await;
            wait *= 2;
        }
    }

    /// One attempt; on failure also how long the venue asks to wait.
    async fn once(&self, url: &str, uri: &Uri) -> Result<Bytes, (RestError, Option<Duration>)> {
        let unreachable = |reason: String| {
            let url = url.to_owned();
            (RestError::Unreachable { url, reason }, None)
        };
        let request = Request::get(uri.clone())
            .header(header::USER_AGENT, "coinsphere")
            .header(header::ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| unreachable(error.to_string()))?;
        let answer = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| unreachable(causes(&error)))?;
            let status = response.status();
            let asked_to_wait = response
                .headers()
                .get(header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .map(Duration::from_secs);
            let body = Limited::new(response.into_body(), MAX_BYTES)
                .collect()
                .await;
            let body = body.map_err(|error| {
                if error.downcast_ref::<LengthLimitError>().is_some() {
                    let reason = format!("it is longer than {MAX_BYTES} bytes");
                    let url = url.to_owned();
                    (RestError::Unreadable { url, reason }, None)
                } else {
                    unreachable(error.to_string())
                }
            })?;
            let body = body.to_bytes();
            if status == StatusCode::OK {
                return Ok(body);
            }
            let words: String = String::from_utf8_lossy(&body).chars().take(200).collect();
            let error = RestError::Refused {
                url: url.to_owned(),
                status: status.as_u16(),
                words,
            };
            Err((error, asked_to_wait))
        };
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| {
            Err(unreachable(format!(
                "no answer within {} s",
                PATIENCE.as_secs()
            )))
        })
    }
}

impl std::fmt::Debug for RestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RestClient").finish_non_exhaustive()
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
