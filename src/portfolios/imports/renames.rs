//! Tickers that meant another coin before some day: `LUNA` is the coin of the first Terra chain until the
//! second began and took its name. A coin that was exchanged for a new one (MATIC for POL) or wrapped (BETH)
//! is not renamed: its rows say so.

use chrono::{DateTime, FixedOffset, NaiveDate};

/// Former name of a ticker.
struct Rename {
    /// At which venue; empty for all of them and for trackers.
    venue: &'static str,
    ticker: &'static str,
    /// The first day on which it means what it says, in UTC; none if it never did.
    until: Option<(i32, u32, u32)>,
    asset: &'static str,
}

const fn rename(
    venue: &'static str,
    ticker: &'static str,
    until: Option<(i32, u32, u32)>,
    asset: &'static str,
) -> Rename {
    Rename {
        venue,
        ticker,
        until,
        asset,
    }
}

const RENAMES: &[Rename] = &[
    // The second Terra chain began on 2022-05-28.
    rename("", "LUNA", Some((2022, 5, 28)), "LUNC"),
    rename("", "UST", Some((2022, 5, 28)), "USTC"),
    // Dai of a single collateral; both kinds of Coinbase changed on that day.
    rename("coinbase", "DAI", Some((2019, 12, 2)), "SAI"),
    rename("coinbase-pro", "DAI", Some((2019, 12, 2)), "SAI"),
    // Elsewhere BCC was another coin.
    rename("binance", "BCC", Some((2018, 11, 16)), "BCH"),
    rename("binance", "BCHABC", None, "BCH"),
    rename("binance", "YOYO", None, "YOYOW"),
    rename("", "MIOTA", None, "IOTA"),
];

/// The coin that a ticker was the name of at a venue then, if it was another.
pub(super) fn renamed(
    venue: &str,
    ticker: &str,
    time: DateTime<FixedOffset>,
) -> Option<&'static str> {
    let day = time.naive_utc().date();
    let applies = |rename: &&Rename| {
        rename.ticker == ticker
            && (rename.venue.is_empty() || rename.venue == venue)
            && rename.until.is_none_or(|(year, month, of_month)| {
                NaiveDate::from_ymd_opt(year, month, of_month).is_some_and(|until| day < until)
            })
    };
    RENAMES.iter().find(applies).map(|rename| rename.asset)
}
