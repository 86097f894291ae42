//! Why a message was not delivered, and what the caller does then.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use hyper::header::{HeaderMap, RETRY_AFTER};

use crate::outbound::OutboundError;

/// The longest that a receiver may ask to wait: as long as attempts go on.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Consequence of an answer that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same message may be taken later.
    Retry,
    /// This message never will be; others may.
    GiveUp,
    /// The receiver is gone or takes nothing from us: the channel is to be disabled.
    Disable,
}

/// Why a message was not delivered. It shows nothing of what the receiver wrote.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The channel's settings make no request.
    #[error("the channel cannot be used as it is set up: {0}")]
    Settings(&'static str),
    /// There is no answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The answer is no success.
    #[error("the receiver answered {status}")]
    Answer {
        /// Its status.
        status: StatusCode,
        /// Its consequence.
        verdict: Verdict,
        /// The wait that the receiver asks for.
        retry_after: Option<Duration>,
    },
}

impl DeliveryError {
    /// Returns whether the same message is to be tried again later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Settings(_) => false,
            Self::Outbound(error) => error.is_retriable(),
            Self::Answer { verdict, .. } => matches!(verdict, Verdict::Retry),
        }
    }

    /// The wait that the receiver asks for, at most a day.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answer { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns whether the channel is to be disabled at once.
    #[must_use]
    pub const fn disables_channel(&self) -> bool {
        matches!(
            self,
            Self::Answer {
                verdict: Verdict::Disable,
                ..
            }
        )
    }

    /// Returns whether the receiver has too much to do: other messages to it are to wait too.
    #[must_use]
    pub fn slows_down(&self) -> bool {
        matches!(self, Self::Answer { status, .. } if matches!(status.as_u16(), 429 | 502 | 504))
    }
}

/// The outcome of a status by the rules of HTTP (RFC 9110), where `disabling` are those by which the channel's
/// receiver says that it takes nothing any more.
pub(crate) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    now: DateTime<Utc>,
    disabling: &[u16],
) -> Result<(), DeliveryError> {
    if status.is_success() {
        return Ok(());
    }
    let verdict = if disabling.contains(&status.as_u16()) {
        Verdict::Disable
    } else if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
        Verdict::Retry
    } else {
        Verdict::GiveUp
    };
    Err(DeliveryError::Answer {
        status,
        verdict,
        retry_after: retry_after(headers, now),
    })
}

/// A wait in seconds, as receivers write it; nothing, if it is no number of them.
pub(crate) fn wait(seconds: f64) -> Option<Duration> {
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(wait.min(LONGEST_WAIT))
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return wait(seconds);
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    let wait = (until.with_timezone(&Utc) - now)
        .to_std()
        .unwrap_or_default();
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, retry_after: Option<&str>) -> DeliveryError {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, text.parse().unwrap());
        }
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        judge(StatusCode::from_u16(status).unwrap(), &headers, now, &[410]).unwrap_err()
    }

    #[test]
    fn a_status_says_what_to_do() {
        for status in [408, 425, 429, 500, 502, 503, 504, 507] {
            assert!(judged(status, None).is_retriable(), "{status}");
        }
        for status in [301, 304, 400, 404, 413] {
            let error = judged(status, None);
            assert!(
                !error.is_retriable() && !error.disables_channel(),
                "{status}"
            );
        }
        let gone = judged(410, None);
        assert!(gone.disables_channel() && !gone.is_retriable());
        assert_eq!(gone.to_string(), "the receiver answered 410 Gone");
        assert!(judged(429, None).slows_down() && !judged(500, None).slows_down());
    }

    #[test]
    fn a_receiver_says_how_long_to_wait() {
        for (text, seconds) in [
            ("7", Some(7.0)),
            ("0.65", Some(0.65)),
            ("Fri, 27 Nov 2026 12:00:30 GMT", Some(30.0)),
            ("Fri, 27 Nov 2026 11:00:00 GMT", Some(0.0)),
            ("9999999", Some(86_400.0)),
            ("Fri, 27 Nov 2099 11:00:00 GMT", Some(86_400.0)),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
        ] {
            let wait = judged(429, Some(text)).retry_after();
            assert_eq!(wait.map(|wait| wait.as_secs_f64()), seconds, "{text}");
        }
    }
}
