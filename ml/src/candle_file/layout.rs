//! Where each value stands in a row, by the names of a header.

use std::borrow::Cow;

/// Names of a column with the times at which candles open, letters and digits alone, the surest first.
const OPEN_TIMES: [&str; 15] = [
    "opentime",
    "timeperiodstart",
    "timeopen",
    "opentimestamp",
    "starttime",
    "starttimestamp",
    "startat",
    "start",
    "periodstart",
    "startdate",
    "klineopentime",
    "klinestarttime",
    "candlebegintime",
    "begintime",
    "begin",
];
/// Names of a column with times that may be either, the surest first.
const TIMES: [&str; 18] = [
    "unix",
    "unixtimestamp",
    "unixtime",
    "datetime",
    "timestamp",
    "time",
    "date",
    "epoch",
    "dateutc",
    "timeutc",
    "timestamputc",
    "datetimeutc",
    "gmttime",
    "localtime",
    "ts",
    "t",
    "index",
    "day",
];
/// Names of a column with the times at which candles close.
const CLOSE_TIMES: [&str; 9] = [
    "closetime",
    "timeperiodend",
    "timeclose",
    "closetimestamp",
    "endtime",
    "endtimestamp",
    "periodend",
    "enddate",
    "end",
];
/// Names of the price columns: what each is called, then what else.
const PRICES: [(&str, &[&str]); 4] = [
    ("open", &["o", "openprice", "openingprice"]),
    ("high", &["h", "highprice", "max"]),
    ("low", &["l", "lowprice", "min"]),
    ("close", &["c", "closeprice", "closingprice", "price"]),
];
/// Words that make a column's name something else than a price.
const NO_PRICES: [&str; 10] = [
    "time",
    "timestamp",
    "date",
    "interest",
    "adj",
    "adjusted",
    "prev",
    "previous",
    "change",
    "pct",
];
/// Names of the volume column, the surest first; after these, the first that begins with `volume`.
const VOLUMES: [&str; 7] = [
    "volume",
    "basevolume",
    "vol",
    "volumefrom",
    "v",
    "tickvolume",
    "tickvol",
];
/// Names of a column that is the same in all rows of one series.
const SERIES: [&str; 23] = [
    "symbol",
    "ticker",
    "tic",
    "instrument",
    "instrumentid",
    "instrumentname",
    "instid",
    "pair",
    "currencypair",
    "market",
    "coin",
    "asset",
    "crypto",
    "currency",
    "product",
    "productid",
    "venue",
    "exchange",
    "interval",
    "timeframe",
    "granularity",
    "resolution",
    "per",
];

/// Names of a column that says whether a candle is complete: ours, and those of exchanges' answers.
const COMPLETE: [&str; 7] = [
    "complete",
    "completed",
    "iscomplete",
    "isclosed",
    "isfinal",
    "confirm",
    "confirmed",
];

/// Names of the prices in messages.
pub(super) const PRICE_NAMES: [&str; 4] = ["open", "high", "low", "close"];

/// Where each value stands.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Number of columns.
    pub(super) columns: usize,
    /// The time, or its date.
    pub(super) time: usize,
    /// The time of day, where it stands apart from the date.
    pub(super) time_of_day: Option<usize>,
    /// Name of the time column.
    pub(super) time_name: String,
    /// True if its name says that candles open at these times.
    pub(super) opens: bool,
    /// True if its name says that candles close at these times.
    pub(super) closes: bool,
    /// Another column with the times at which candles close.
    pub(super) close_time: Option<usize>,
    /// Open, high, low, close.
    pub(super) prices: [usize; 4],
    /// The volume, and what it is called.
    pub(super) volume: Option<(usize, String)>,
    /// The column that says whether a candle is complete.
    pub(super) complete: Option<usize>,
    /// Columns that say whose candle it is, and what they are called.
    pub(super) series: Vec<(usize, String)>,
}

/// Reason that a header does not fit: it lacks something, or has too much of it.
pub(super) enum Unfit {
    /// No column of this name.
    Missing(&'static str),
    /// Two columns that may each be this one.
    Several {
        /// The column that was looked for.
        wanted: &'static str,
        /// The first of them.
        one: String,
        /// Another.
        other: String,
    },
}

/// Letters and digits alone, in lower case: `Open Time`, `open_time` and `<openTime>` are one name.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Returns whether a name is one of a time column.
pub(super) fn is_time(name: &str) -> bool {
    let name = plain(name);
    [&OPEN_TIMES[..], &TIMES, &CLOSE_TIMES]
        .concat()
        .contains(&name.as_str())
}

/// Where the prices stand.
pub(super) fn prices(header: &[Cow<'_, str>]) -> Result<[usize; 4], Unfit> {
    let mut places = [0; 4];
    for (found, (name, others)) in places.iter_mut().zip(PRICES) {
        let called = |wanted: &str| -> Vec<usize> {
            (0..header.len())
                .filter(|&at| plain(&header[at]) == wanted)
                .collect()
        };
        let exact = std::iter::once(name)
            .chain(others.iter().copied())
            .map(called)
            .find(|places| !places.is_empty());
        let candidates = exact.unwrap_or_else(|| {
            (0..header.len())
                .filter(|&at| has_word(&header[at], name))
                .collect()
        });
        *found = match candidates[..] {
            [] => return Err(Unfit::Missing(name)),
            [one] => one,
            [one, other, ..] => {
                return Err(Unfit::Several {
                    wanted: name,
                    one: header[one].clone().into_owned(),
                    other: header[other].clone().into_owned(),
                });
            }
        };
    }
    Ok(places)
}

/// Returns whether a price's name is one of the words of a column's: `Open (USD)`, `price_open`, `Close/Last`.
fn has_word(column: &str, name: &str) -> bool {
    let column = column.to_lowercase();
    let words = || column.split(|letter: char| !letter.is_alphanumeric());
    words().any(|word| word == name) && !words().any(|word| NO_PRICES.contains(&word))
}

impl Layout {
    /// By the names of a header.
    pub(super) fn of_header(header: &[Cow<'_, str>]) -> Result<Self, Unfit> {
        let prices = prices(header)?;
        let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let place = |wanted: &&str| names.iter().position(|name| name == wanted);
        let opens = OPEN_TIMES.iter().find_map(place);
        let close_time = CLOSE_TIMES.iter().find_map(place);
        // A table's index, as pandas writes it, has no name.
        let unnamed = || {
            let first = names.first()?;
            (first.is_empty() || first == "unnamed0").then_some(0)
        };
        let time = opens
            .or_else(|| TIMES.iter().find_map(place))
            .or(close_time)
            .or_else(unnamed)
            .ok_or(Unfit::Missing("time, timestamp, date or open_time"))?;
        let (date, of_day) = (place(&"date"), place(&"time"));
        let (time, time_of_day) = match (date, of_day) {
            (Some(date), Some(of_day)) if time == date || time == of_day => (date, Some(of_day)),
            _ => (time, None),
        };
        let volume = VOLUMES
            .iter()
            .find_map(place)
            .or_else(|| names.iter().position(|name| name.starts_with("volume")));
        let spelled = |place: usize| header[place].clone().into_owned();
        Ok(Self {
            columns: header.len(),
            time,
            time_of_day,
            time_name: spelled(time),
            opens: opens == Some(time),
            closes: opens.is_none() && close_time == Some(time),
            close_time: close_time.filter(|&place| place != time),
            prices,
            volume: volume.map(|place| (place, spelled(place))),
            complete: COMPLETE.iter().find_map(place),
            series: SERIES
                .iter()
                .filter_map(place)
                .map(|place| (place, spelled(place)))
                .collect(),
        })
    }

    /// Returns whether the same values stand in the same places.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let places = |layout: &Self| {
            let volume = layout.volume.as_ref().map(|(place, _)| *place);
            (layout.time, layout.time_of_day, layout.prices, volume)
        };
        places(self) == places(other)
    }
}
