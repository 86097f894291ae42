//! Findings in a file and the repairs made, in sentences of a line each.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::times::TimeUnit;
use crate::series::SeriesReport;

/// Findings in a file and the repairs made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// The column that times were read from, as the file spells it.
    pub time_column: String,
    /// Notation of the times: a unit of numbers, or text.
    pub time_unit: TimeUnit,
    /// The line in which another way to write times begins, if one does.
    pub unit_changes_in: Option<u64>,
    /// True if the times were those at which candles closed.
    pub closing_times: bool,
    /// The column that volumes were read from; without one they are zero.
    pub volume_column: Option<String>,
    /// Rows with an empty time or price: they were taken as missing.
    pub incomplete: usize,
    /// Rows that say of themselves that they are not complete: they were taken as missing.
    #[serde(default)]
    pub unfinished: usize,
    /// The line of the first of them.
    #[serde(default)]
    pub first_unfinished: Option<u64>,
    /// Rows of which a time or number could not be read: they were left out.
    pub unreadable: usize,
    /// Why, for the first of them.
    pub first_unreadable: Option<String>,
    /// Lines that opened a quote and did not close it; each was left out alone, and is among the
    /// unreadable rows.
    pub unclosed_quotes: usize,
    /// The first of them.
    pub first_unclosed_quote: Option<u64>,
    /// True if bytes that are no packed data stood behind it; they were ignored.
    pub junk: bool,
    /// Findings in the candles themselves.
    pub series: SeriesReport,
}

impl fmt::Display for FileReport {
    /// A line for each thing that was not as it should be; nothing if all was.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        let because = |why: &Option<String>| {
            why.as_ref()
                .map_or(String::new(), |why| format!(" (the first: {why})"))
        };
        let series = &self.series;
        if self.junk {
            lines.push("bytes behind the end of the packed data: ignored".to_owned());
        }
        if let Some(line) = self.unit_changes_in {
            lines.push(format!(
                "the times are written in another way from line {line}: each was read by its own size"
            ));
        }
        if self.closing_times {
            lines.push(format!(
                "the times of {} are those at which candles closed: they opened an interval earlier",
                self.time_column
            ));
        }
        if let Some(line) = self.first_unclosed_quote {
            lines.push(format!(
                "a quote opened in line {line} is never closed: {} {} lost",
                self.unclosed_quotes,
                if self.unclosed_quotes == 1 {
                    "row is"
                } else {
                    "rows are"
                }
            ));
        }
        for (count, what) in [
            (
                self.incomplete,
                "rows without a time or a price: taken as missing".to_owned(),
            ),
            (
                self.unfinished,
                format!(
                    "candles that are not complete by their own column: taken as missing{}",
                    because(&self.first_unfinished.map(|line| format!("line {line}")))
                ),
            ),
            (
                self.unreadable - self.unclosed_quotes,
                format!(
                    "unreadable rows: left out{}",
                    because(&self.first_unreadable)
                ),
            ),
            (
                series.refused,
                format!(
                    "impossible candles: left out{}",
                    because(&series.first_refused)
                ),
            ),
            (
                series.between,
                format!(
                    "candles that begin between the others' times: left out as unfinished{}",
                    because(&series.first_between)
                ),
            ),
            (series.out_of_order, "rows out of order: sorted".to_owned()),
            (series.duplicates, "duplicates: one of each kept".to_owned()),
            (
                series.conflicting,
                "rows that contradict one of the same time: the last one kept".to_owned(),
            ),
            (
                series.off_grid,
                "candles a little off the others' times: moved to the nearest".to_owned(),
            ),
            (
                series.widened,
                "ranges that do not contain open and close: widened".to_owned(),
            ),
            (
                series.missing,
                format!(
                    "missing candles: {} filled with the last price and not forecast, {} longer holes at which the series is split",
                    series.filled, series.splits
                ),
            ),
        ] {
            if count > 0 {
                lines.push(format!("{count} {what}"));
            }
        }
        if self.volume_column.is_none() {
            lines.push("no volume column: volume features are zero".to_owned());
        }
        f.write_str(&lines.join("\n"))
    }
}
