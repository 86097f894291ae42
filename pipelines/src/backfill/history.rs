//! Loads an instrument's history from its venue, the newest first. What is proven already is not asked for
//! again, and each part is proven in the transaction that writes its candles: so a run that was stopped, at
//! any moment, goes on where it was, and one that is repeated changes nothing.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::loader::BackfillError;
use super::parts::{candles, minutes_of, newest_part, pages, window};
use crate::market::{Candle, InstrumentKey, Interval, Timestamp};
use crate::store::{HistoryBatch, HistoryWritten, InstrumentId, Store};
use crate::time_ranges::{TimeRange, joined, subtract};
use crate::venues::history::Quiet;
use crate::venues::{RestClient, RestError, VenueRefusal};

/// Requests of one run that are under way at once.
const AT_ONCE: usize = 4;

/// Rounds of asking for the rest of a part after answers that ended early. With each, the rest shrinks.
const ROUNDS: usize = 1_000;

/// Which history is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Of which instrument.
    pub instrument: InstrumentKey,
    /// Of which length.
    pub interval: Interval,
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct HistoryProgress {
    /// Intervals of the window that were not proven at the start.
    pub wanted: u64,
    /// Those that have been dealt with.
    pub done: u64,
    /// Candles that are new or replaced another one.
    pub changed: u64,
}

/// Outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryReport {
    /// The window as it was loaded: whole candles that have closed, of minutes whole days.
    pub window: Option<TimeRange>,
    /// Candles and gaps that were written.
    pub written: HistoryWritten,
    /// Stretches within the venue's data of which it has no candles.
    pub holes: Vec<TimeRange>,
    /// Older than everything that the venue has or gives: not proven.
    pub out_of_reach: Option<TimeRange>,
}

/// Loads history of one venue.
#[derive(Debug, Clone)]
pub struct HistoryBackfill {
    rest: RestClient,
}

/// Candles that the venue gave of a part.
#[derive(Debug, Default)]
struct Fetched {
    candles: Vec<Candle>,
    /// The stretches that the answers speak about.
    covered: Vec<TimeRange>,
    /// Of this there is nothing.
    absent: Vec<TimeRange>,
}

impl HistoryBackfill {
    /// From the interface that this client asks.
    #[must_use]
    pub const fn new(rest: RestClient) -> Self {
        Self { rest }
    }

    /// Loads what is not proven yet, and says after each part how far it is.
    ///
    /// # Errors
    /// When the venue or the store fails; what was loaded before stays.
    pub async fn run(
        &self,
        store: &Store,
        request: &HistoryRequest,
        progress: impl FnMut(HistoryProgress) + Send,
    ) -> Result<HistoryReport, BackfillError> {
        let window = window(request.from, request.to, request.interval, self.rest.now());
        self.load(store, request, window, progress).await
    }

    /// Loads the minutes that a stretch of time touches, those that have closed, and ends the gaps in them.
    ///
    /// # Errors
    /// As [`HistoryBackfill::run`].
    pub async fn fill(
        &self,
        store: &Store,
        instrument: &InstrumentKey,
        stretch: TimeRange,
    ) -> Result<HistoryReport, BackfillError> {
        let (interval, now) = (Interval::Minute1, self.rest.now());
        let (from, to) = minutes_of(stretch);
        let request = HistoryRequest {
            instrument: instrument.clone(),
            interval,
            from: match self.rest.history().quiet() {
                Quiet::Flat => from,
                // An older candle shows that minutes without one are quiet.
                Quiet::Absent => {
                    let rows = self.rest.rows(interval).unwrap_or(0);
                    from.min(to - interval.duration() * rows)
                }
            },
            to: to.min(interval.open_of(now)),
        };
        let window = (request.from, request.to);
        let mut report = self.load(store, &request, window, |_| ()).await?;
        if let Some(known) = store.instrument(instrument).await? {
            report.written.filled_gaps += store.end_proven_gaps(known.id, now).await?;
        }
        Ok(report)
    }

    async fn load(
        &self,
        store: &Store,
        request: &HistoryRequest,
        window: TimeRange,
        mut progress: impl FnMut(HistoryProgress) + Send,
    ) -> Result<HistoryReport, BackfillError> {
        let (key, interval) = (&request.instrument, request.interval);
        let rows = self
            .rest
            .rows(interval)
            .ok_or_else(|| self.no_interval(interval))?;
        let now = self.rest.now();
        let mut report = HistoryReport {
            window: Some(window),
            ..HistoryReport::default()
        };
        let known = store.instrument(key).await?.map(|known| known.id);
        let mut missing = vec![window];
        missing.retain(|(from, to)| from < to);
        if let Some(known) = known {
            for span in store.proven_spans(known, interval).await? {
                missing = subtract(&missing, (span.from, span.to));
            }
        }
        if missing.is_empty() {
            return Ok(report);
        }
        let begin = self.begin_of_data(key, interval, now).await?;
        if begin > window.0 {
            let before = (window.0, begin.min(window.1));
            missing = subtract(&missing, before);
            report.out_of_reach = Some(before);
        }
        let mut run = Run {
            client: self,
            store,
            request,
            rows,
            instrument: known,
            unconfirmed: Vec::new(),
        };
        let mut said = HistoryProgress {
            wanted: candles(&missing, interval),
            done: 0,
            changed: 0,
        };
        progress(said);
        while let Some(part) = newest_part(&missing, interval) {
            let written = run.part(part, &mut report).await?;
            missing = subtract(&missing, part);
            said.done += candles(&[part], interval);
            said.changed += written.changed;
            progress(said);
        }
        // Nothing older shows whether there was trading at all.
        if let (Some(first), Some(last)) = (run.unconfirmed.first(), run.unconfirmed.last()) {
            let older = (first.0, last.1);
            let reached = report
                .out_of_reach
                .map_or(older, |known| (known.0, older.1));
            report.out_of_reach = Some(reached);
        }
        report.holes = joined(std::mem::take(&mut report.holes));
        Ok(report)
    }

    fn no_interval(&self, interval: Interval) -> BackfillError {
        let served = Interval::ALL
            .into_iter()
            .filter(|served| self.rest.rows(*served).is_some());
        BackfillError::NoSuchInterval {
            venue: self.rest.venue(),
            interval,
            served: served.map(Interval::name).collect::<Vec<_>>().join(", "),
        }
    }

    /// Before this the venue has, or gives, nothing. Asks about the instrument, so that one that does not
    /// exist is noticed before anything is written.
    async fn begin_of_data(
        &self,
        key: &InstrumentKey,
        interval: Interval,
        now: Timestamp,
    ) -> Result<Timestamp, BackfillError> {
        let first = self.rest.first_candle(&key.symbol, interval).await;
        let first = match first {
            Ok(first) => first,
            Err(error) => return Err(self.failed(key, interval, error).await),
        };
        let reach = self
            .rest
            .history()
            .reach()
            .map(|reach| interval.open_of(now) - interval.duration() * reach);
        Ok(first.max(reach).unwrap_or(Timestamp::MIN))
    }

    async fn failed(
        &self,
        key: &InstrumentKey,
        interval: Interval,
        source: RestError,
    ) -> BackfillError {
        let unknown = matches!(
            &source,
            RestError::Refused {
                refusal: VenueRefusal::UnknownInstrument(_),
                ..
            }
        );
        if unknown && let Ok(names) = self.rest.instruments().await {
            return BackfillError::NoSuchInstrument {
                instrument: key.clone(),
                count: names.len(),
                like: alike(key.symbol.as_str(), names),
            };
        }
        BackfillError::Venue {
            instrument: key.clone(),
            interval,
            source,
        }
    }
}

/// One run.
struct Run<'a> {
    client: &'a HistoryBackfill,
    store: &'a Store,
    request: &'a HistoryRequest,
    rows: u32,
    instrument: Option<InstrumentId>,
    /// Stretches without candles and without older ones that would show what that means; ascending.
    unconfirmed: Vec<TimeRange>,
}

impl Run<'_> {
    /// Fetches and writes one part.
    async fn part(
        &mut self,
        part: TimeRange,
        report: &mut HistoryReport,
    ) -> Result<HistoryWritten, BackfillError> {
        let fetched = self.fetch(part).await?;
        let quiet = self.client.rest.history().quiet();
        let mut batch = HistoryBatch {
            interval: self.request.interval,
            source: self.client.rest.venue().name().to_owned(),
            proven: joined(fetched.covered),
            candles: fetched.candles,
            holes: Vec::new(),
        };
        // What lies before the oldest candle of this part waits for an older one.
        let oldest = batch.candles.first().map(|candle| candle.open_time);
        let mut absent = Vec::new();
        for stretch in joined(fetched.absent) {
            batch.proven = subtract(&batch.proven, stretch);
            match oldest {
                Some(oldest) if oldest < stretch.0 => absent.push(stretch),
                _ => self.unconfirmed.push(stretch),
            }
        }
        if oldest.is_some() {
            let newer = self.unconfirmed.iter().filter(|one| Some(one.0) > oldest);
            absent.extend(newer.copied());
            self.unconfirmed.retain(|one| Some(one.0) <= oldest);
        }
        self.unconfirmed.sort_unstable();
        match quiet {
            Quiet::Absent => batch.proven.append(&mut absent),
            Quiet::Flat => batch.holes = joined(absent),
        }
        batch.proven = joined(std::mem::take(&mut batch.proven));
        let instrument = match self.instrument {
            Some(known) => known,
            None => {
                let added = self
                    .store
                    .ensure_instrument(&self.request.instrument)
                    .await?;
                *self.instrument.insert(added)
            }
        };
        let now = self.client.rest.now();
        let written = self.store.write_history(instrument, &batch, now).await?;
        metrics::counter!("coinsphere_history_candles_total").increment(written.changed);
        report.written.changed += written.changed;
        report.written.differing += written.differing;
        report.written.filled_gaps += written.filled_gaps;
        report
            .written
            .corrected
            .extend_from_slice(&written.corrected);
        report.holes.append(&mut batch.holes);
        Ok(written)
    }

    /// Everything that the venue has of a part: what an answer leaves open is asked for again.
    async fn fetch(&self, part: TimeRange) -> Result<Fetched, BackfillError> {
        let (key, interval) = (&self.request.instrument, self.request.interval);
        let rest = &self.client.rest;
        let mut missing = vec![part];
        let mut fetched = Fetched::default();
        for _ in 0..ROUNDS {
            let asked = pages(&missing, interval, self.rows);
            if asked.is_empty() {
                break;
            }
            let answers: Result<Vec<_>, _> = stream::iter(asked)
                .map(|page| rest.candles(&key.symbol, interval, page))
                .buffered(AT_ONCE)
                .try_collect()
                .await;
            let answers = match answers {
                Ok(answers) => answers,
                Err(error) => return Err(self.client.failed(key, interval, error).await),
            };
            let before = missing.clone();
            for page in answers {
                fetched.candles.extend(page.candles);
                fetched.absent.extend(page.absent);
                if let Some(covered) = page.covered {
                    missing = subtract(&missing, covered);
                    fetched.covered.push(covered);
                }
            }
            if missing == before {
                break;
            }
        }
        fetched.candles.sort_by_key(|candle| candle.open_time);
        // Two pages may share a candle where the venue rounds its ends outwards.
        let mut seen = BTreeSet::new();
        fetched
            .candles
            .retain(|candle| seen.insert(candle.open_time));
        Ok(fetched)
    }
}

/// The names that begin most like this one, at most five.
fn alike(symbol: &str, mut names: Vec<String>) -> Vec<String> {
    let plain = |text: &str| {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_uppercase()).collect::<Vec<_>>()
    };
    let wanted = plain(symbol);
    names.sort_by_cached_key(|name| {
        let name = plain(name);
        let common = wanted.iter().zip(&name).take_while(|(a, b)| a == b).count();
        (
            std::cmp::Reverse(common),
            name.len().abs_diff(wanted.len()),
            name,
        )
    });
    names.truncate(5);
    names
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn an_unknown_name_is_answered_with_those_like_it() {
        let names = ["ETHUSDT", "BTCUSDC", "BTCUSDT", "ETHBTC"].map(str::to_owned);
        let found = alike("btc-usd", names.to_vec());
        assert_eq!(found[..2], ["BTCUSDC", "BTCUSDT"]);
    }
}
