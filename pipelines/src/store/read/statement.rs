//! The one statement that reads a page of candles, with everything that is said about them. One
//! statement sees one state of the database: a minute that closes meanwhile is found exactly once, and
//! without the round trips of a transaction.
//!
//! Each part reads as much as the page can hold and no more. Candles that were imported are looked for
//! only where the built ones leave room: before them, after them, and between them if any are missing.
//!
//! The newest candles, which are asked for most, have a statement of fewer parts: where PostgreSQL reads
//! ten rows, setting up a plan costs more than running it. It suffices when the built candles fill the
//! page without a hole, nothing newer was imported, and few gaps reach it; else the page is read in full.

use std::sync::LazyLock;

use crate::market::Interval;
use crate::store::flavour::{sql_interval, table};

use super::gaps::CAP;

/// Kinds of row in the answer; the first column names one.
pub(super) mod kind {
    pub(in crate::store::read) const BUILT: i32 = 0;
    pub(in crate::store::read) const IMPORTED: i32 = 1;
    pub(in crate::store::read) const IMPORTED_FOR_ASSET: i32 = 2;
    pub(in crate::store::read) const LIVE: i32 = 3;
    /// Start, first and last missing id, reason, end, when it was noticed.
    pub(in crate::store::read) const GAP: i32 = 4;
    /// Start and end of a range whose longer candles are not up to date.
    pub(in crate::store::read) const STALE: i32 = 5;
    /// The database's time, and until when the minutes are closed.
    pub(in crate::store::read) const PROGRESS: i32 = 6;
    /// The opening time of the newest imported candle.
    pub(in crate::store::read) const IMPORTED_UNTIL: i32 = 7;
}

/// The most gaps that the statement of the newest candles reads: those that end last.
pub(super) const NEWEST_GAPS: usize = 32;

/// The columns of a candle; in the answer they follow the kind.
pub(super) const COLUMNS: &str = "open_time, open, high, low, close, volume, quote_volume, \
     taker_buy_volume, trades, complete";

/// Every minute before this is closed: what was listened to, or given by a source of history.
const CLOSED_UNTIL: &str = "greatest( \
     (SELECT closed_until FROM instrument_state WHERE instrument_id = $1), \
     (SELECT max(to_time) FROM history_spans WHERE instrument_id = $1 AND interval = '1m'))";

/// Who built a candle of the main table; longer ones are made here, whoever built their minutes.
const fn source(interval: Interval) -> &'static str {
    match interval {
        Interval::Minute1 => "source",
        _ => "NULL::text",
    }
}

/// Which of the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) interval: Interval,
    pub(super) part: Part,
    /// Also what was imported for the asset as a whole.
    pub(super) of_asset: bool,
}

/// Which candles a statement reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The newest there are, if little else has to be looked at.
    Newest,
    /// The latest of a range.
    Latest,
    /// The earliest of a range.
    Earliest,
}

/// The statement. Its parameters: instrument, from, to, one more than the page holds, the interval's
/// name; of [`Part::Newest`] the instrument and one more than the page holds; and, with
/// [`Shape::of_asset`], the asset.
pub(super) fn page(shape: Shape) -> &'static str {
    static ALL: LazyLock<Vec<(Shape, String)>> = LazyLock::new(|| {
        let mut all = Vec::new();
        for interval in Interval::ALL {
            for part in [Part::Newest, Part::Latest, Part::Earliest] {
                for of_asset in [true, false] {
                    let shape = Shape {
                        interval,
                        part,
                        of_asset,
                    };
                    all.push((shape, text(shape)));
                }
            }
        }
        all
    });
    // Every shape there can be has been pushed.
    ALL.iter()
        .find(|(known, _)| *known == shape)
        .map_or("", |(_, text)| text)
}

fn text(shape: Shape) -> String {
    match shape.part {
        Part::Newest => newest(shape),
        Part::Latest => of_range(shape, false),
        Part::Earliest => of_range(shape, true),
    }
}

/// The types of all parts' columns are the same to the letter, or PostgreSQL converts each row once more.
fn newest(shape: Shape) -> String {
    /// Columns between the time and the end of a row that is no candle.
    const BLANK: &str = "NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, \
         NULL::numeric, NULL::numeric, NULL::bigint, NULL::boolean, NULL::bigint, NULL::text";
    const NO_TIMES: &str = "NULL::timestamptz, NULL::timestamptz";
    let interval = shape.interval;
    let mut sql = format!(
        "(SELECT {built}, {COLUMNS}, revision::bigint, {source}, {NO_TIMES} \
          FROM {table} WHERE instrument_id = $1 ORDER BY open_time DESC LIMIT $2) \
         UNION ALL SELECT {live}, {COLUMNS}, 0::bigint, NULL::text, {NO_TIMES} \
             FROM live_candles WHERE instrument_id = $1 \
         UNION ALL (SELECT {gap}, from_time, first_missing_id::numeric, last_missing_id::numeric, \
                 NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, \
                 NULL::bigint, NULL::boolean, NULL::bigint, reason, to_time, detected_at \
             FROM gaps WHERE instrument_id = $1 AND filled_at IS NULL \
             ORDER BY to_time DESC LIMIT {NEWEST_GAPS})",
        built = kind::BUILT,
        table = table(interval),
        source = source(interval),
        live = kind::LIVE,
        gap = kind::GAP,
    );
    let owners = ["instrument_id = $1", "asset_id = $3"];
    for whose in &owners[..if shape.of_asset { 2 } else { 1 }] {
        sql.push_str(&format!(
            " UNION ALL (SELECT {imported}, open_time, {BLANK}, {NO_TIMES} \
              FROM price_history WHERE {whose} AND interval = '{interval}' \
              ORDER BY open_time DESC LIMIT 1)",
            imported = kind::IMPORTED_UNTIL,
            interval = interval.name(),
        ));
    }
    // A minute that is stored is closed, and made of nothing.
    if interval != Interval::Minute1 {
        sql.push_str(&format!(
            " UNION ALL SELECT {progress}, now(), {BLANK}, {CLOSED_UNTIL}, NULL::timestamptz \
             UNION ALL SELECT {stale}, from_time, {BLANK}, to_time, NULL::timestamptz \
                 FROM dirty_ranges WHERE instrument_id = $1",
            progress = kind::PROGRESS,
            stale = kind::STALE,
        ));
    }
    sql
}

fn of_range(shape: Shape, ascending: bool) -> String {
    let (interval, of_asset) = (shape.interval, shape.of_asset);
    let (table, step) = (table(interval), sql_interval(interval));
    let direction = if ascending { "ASC" } else { "DESC" };
    // Where imported candles and gaps can matter to the page, given the built candles: a full page of
    // these bounds it on the side that it grows towards.
    let (imported_from, imported_to, gaps_from, gaps_to) = if ascending {
        (
            "$2".to_owned(),
            format!(
                "CASE WHEN rows < $4 THEN $3 WHEN whole THEN oldest ELSE newest + INTERVAL '{step}' END"
            ),
            "$2".to_owned(),
            format!("CASE WHEN rows < $4 THEN $3 ELSE newest + INTERVAL '{step}' END"),
        )
    } else {
        (
            format!(
                "CASE WHEN rows < $4 THEN $2 WHEN whole THEN newest + INTERVAL '{step}' ELSE oldest END"
            ),
            "$3".to_owned(),
            "CASE WHEN rows < $4 THEN $2 ELSE oldest END".to_owned(),
            "$3".to_owned(),
        )
    };
    let imported = |kind: i32, whose: &str| {
        format!(
            " UNION ALL (SELECT {kind}, {COLUMNS}, revision::bigint, source, \
                  NULL::timestamptz, NULL::timestamptz \
              FROM price_history WHERE {whose} AND interval = $5 \
                  AND open_time >= (SELECT imported_from FROM bounds) \
                  AND open_time < (SELECT imported_to FROM bounds) \
                  AND (open_time BETWEEN (SELECT whole_from FROM bounds) \
                       AND (SELECT whole_to FROM bounds)) IS NOT TRUE \
              ORDER BY open_time {direction} LIMIT $4)"
        )
    };
    let mut sql = format!(
        "WITH built AS ( \
             SELECT {COLUMNS}, revision::bigint AS revision, {source} AS source FROM {table} \
             WHERE instrument_id = $1 AND open_time >= $2 AND open_time < $3 \
             ORDER BY open_time {direction} LIMIT $4), \
         extent AS ( \
             SELECT rows, oldest, newest, newest - oldest < INTERVAL '{step}' * rows AS whole \
             FROM (SELECT count(*) AS rows, min(open_time) AS oldest, max(open_time) AS newest \
                   FROM built) AS counted), \
         bounds AS MATERIALIZED ( \
             SELECT {imported_from} AS imported_from, {imported_to} AS imported_to, \
                 {gaps_from} AS gaps_from, {gaps_to} AS gaps_to, \
                 CASE WHEN whole THEN oldest END AS whole_from, \
                 CASE WHEN whole THEN newest END AS whole_to \
             FROM extent) \
         SELECT {built} AS kind, {COLUMNS}, revision, source, \
             NULL::timestamptz AS until, NULL::timestamptz AS noticed FROM built",
        built = kind::BUILT,
        source = source(interval),
    );
    sql.push_str(&imported(kind::IMPORTED, "instrument_id = $1"));
    if of_asset {
        sql.push_str(&imported(kind::IMPORTED_FOR_ASSET, "asset_id = $6"));
    }
    sql.push_str(&format!(
        " UNION ALL SELECT {live}, {COLUMNS}, 0::bigint, NULL, NULL, NULL \
             FROM live_candles WHERE instrument_id = $1 \
         UNION ALL (SELECT {gap}, from_time, first_missing_id, last_missing_id, \
                 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, reason, to_time, detected_at \
             FROM gaps WHERE instrument_id = $1 AND filled_at IS NULL \
                 AND from_time < (SELECT gaps_to FROM bounds) \
                 AND (to_time IS NULL OR to_time > (SELECT gaps_from FROM bounds)) \
             ORDER BY from_time DESC LIMIT {CAP}) \
         UNION ALL SELECT {progress}, now(), \
             NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
             {CLOSED_UNTIL}, NULL",
        live = kind::LIVE,
        gap = kind::GAP,
        progress = kind::PROGRESS,
    ));
    if interval != Interval::Minute1 {
        sql.push_str(&format!(
            " UNION ALL SELECT {stale}, from_time, \
                 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, to_time, NULL \
             FROM dirty_ranges WHERE instrument_id = $1",
            stale = kind::STALE,
        ));
    }
    sql
}
