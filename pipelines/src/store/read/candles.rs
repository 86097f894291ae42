//! Reading candles: a page, and everything it is made of, in one statement.

use deadpool_postgres::GenericClient;
use tokio_postgres::{IsolationLevel, Row};

use super::gaps::read_gap;
use super::merge::{Kept, Sources, apply_gaps, page};
use super::statement::{self, COLUMNS, NEWEST_GAPS, Part, Shape, kind};
use crate::market::{Candle, Interval, Timestamp};
use crate::store::Store;
use crate::store::error::{StoreError, failed};
use crate::store::exact::{Micros, Numeric};
use crate::store::flavour::{COMBINED, RETENTION, sql_interval};
use crate::store::pool::{Params, query};
use crate::store::rows::{CandlePage, CandleQuery, InstrumentId, MAX_PAGE, StoredGap};
use crate::store::times::up_to_micros;

/// A stretch of time, the end exclusive.
type Range = (Timestamp, Timestamp);

/// Parameters of the query.
struct Window<'a> {
    asked: &'a CandleQuery,
    /// One more than the page holds, to see whether there is more.
    rows: i64,
}

/// Answer of one statement.
struct Answered {
    sources: Sources,
    /// The gaps that may touch the page, ascending; of more than the cap the newest.
    gaps: Vec<StoredGap>,
    /// The buckets that are not up to date, ascending and disjoint.
    stale: Vec<Range>,
    now: Timestamp,
    /// The newest imported candle, where it was asked for.
    imported_until: Option<Timestamp>,
}

impl Store {
    /// A page of candles of one instrument: built ones first, imported where there are none, the
    /// open candle included.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn candles(&self, asked: &CandleQuery) -> Result<CandlePage, StoreError> {
        let limit = asked.limit.clamp(1, MAX_PAGE);
        let window = Window {
            asked,
            // At most MAX_PAGE + 1.
            rows: limit as i64 + 1,
        };
        let mut session = self.pool.get().await?;
        let mut answered = match window.read_newest(&session).await? {
            Some(answered) => answered,
            None => window.read(&session).await?,
        };
        if !window.touched_by(&answered).is_empty() {
            // Rare and short: the minutes have changed, and the longer candles are not yet up to date.
            // Now both are read, as they were at one moment.
            let snapshot = session
                .build_transaction()
                .isolation_level(IsolationLevel::RepeatableRead)
                .read_only(true)
                .start()
                .await
                .map_err(failed("begin to read candles"))?;
            answered = window.read(&snapshot).await?;
            let stale = window.touched_by(&answered);
            answered.sources.recomputed = window.recompute(&snapshot, &stale).await?;
            snapshot
                .rollback()
                .await
                .map_err(failed("end reading candles"))?;
        }
        let kept = Kept {
            from: Some(answered.now - RETENTION),
        };
        let mut page = page(asked, limit, answered.sources, &kept);
        apply_gaps(&mut page, asked, answered.gaps);
        Ok(page)
    }
}

impl Window<'_> {
    /// The newest candles by the statement of few parts, if that suffices.
    async fn read_newest<C: GenericClient>(
        &self,
        session: &C,
    ) -> Result<Option<Answered>, StoreError> {
        let asked = self.asked;
        if asked.from.is_some() || asked.to.is_some() {
            return Ok(None);
        }
        let asset = asked.asset.as_ref().map(|asset| asset.as_str());
        let instrument = asked.instrument.0;
        let params: Params<'_> = &[&instrument, &self.rows, &asset];
        let answered = self.ask(session, Part::Newest, params, 2).await?;
        Ok(self.suffices(&answered).then_some(answered))
    }

    /// Returns whether nothing but what was answered can be on the page, or say something about it: the built
    /// candles fill it without a hole, none newer was imported, and of the gaps all that reach it were
    /// read.
    fn suffices(&self, answered: &Answered) -> bool {
        let built = &answered.sources.built;
        // The newest comes first.
        let times = built.first().zip(built.last());
        let Some((newest, oldest)) = times.map(|(a, b)| (a.0.open_time, b.0.open_time)) else {
            return false;
        };
        let count = u32::try_from(built.len()).unwrap_or(u32::MAX);
        let whole = newest.since(oldest) < self.asked.interval.duration().saturating_mul(count);
        // The one that ends last was read first.
        let earliest_end = answered.gaps.iter().filter_map(|gap| gap.to).min();
        built.len() as i64 == self.rows
            && whole
            && answered.imported_until.is_none_or(|until| until <= newest)
            && (answered.gaps.len() < NEWEST_GAPS || earliest_end.is_some_and(|end| end <= oldest))
    }

    /// Everything that the page is made of, in its range.
    async fn read<C: GenericClient>(&self, session: &C) -> Result<Answered, StoreError> {
        let asked = self.asked;
        let part = match asked.from {
            Some(_) => Part::Earliest,
            None => Part::Latest,
        };
        let asset = asked.asset.as_ref().map(|asset| asset.as_str());
        let (from, to) = (self.from().to_utc(), self.to().to_utc());
        let (instrument, interval) = (asked.instrument.0, asked.interval.name());
        let params: Params<'_> = &[&instrument, &from, &to, &self.rows, &interval, &asset];
        self.ask(session, part, params, 5).await
    }

    /// Runs a statement. Its parameters without an asset are the first `without_asset`.
    async fn ask<C: GenericClient>(
        &self,
        session: &C,
        part: Part,
        params: Params<'_>,
        without_asset: usize,
    ) -> Result<Answered, StoreError> {
        let shape = Shape {
            interval: self.asked.interval,
            part,
            of_asset: self.asked.asset.is_some(),
        };
        let params = match shape.of_asset {
            true => params,
            false => &params[..without_asset],
        };
        let rows = query(session, "read candles", statement::page(shape), params).await?;
        self.sort_out(&rows)
    }

    fn from(&self) -> Timestamp {
        up_to_micros(self.asked.from.unwrap_or(Timestamp::MIN))
    }

    fn to(&self) -> Timestamp {
        up_to_micros(self.asked.to.unwrap_or(Timestamp::MAX))
    }

    fn sort_out(&self, rows: &[Row]) -> Result<Answered, StoreError> {
        let mut sources = Sources {
            built: Vec::with_capacity(rows.len()),
            ..Sources::default()
        };
        let mut for_asset = Vec::new();
        let (mut gaps, mut stale) = (Vec::new(), Vec::new());
        let mut now = Timestamp::MIN;
        let mut imported_until = None;
        for row in rows {
            match row.get::<_, i32>(0) {
                kind::BUILT => sources
                    .built
                    .push((candle(row, 1)?, row.get(11), row.get(12))),
                kind::IMPORTED => {
                    sources
                        .imported
                        .push((candle(row, 1)?, row.get(11), row.get(12)));
                }
                kind::IMPORTED_FOR_ASSET => {
                    for_asset.push((candle(row, 1)?, row.get(11), row.get(12)));
                }
                kind::LIVE => sources.live.push(candle(row, 1)?),
                kind::GAP => gaps.push(read_gap(row, [12, 1, 13, 2, 3, 14])?),
                kind::STALE => stale.push(self.buckets((time(row, 1)?, time(row, 13)?))),
                kind::IMPORTED_UNTIL => imported_until = imported_until.max(Some(time(row, 1)?)),
                _ => {
                    now = time(row, 1)?;
                    let until: Option<Micros> = row.get(13);
                    sources.closed_until = until.map(|until| until.0);
                }
            }
        }
        // An import for the instrument itself counts before one for the asset as a whole.
        sources.imported.append(&mut for_asset);
        gaps.sort_by_key(|gap| (gap.from, gap.reason.name(), gap.missing));
        stale.sort_unstable();
        Ok(Answered {
            sources,
            gaps,
            stale,
            now,
            imported_until,
        })
    }

    /// The whole buckets over a range of minutes.
    fn buckets(&self, (from, to): Range) -> Range {
        let interval = self.asked.interval;
        // The end is exclusive: the last bucket is the one the last minute is in.
        let last = to - Interval::Minute1.duration();
        (
            interval.open_of(from),
            interval.end_of(interval.open_of(last)),
        )
    }

    /// The stale buckets that the page shows, or would show if they were up to date.
    fn touched_by(&self, answered: &Answered) -> Vec<Range> {
        let (mut from, mut to) = (self.from(), self.to());
        let built = &answered.sources.built;
        // With more built candles than the page holds, what is beyond them is not shown.
        if built.len() as i64 >= self.rows {
            let times = built.iter().map(|(candle, ..)| candle.open_time);
            if self.asked.from.is_some() {
                to = times.max().unwrap_or(to);
            } else {
                from = times.min().unwrap_or(from);
            }
        }
        let mut touched: Vec<Range> = Vec::new();
        for &(start, end) in &answered.stale {
            if end <= from || start >= to {
                continue;
            }
            match touched.last_mut() {
                // Two ranges in one bucket must not give two candles.
                Some(previous) if start <= previous.1 => previous.1 = end.max(previous.1),
                _ => touched.push((start, end)),
            }
        }
        touched
    }

    /// The candles of stale buckets, computed from their minutes.
    async fn recompute<C: GenericClient>(
        &self,
        session: &C,
        stale: &[Range],
    ) -> Result<Vec<(Candle, i64)>, StoreError> {
        if stale.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT fresh.* FROM unnest($2::timestamptz[], $3::timestamptz[]) AS stale (from_time, to_time) \
             CROSS JOIN LATERAL ( \
                 SELECT date_bin('{}', open_time, 'epoch'::timestamptz) AS bucket, {COMBINED} \
                 FROM price_data p WHERE p.instrument_id = $1 \
                   AND p.open_time >= stale.from_time AND p.open_time < stale.to_time \
                 GROUP BY bucket) AS fresh \
             WHERE fresh.bucket >= $4 AND fresh.bucket < $5 \
             ORDER BY fresh.bucket {} LIMIT $6",
            sql_interval(self.asked.interval),
            if self.asked.from.is_some() {
                "ASC"
            } else {
                "DESC"
            },
        );
        let (starts, ends): (Vec<_>, Vec<_>) = stale
            .iter()
            .map(|(from, to)| (from.to_utc(), to.to_utc()))
            .unzip();
        let rows = query(
            session,
            "read candles of stale ranges",
            &sql,
            &[
                &self.asked.instrument.0,
                &starts,
                &ends,
                &self.from().to_utc(),
                &self.to().to_utc(),
                &self.rows,
            ],
        )
        .await?;
        rows.iter()
            .map(|row| Ok((candle(row, 0)?, row.get(10))))
            .collect()
    }
}

/// The candles imported for an instrument that open between two times, both inclusive.
pub(super) async fn imported_between(
    store: &Store,
    instrument: InstrumentId,
    interval: Interval,
    (first, last): Range,
) -> Result<Vec<(Candle, String)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, source FROM price_history \
         WHERE instrument_id = $1 AND interval = $2 AND open_time >= $3 AND open_time <= $4 \
         ORDER BY open_time LIMIT $5"
    );
    let session = store.pool.get().await?;
    let rows = query(
        &session,
        "read imported candles",
        &sql,
        &[
            &instrument.0,
            &interval.name(),
            &first.to_utc(),
            &last.to_utc(),
            // A page's worth, far below 2^63.
            &(MAX_PAGE as i64),
        ],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((candle(row, 0)?, row.get(10))))
        .collect()
}

fn time(row: &Row, column: usize) -> Result<Timestamp, StoreError> {
    row.try_get::<_, Micros>(column)
        .map(|time| time.0)
        .map_err(|error| StoreError::Unreadable(error.to_string()))
}

/// The candle whose columns begin with this one.
fn candle(row: &Row, first: usize) -> Result<Candle, StoreError> {
    let number = |column: usize| {
        row.try_get::<_, Numeric>(first + column)
            .map_err(|error| StoreError::Unreadable(error.to_string()))
    };
    let (volume, quote_volume) = (number(5)?, number(6)?);
    let trades: i64 = row.get(first + 8);
    let complete: bool = row.get(first + 9);
    Ok(Candle {
        open_time: time(row, first)?,
        open: number(1)?.value,
        high: number(2)?.value,
        low: number(3)?.value,
        close: number(4)?.value,
        volume: volume.value,
        quote_volume: quote_volume.value,
        // A part of `volume`, exact if that is.
        taker_buy_volume: number(7)?.value,
        trades: u64::try_from(trades).unwrap_or(0),
        // As `candles::merge` has it: what no decimal holds exactly is not complete.
        complete: complete && volume.exact && quote_volume.exact,
    })
}
