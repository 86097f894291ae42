//! Options of the commands about history: loading it, and showing how much of it is proven.

use std::path::PathBuf;

use clap::Args;
use coinsphere_pipelines::backfill::ColumnMapping;
use coinsphere_pipelines::market::{Interval, Symbol, Timestamp};

use super::{PlaceArgs, ReportFormat, TableFormat, venue};

/// `backfill`
#[derive(Debug, Clone, Args)]
pub struct BackfillArgs {
    /// The venue, by its lower-case name.
    #[arg(long, value_parser = venue)]
    pub venue: String,
    /// The instruments, in the venue's own spelling, separated by commas.
    #[arg(
        long,
        value_name = "SYMBOLS",
        value_delimiter = ',',
        required = true,
        value_parser = symbol
    )]
    pub instruments: Vec<Symbol>,
    /// From when: a day (2024-01-31) or an RFC 3339 time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Timestamp,
    /// Until when, exclusive [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Timestamp>,
    /// The length of a candle: 1m, 5m, 15m, 1h, 4h or 1d. Longer candles are made of minutes.
    #[arg(long, default_value = "1m")]
    pub interval: Interval,
    /// Ask here instead of the venue's public interface, e.g. a simulator.
    #[arg(long, value_name = "URL", conflicts_with = "files")]
    pub endpoint: Option<String>,
    /// Read the venue's downloaded files (zipped or plain CSV) in this directory instead of asking it.
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// The columns of other CSV files, of candles or of trades: time=open_time:ms,open=open,high=high,low=low,
    /// close=close,volume=#6. See docs/backfill.md.
    #[arg(long, value_name = "COLUMNS", requires = "files")]
    pub columns: Option<ColumnMapping>,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `coverage`
#[derive(Debug, Clone, Args)]
pub struct CoverageArgs {
    /// Only instruments of this venue.
    #[arg(long, value_parser = venue)]
    pub venue: Option<String>,
    /// Only these, in the venue's own spelling, separated by commas [default: all that are followed or
    /// of which something is known].
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',', value_parser = symbol)]
    pub instruments: Vec<Symbol>,
    /// From when: a day (2024-01-31) or an RFC 3339 time [default: 30 days before the end].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<Timestamp>,
    /// Until when, exclusive [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Timestamp>,
    /// The length of a candle: 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long, default_value = "1m")]
    pub interval: Interval,
    /// The output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `export`
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The venue, by its lower-case name.
    #[arg(long, value_parser = venue)]
    pub venue: String,
    /// The instruments, in the venue's own spelling, separated by commas.
    #[arg(
        long,
        value_name = "SYMBOLS",
        value_delimiter = ',',
        required = true,
        value_parser = symbol
    )]
    pub instruments: Vec<Symbol>,
    /// From when: a day (2024-01-31) or an RFC 3339 time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Timestamp,
    /// Until when, exclusive [default: the last candle that has closed].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<Timestamp>,
    /// The length of a candle: 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long, default_value = "1m")]
    pub interval: Interval,
    /// The output format.
    #[arg(long, value_enum, default_value_t = TableFormat::Csv)]
    pub format: TableFormat,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// A symbol.
fn symbol(text: &str) -> Result<Symbol, String> {
    Symbol::new(text).map_err(|error| error.to_string())
}

/// A day, from its midnight UTC, or a time.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    Timestamp::parse_rfc3339(&midnight)
        .or_else(|_| Timestamp::parse_rfc3339(text))
        .map_err(|_| {
            format!("{text:?} is neither a day (2024-01-31) nor a time (2024-01-31T12:00:00Z)")
        })
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_day_begins_at_midnight() {
        let day = time("2024-01-31").unwrap();
        assert_eq!(day.to_string(), "2024-01-31T00:00:00Z");
        assert_eq!(time("2024-01-31T01:00:00+01:00"), Ok(day));
        assert!(time("31.1.2024").is_err() && time("2024-02-30").is_err());
    }
}
