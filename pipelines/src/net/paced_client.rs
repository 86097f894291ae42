//! A client of a venue's REST interface: it tries again what fails for now, and keeps the venue's pace.

use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, StatusCode, Uri, header};
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::Backoff;
use super::http_client::{HttpClient, HttpError, HttpLimits};
use super::tls::TlsError;

/// An answer's limits: a page of a thousand candles takes 200 kB.
const LIMITS: HttpLimits = HttpLimits {
    time: Duration::from_secs(30),
    bytes: 4 << 20,
};

/// The number of times a request that fails for now is tried.
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
    Tls(#[from] TlsError),
    /// No connection, or it broke.
    #[error("cannot ask {url}: {reason}")]
    Unreachable {
        /// URL of the request.
        url: String,
        /// Why there was no answer.
        reason: String,
    },
    /// The venue says no.
    #[error("{url} answers {status}: {words}")]
    Refused {
        /// URL of the request.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer.
        words: String,
    },
    /// The answer is not what it should be.
    #[error("cannot read the answer of {url}: {reason}")]
    Unreadable {
        /// URL of the request.
        url: String,
        /// The fault.
        reason: String,
    },
}

impl RestError {
    /// Returns whether the same call may succeed later.
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

/// The client.
#[derive(Debug)]
pub struct PacedClient {
    client: HttpClient,
    pace: Duration,
    /// When the next request may be sent.
    next: Option<Instant>,
}

impl PacedClient {
    /// A client that leaves at least `pace` between two requests.
    ///
    /// # Errors
    /// When encryption cannot be set up.
    pub fn new(pace: Duration) -> Result<Self, RestError> {
        Ok(Self {
            client: HttpClient::new(None, LIMITS)?,
            pace,
            next: None,
        })
    }

    /// The body of a good answer, trying again what fails for now.
    ///
    /// # Errors
    /// When there is no good answer after a few attempts.
    pub async fn get(&mut self, url: &str) -> Result<Bytes, RestError> {
        let uri: Uri = url
            .parse()
            .map_err(|_| RestError::Endpoint(url.to_owned()))?;
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
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
            let wait = backoff.next_wait();
            let pause = asked_to_wait.unwrap_or(wait);
            attempts += 1;
            if attempts >= ATTEMPTS || !error.is_retriable() || pause > LONGEST_WAIT {
                return Err(error);
            }
            tracing::debug!(%error, retry_in_s = pause.as_secs(), "asking again");
            sleep(pause).await;
        }
    }

    /// One attempt; on failure also how long the venue asks to wait.
    async fn once(&self, url: &str, uri: &Uri) -> Result<Bytes, (RestError, Option<Duration>)> {
        let url = || url.to_owned();
        let unreachable = |reason: String| (RestError::Unreachable { url: url(), reason }, None);
        let request = Request::get(uri.clone())
            .header(header::USER_AGENT, "coinsphere")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|error| unreachable(error.to_string()))?;
        let response = self.client.send(request).await.map_err(|error| {
            let reason = error.to_string();
            match error {
                HttpError::TooLong(_) => (RestError::Unreadable { url: url(), reason }, None),
                HttpError::Unreachable(_) | HttpError::TimedOut(_) => unreachable(reason),
            }
        })?;
        if response.status() == StatusCode::OK {
            return Ok(response.into_body());
        }
        let asked_to_wait = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let words = String::from_utf8_lossy(response.body());
        let error = RestError::Refused {
            url: url(),
            status: response.status().as_u16(),
            words: words.chars().take(200).collect(),
        };
        Err((error, asked_to_wait))
    }
}
