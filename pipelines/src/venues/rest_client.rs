//! Asks a venue's REST interface: within the venue's budget, which all jobs of the process share, and again
//! after what fails for now. How to ask and read is said by [`CandleHistory`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Response, Uri, header};
use tokio::time::sleep;

use super::history::{Answer, CandleHistory, HistoryPage, Question, VenueRefusal, page};
use super::trade_history::MissingTrades;
use crate::clock::SharedClock;
use crate::market::{Interval, Symbol, Timestamp, Trade, Venue};
use crate::net::backoff::Backoff;
use crate::net::{HttpClient, HttpError, HttpLimits, RequestBudget, TlsError};
use crate::time_ranges::TimeRange;

/// An answer's limits: a page of a thousand candles takes 200 kB, Binance's list of instruments 20 MB.
const LIMITS: HttpLimits = HttpLimits {
    time: Duration::from_secs(30),
    bytes: 64 << 20,
};

/// The number of times a request that fails for now is tried.
const ATTEMPTS: u32 = 4;

/// The first wait before trying again; doubled each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait that a venue may ask for; beyond that the request fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// The part of a minute's budget after which the next minute is waited for: nine tenths.
const ENOUGH: (u32, u32) = (9, 10);

/// Why a venue's REST interface did not give what was asked for.
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
        /// The URL.
        url: String,
        /// Why there was no answer.
        reason: String,
    },
    /// The venue says no.
    #[error("{url} answers {refusal}")]
    Refused {
        /// The URL.
        url: String,
        /// The refusal.
        refusal: VenueRefusal,
    },
    /// The venue asked for a long pause before.
    #[error("{url} is not asked: the venue wants no request for another {} s", .wait.as_secs())]
    Paused {
        /// The URL.
        url: String,
        /// The time that is left.
        wait: Duration,
    },
}

impl RestError {
    /// Returns whether the venue wants fewer requests.
    const fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                refusal: VenueRefusal::RateLimited { .. } | VenueRefusal::Banned { .. },
                ..
            }
        )
    }

    /// Returns whether the same call may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Paused { .. } => true,
            Self::Refused { refusal, .. } => refusal.is_retriable(),
            Self::Endpoint(_) | Self::Tls(_) => false,
        }
    }
}

/// The client of one venue's interface. Cheap to clone.
#[derive(Clone)]
pub struct RestClient {
    venue: &'static dyn CandleHistory,
    endpoint: String,
    http: HttpClient,
    budget: Arc<RequestBudget>,
    clock: SharedClock,
}

impl std::fmt::Debug for RestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RestClient")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl RestClient {
    /// A client of the interface that belongs to the endpoint of the venue's stream, or of the venue's public
    /// one.
    ///
    /// # Errors
    /// When the endpoint is no URL, or encryption cannot be set up.
    pub fn new(
        venue: &'static dyn CandleHistory,
        stream: Option<&str>,
        clock: SharedClock,
    ) -> Result<Self, RestError> {
        if let Some(stream) = stream {
            let known = ["ws://", "wss://", "http://", "https://"];
            if !known.iter().any(|scheme| stream.starts_with(scheme)) {
                return Err(RestError::Endpoint(stream.to_owned()));
            }
        }
        let endpoint = stream
            .and_then(|stream| venue.endpoint_of(stream))
            .unwrap_or_else(|| venue.default_endpoint().to_owned());
        Ok(Self {
            http: HttpClient::new(None, LIMITS)?,
            budget: RequestBudget::shared(endpoint.trim_end_matches('/'), venue.allowance()),
            venue,
            endpoint,
            clock,
        })
    }

    /// The venue.
    #[must_use]
    pub fn venue(&self) -> Venue {
        self.venue.venue()
    }

    /// The venue's candles of the past.
    #[must_use]
    pub fn history(&self) -> &'static dyn CandleHistory {
        self.venue
    }

    /// The interface that is asked.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The time by this client's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The candles that one answer may hold; `None` if the venue has none of this length.
    #[must_use]
    pub fn rows(&self, interval: Interval) -> Option<u32> {
        self.venue.rows(&self.endpoint, interval)
    }

    /// The candles that open in a stretch, as many as one answer holds.
    ///
    /// # Errors
    /// When there is no good answer after a few attempts.
    pub async fn candles(
        &self,
        symbol: &Symbol,
        interval: Interval,
        stretch: TimeRange,
    ) -> Result<HistoryPage, RestError> {
        let question = self
            .venue
            .candles(&self.endpoint, symbol, interval, stretch);
        self.ask(&question, |answer| {
            let rows = self.venue.read_candles(interval, answer)?;
            page(
                rows,
                self.venue.quiet(),
                interval,
                stretch,
                answer.received_at,
            )
        })
        .await
    }

    /// When the very first candle opens; `None` if the venue cannot be asked or has none.
    ///
    /// # Errors
    /// As [`RestClient::candles`].
    pub async fn first_candle(
        &self,
        symbol: &Symbol,
        interval: Interval,
    ) -> Result<Option<Timestamp>, RestError> {
        let Some(question) = self.venue.first_candle(&self.endpoint, symbol, interval) else {
            return Ok(None);
        };
        let rows = self
            .ask(&question, |answer| {
                self.venue.read_candles(interval, answer)
            })
            .await?;
        Ok(rows.iter().map(|row| row.open_time).min())
    }

    /// Trades that are missing of an instrument, or a part of them.
    ///
    /// # Errors
    /// As [`RestClient::candles`].
    pub async fn trades(
        &self,
        symbol: &Symbol,
        missing: &MissingTrades,
    ) -> Result<Vec<Trade>, RestError> {
        let question = self.venue.trades(&self.endpoint, symbol, missing);
        self.ask(&question, |answer| self.venue.read_trades(answer))
            .await
    }

    /// Trades that one answer may hold, where any number can be asked for.
    #[must_use]
    pub fn trades_a_page(&self) -> Option<u64> {
        self.venue.trades_a_page(&self.endpoint)
    }

    /// The symbols of the venue's instruments.
    ///
    /// # Errors
    /// As [`RestClient::candles`].
    pub async fn instruments(&self) -> Result<Vec<String>, RestError> {
        let question = self.venue.instruments(&self.endpoint);
        self.ask(&question, |answer| self.venue.read_instruments(answer))
            .await
    }

    /// Asks, trying again what fails for now.
    async fn ask<T>(
        &self,
        question: &Question,
        read: impl Fn(&Answer<'_>) -> Result<T, VenueRefusal>,
    ) -> Result<T, RestError> {
        let url = || question.url.clone();
        let uri: Uri = question
            .url
            .parse()
            .map_err(|_| RestError::Endpoint(url()))?;
        let mut backoff = Backoff::new(FIRST_WAIT, PATIENCE);
        let mut attempts = 0;
        loop {
            let spent = self.budget.spend(question.cost, PATIENCE).await;
            spent.map_err(|wait| RestError::Paused { url: url(), wait })?;
            let error = match self.once(&question.url, &uri).await {
                Ok(response) => {
                    self.heed(&response);
                    let answer = Answer {
                        status: response.status().as_u16(),
                        retry_after: retry_after(&response),
                        body: response.body(),
                        received_at: self.clock.now(),
                    };
                    match read(&answer) {
                        Ok(read) => return Ok(read),
                        Err(refusal) => RestError::Refused {
                            url: url(),
                            refusal,
                        },
                    }
                }
                Err(error) => error,
            };
            let wait = backoff.next_wait();
            let pause = match &error {
                RestError::Refused { refusal, .. } => refusal.wait().unwrap_or(wait),
                _ => wait,
            };
            if error.is_limit() {
                // Everybody's requests wait, not only this one.
                self.budget.pause_for(pause);
            }
            attempts += 1;
            if attempts >= ATTEMPTS || !error.is_retriable() || pause > PATIENCE {
                return Err(error);
            }
            tracing::debug!(%error, retry_in_s = pause.as_secs(), "asking again");
            sleep(pause).await;
        }
    }

    /// Waits for the next minute when this one's budget is almost spent, by us or by others of this address.
    fn heed(&self, response: &Response<Bytes>) {
        let Some((name, whole)) = self.venue.spent_header() else {
            return;
        };
        let spent = response.headers().get(name);
        let spent: Option<u32> = spent.and_then(|value| value.to_str().ok()?.parse().ok());
        if spent.is_some_and(|spent| spent / ENOUGH.0 >= whole / ENOUGH.1) {
            let now = self.clock.now();
            let next = Interval::Minute1.end_of(Interval::Minute1.open_of(now));
            self.budget.pause_for(next.since(now));
        }
    }

    async fn once(&self, url: &str, uri: &Uri) -> Result<Response<Bytes>, RestError> {
        let unreachable = |reason: String| RestError::Unreachable {
            url: url.to_owned(),
            reason,
        };
        let request = Request::get(uri.clone())
            .header(header::USER_AGENT, "coinsphere")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|error| unreachable(error.to_string()))?;
        metrics::counter!("coinsphere_history_requests_total").increment(1);
        self.http.send(request).await.map_err(|error| match error {
            HttpError::TooLong(_) => RestError::Refused {
                url: url.to_owned(),
                refusal: VenueRefusal::unreadable(error),
            },
            HttpError::Unreachable(_) | HttpError::TimedOut(_) => unreachable(error.to_string()),
        })
    }
}

/// The wait that the `Retry-After` header asks for, in seconds.
fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
