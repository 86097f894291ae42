//! The part of a venue's folder that gives candles of the past: the requests to its REST interface and the
//! reading of the answers. Pure: sending, waiting and the budget belong to `rest_client`, what to ask for to
//! `backfill`.

use std::time::Duration;

use rust_decimal::Decimal;

use super::protocol::shorten;
use super::trade_history::TradeHistory;
use crate::market::{Candle, Interval, Symbol, Timestamp, Venue, parse_exact};
use crate::net::Allowance;
use crate::time_ranges::TimeRange;

/// A venue's candles of the past, over REST.
pub trait CandleHistory: TradeHistory {
    /// The venue.
    fn venue(&self) -> Venue;

    /// Its public REST interface, e.g. `https://data-api.binance.vision`.
    fn default_endpoint(&self) -> &'static str;

    /// The REST interface that belongs to a stream's endpoint, where it is not the default one: both have
    /// the same host, and the path without the stream's own ending.
    fn endpoint_of(&self, stream: &str) -> Option<String>;

    /// The requests that the interface allows.
    fn allowance(&self) -> Allowance;

    /// The candles of this length that one answer may hold; `None` if there are none of this length.
    fn rows(&self, endpoint: &str, interval: Interval) -> Option<u32>;

    /// The number of newest candles there are, where the older ones cannot be had.
    fn reach(&self) -> Option<u32> {
        None
    }

    /// The content of answers for intervals without trades.
    fn quiet(&self) -> Quiet;

    /// The request for the candles that open in a stretch of at most [`CandleHistory::rows`].
    fn candles(
        &self,
        endpoint: &str,
        symbol: &Symbol,
        interval: Interval,
        stretch: TimeRange,
    ) -> Question;

    /// The candles in an answer, open ones included, in any order; those of other times are ignored.
    ///
    /// # Errors
    /// When it is a refusal or cannot be read.
    fn read_candles(
        &self,
        interval: Interval,
        answer: &Answer<'_>,
    ) -> Result<Vec<Candle>, VenueRefusal>;

    /// The request for the very first candle, if that can be asked; the answer is one of candles.
    fn first_candle(
        &self,
        _endpoint: &str,
        _symbol: &Symbol,
        _interval: Interval,
    ) -> Option<Question> {
        None
    }

    /// The request for the list of instruments.
    fn instruments(&self, endpoint: &str) -> Question;

    /// The symbols in that list.
    ///
    /// # Errors
    /// As [`CandleHistory::read_candles`].
    fn read_instruments(&self, answer: &Answer<'_>) -> Result<Vec<String>, VenueRefusal>;

    /// The header that says what has been spent of the current minute's budget, and the whole of it.
    fn spent_header(&self) -> Option<(&'static str, u32)> {
        None
    }
}

/// The content of a venue's answers for intervals without trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// A candle without volume: one that is missing is a hole in the venue's own data.
    Flat,
    /// Nothing.
    Absent,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The URL.
    pub url: String,
    /// Its cost, in the unit of the allowance.
    pub cost: u32,
}

/// An answer, of whatever status.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The wait that the `Retry-After` header asks for.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: &'a [u8],
    /// When it came: some venues say until when to wait.
    pub received_at: Timestamp,
}

/// Why a venue does not give what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VenueRefusal {
    /// It has no such instrument.
    #[error("it knows no such instrument ({0})")]
    UnknownInstrument(String),
    /// Too many requests.
    #[error("{status}: too many requests{} ({words})", wait_of(*wait))]
    RateLimited {
        /// The HTTP status.
        status: u16,
        /// The wait that is asked for, where it is said.
        wait: Option<Duration>,
        /// The venue's words.
        words: String,
    },
    /// Too many requests after it said so: it does not answer this address for now.
    #[error("{status}: this address is banned{} ({words})", wait_of(*wait))]
    Banned {
        /// The HTTP status.
        status: u16,
        /// For how long, where it is said.
        wait: Option<Duration>,
        /// The venue's words.
        words: String,
    },
    /// Its own trouble.
    #[error("{status}: the venue has trouble of its own ({words})")]
    Trouble {
        /// The HTTP status.
        status: u16,
        /// The venue's words.
        words: String,
    },
    /// Any other refusal.
    #[error("{status}: {words}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The venue's words.
        words: String,
    },
    /// The answer is not what it should be.
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
}

fn wait_of(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| {
        format!(", wait for {} s", wait.as_secs())
    })
}

impl VenueRefusal {
    /// Returns whether the same request may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. } | Self::Banned { .. } | Self::Trouble { .. }
        )
    }

    /// The wait that the venue asks for.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait, .. } | Self::Banned { wait, .. } => *wait,
            _ => None,
        }
    }

    /// An answer that cannot be read, in the parser's words.
    pub(crate) fn unreadable(reason: impl std::fmt::Display) -> Self {
        Self::Unreadable(shorten(&reason.to_string()))
    }
}

impl Answer<'_> {
    /// The beginning of the body, on one line.
    pub(super) fn words(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(600)]);
        shorten(&text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The refusal as HTTP itself has it; `None` of an answer with status 200.
    pub(super) fn refusal(&self) -> Option<VenueRefusal> {
        let (status, words) = (self.status, self.words());
        match status {
            200 => None,
            429 => Some(VenueRefusal::RateLimited {
                status,
                wait: self.retry_after,
                words,
            }),
            418 => Some(VenueRefusal::Banned {
                status,
                wait: self.retry_after,
                words,
            }),
            408 | 500..=599 => Some(VenueRefusal::Trouble { status, words }),
            _ => Some(VenueRefusal::Refused { status, words }),
        }
    }

    /// The time from when the answer came until this one.
    pub(super) fn until(&self, time: Option<Timestamp>) -> Option<Duration> {
        Some(time?.since(self.received_at))
    }
}

/// The columns of a candle as text.
pub(crate) struct Columns<'a> {
    pub(crate) open: &'a str,
    pub(crate) high: &'a str,
    pub(crate) low: &'a str,
    pub(crate) close: &'a str,
    pub(crate) volume: &'a str,
}

impl Columns<'_> {
    /// The candle that opens at this time, exact, without what only some venues say.
    pub(crate) fn candle(
        &self,
        interval: Interval,
        open_time: Option<Timestamp>,
    ) -> Result<Candle, VenueRefusal> {
        let open_time = open_time
            .filter(|time| interval.open_of(*time) == *time)
            .ok_or_else(|| {
                VenueRefusal::Unreadable(format!("a candle of {interval} opens at no such time"))
            })?;
        let candle = Candle {
            open_time,
            open: amount("open", self.open)?,
            high: amount("high", self.high)?,
            low: amount("low", self.low)?,
            close: amount("close", self.close)?,
            volume: amount("volume", self.volume)?,
            quote_volume: Decimal::ZERO,
            trades: 0,
            taker_buy_volume: Decimal::ZERO,
            complete: true,
        };
        let inside = |price: Decimal| candle.low <= price && price <= candle.high;
        if candle.low.is_zero() || !inside(candle.open) || !inside(candle.close) {
            let why = format!("the prices of the candle at {open_time} are impossible");
            return Err(VenueRefusal::Unreadable(why));
        }
        Ok(candle)
    }
}

/// A number that is not negative.
pub(crate) fn amount(name: &str, text: &str) -> Result<Decimal, VenueRefusal> {
    parse_exact(text)
        .filter(|value| !value.is_sign_negative())
        .ok_or_else(|| VenueRefusal::unreadable(format!("the {name} {text:?} is impossible")))
}

/// A symbol in a query or a path.
pub(super) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// The REST interface next to a stream: `ws://host/path` becomes `http://host/path`, without what the
/// stream's path ends in. `None` if the host is the venue's own (it ends in `domain`), whose REST
/// interface is elsewhere, or if the endpoint is no URL.
pub(super) fn next_to_stream(stream: &str, domain: &str, endings: &[&str]) -> Option<String> {
    let (scheme, rest) = stream.split_once("://")?;
    let scheme = match scheme {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return None,
    };
    let mut rest = rest.trim_end_matches('/');
    for ending in endings {
        rest = rest.strip_suffix(ending).unwrap_or(rest);
    }
    let host = rest.split(['/', ':']).next()?;
    let own = host == domain || host.ends_with(&format!(".{domain}"));
    (!host.is_empty() && !own).then(|| format!("{scheme}://{rest}"))
}

/// The content of an answer, for the stretch that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryPage {
    /// The candles with trades, ascending; all have closed.
    pub candles: Vec<Candle>,
    /// The stretch that the answer speaks about. The rest of the asked one is to be asked for again: an answer
    /// that ends early is not the end of the data.
    pub covered: Option<TimeRange>,
    /// Stretches within it of which the venue has nothing, and where that means that something is missing,
    /// unless older candles show that there were no trades ([`Quiet::Absent`]).
    pub absent: Vec<TimeRange>,
}

/// Puts an answer's candles together.
///
/// # Errors
/// When two of them open at the same time.
pub fn page(
    mut rows: Vec<Candle>,
    quiet: Quiet,
    interval: Interval,
    (from, to): TimeRange,
    received_at: Timestamp,
) -> Result<HistoryPage, VenueRefusal> {
    // The unfinished last candle is not stored as a whole one.
    let to = to.min(interval.open_of(received_at));
    rows.retain(|row| from <= row.open_time && row.open_time < to);
    rows.sort_by_key(|row| row.open_time);
    if let Some(pair) = rows
        .windows(2)
        .find(|pair| pair[0].open_time == pair[1].open_time)
    {
        let why = format!("two candles open at {}", pair[0].open_time);
        return Err(VenueRefusal::Unreadable(why));
    }
    if from >= to {
        return Ok(HistoryPage::default());
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(HistoryPage {
            candles: rows,
            covered: Some((from, to)),
            absent: vec![(from, to)],
        });
    };
    // An answer may begin late or end early for the venue's own reasons: the rest is asked for again.
    let covered = (first.open_time, interval.end_of(last.open_time));
    let mut absent = Vec::new();
    if quiet == Quiet::Flat {
        let ends = rows.windows(2).map(|pair| {
            let end = interval.end_of(pair[0].open_time);
            (end, pair[1].open_time)
        });
        absent.extend(ends.filter(|(end, next)| end < next));
        rows.retain(|row| !row.volume.is_zero() || row.trades > 0);
    }
    Ok(HistoryPage {
        candles: rows,
        covered: Some(covered),
        absent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Interval = Interval::Minute1;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(minute * 60).unwrap()
    }

    fn row(minute: i64, volume: i64) -> Candle {
        let columns = Columns {
            open: "2",
            high: "3",
            low: "1",
            close: "2",
            volume: &volume.to_string(),
        };
        columns.candle(MINUTE, Some(at(minute))).unwrap()
    }

    fn read(rows: &[(i64, i64)], quiet: Quiet, now: i64) -> HistoryPage {
        let rows = rows.iter().map(|(minute, volume)| row(*minute, *volume));
        page(rows.collect(), quiet, MINUTE, (at(0), at(10)), at(now)).unwrap()
    }

    #[test]
    fn an_answer_speaks_about_what_it_spans() {
        let rows = [(6, 1), (2, 1), (4, 0)];
        let flat = read(&rows, Quiet::Flat, 100);
        let times: Vec<_> = flat.candles.iter().map(|c| c.open_time).collect();
        assert_eq!(times, [at(2), at(6)], "a flat row is no candle");
        assert_eq!(flat.covered, Some((at(2), at(7))));
        assert_eq!(flat.absent, [(at(3), at(4)), (at(5), at(6))]);
        let quiet = read(&rows, Quiet::Absent, 100);
        assert!(quiet.absent.is_empty(), "{quiet:?}");
        let empty = read(&[], Quiet::Flat, 100);
        assert_eq!(empty.covered, Some((at(0), at(10))));
        assert_eq!(empty.absent, [(at(0), at(10))]);
    }

    #[test]
    fn what_has_not_closed_is_left_out() {
        let open = read(&[(4, 1), (5, 1)], Quiet::Flat, 5);
        assert_eq!(open.candles.len(), 1);
        assert_eq!(open.covered, Some((at(4), at(5))));
        assert_eq!(read(&[(0, 1)], Quiet::Flat, 0), HistoryPage::default());
        let twice = page(
            vec![row(1, 1), row(1, 2)],
            Quiet::Flat,
            MINUTE,
            (at(0), at(9)),
            at(9),
        );
        assert!(twice.is_err());
    }

    #[test]
    fn impossible_candles_are_refused() {
        let columns = |open, low| Columns {
            open,
            high: "3",
            low,
            close: "2",
            volume: "1",
        };
        for wrong in [
            columns("4", "1"),
            columns("NaN", "1"),
            columns("0", "0"),
            columns("2", "-1"),
        ] {
            assert!(wrong.candle(MINUTE, Some(at(0))).is_err());
        }
        let between = Timestamp::from_seconds(61);
        assert!(columns("2", "1").candle(MINUTE, between).is_err());
    }

    #[test]
    fn the_rest_interface_lies_next_to_the_stream() {
        let of = |stream| next_to_stream(stream, "binance.com", &["/ws", "/stream"]);
        assert_eq!(
            of("ws://127.0.0.1:9/binance").unwrap(),
            "http://127.0.0.1:9/binance"
        );
        assert_eq!(
            of("wss://stream.example:9443/ws/").unwrap(),
            "https://stream.example:9443"
        );
        assert_eq!(of("wss://stream.binance.com:9443/ws"), None);
        assert_eq!(of("ftp://x"), None);
        assert_eq!(escaped("BTC/USD"), "BTC%2FUSD");
    }
}
