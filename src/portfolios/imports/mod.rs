//! Imports: what venues and other trackers export, as transactions.
//!
//! A format is a file or a folder here and a line in [`FORMATS`]. It is recognised by its content, never by
//! the name of the file. Every row of a file ends up in exactly one place: in a transaction, among the rows
//! that move things inside one account, among those that say nothing happened, as a duplicate, or refused with
//! a reason. An import with a refused row is refused as a whole: it shows the rest and stores nothing.
//!
//! Nothing here reads a clock, a disk or a network.

mod assets;
mod binance;
mod booking;
mod coinbase;
mod cointracking;
mod cryptocom;
mod duplicates;
mod ends;
mod ghostfolio;
mod koinly;
mod kraken;
mod merge;
mod numbers;
mod outcome;
mod own;
mod pairing;
mod reading;
mod renames;
mod rotki;
mod spreadsheet;
mod table;
mod text;
mod times;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use crate::{Kind, Transaction};

pub use duplicates::{MADE_ID, MANUAL_ID};
pub use outcome::{Duplicate, FileOutcome, ImportOutcome, Imported, Question, Refusal, Rows};
pub use table::{MAX_BYTES, MAX_ROWS};
pub use times::DateOrder;

use reading::Reading;
use table::{Header, Table};

/// User's choices for an import. The default asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The format by name, where the content does not settle it.
    pub format: Option<String>,
    /// The zone of times without one, in exports that use the user's own.
    pub timezone: Tz,
    /// Which comes first in dates like `03/04/2021`, where no row settles it.
    pub date_order: Option<DateOrder>,
    /// True when a comma stands before the decimals, where no amount settles it.
    pub decimal_comma: Option<bool>,
    /// The currency of the values; of files with values in another, they are left out. Otherwise that of the
    /// first file that has values.
    pub currency: Option<String>,
    /// The name of the account, in place of the venue's.
    pub account: Option<String>,
    /// Accounts that go by another name than in files: their names by those of files.
    pub accounts: BTreeMap<String, String>,
    /// Operations that no format knows, by their word: what they are.
    pub operations: BTreeMap<String, Choice>,
    /// Rows by file and line: what they are. Goes before `operations`.
    pub rows: BTreeMap<(String, u64), Choice>,
    /// Tickers to assets, as `kraken:LUNA` or `LUNA`: the answers to earlier questions.
    pub assets: BTreeMap<String, String>,
    /// The assets that each ticker may mean. Without it, a ticker is its asset.
    pub catalogue: Option<BTreeMap<String, BTreeSet<String>>>,
    /// Stored transactions, which are not imported again.
    pub known: Vec<Transaction>,
}

/// User's choice of what a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Leave it out.
    Skip,
    /// Book its amount as this.
    Book(Kind),
}

/// Reads files as one import. Order matters in one way only: of two files that tell the same, the first is kept.
pub fn import(files: &[(String, Vec<u8>)], options: &ImportOptions) -> ImportOutcome {
    let readings = files
        .iter()
        .map(|(name, bytes)| read(name, bytes, options))
        .collect();
    merge::merge(readings, options)
}

/// A format that can be read.
struct Format {
    /// As in `coinbase.retail.v4`.
    name: &'static str,
    /// The account where the file does not name one, and the venue for questions about tickers.
    venue: &'static str,
    source: Source,
}

enum Source {
    /// Rows below a header.
    Table {
        recognizes: fn(&Header) -> bool,
        read: fn(&Table, &mut Reading<'_>),
    },
    /// A JSON document.
    Document {
        recognizes: fn(&Probe) -> bool,
        read: fn(&str, &mut Reading<'_>),
    },
}

/// Test that tells one kind of document from another.
#[derive(serde::Deserialize)]
struct Probe {
    format: Option<serde_json::Value>,
    transactions: Option<serde::de::IgnoredAny>,
    #[serde(alias = "orders")]
    activities: Option<serde::de::IgnoredAny>,
}

impl Probe {
    fn is_format(&self, name: &str) -> bool {
        self.format.as_ref().and_then(|format| format.as_str()) == Some(name)
    }

    fn has_transactions(&self) -> bool {
        self.format.is_none() && self.transactions.is_some()
    }

    fn has_activities(&self) -> bool {
        self.activities.is_some()
    }
}

/// Every format, the more demanding header before the less demanding.
static FORMATS: &[&Format] = &[
    &own::TABLE,
    &own::DOCUMENT,
    &binance::history::FORMAT,
    &binance::trades::OLD,
    &binance::trades::NEW,
    &binance::convert::FORMAT,
    &binance::transfers::FIAT,
    &binance::transfers::OLD,
    &binance::transfers::WITHDRAWALS,
    &binance::transfers::DEPOSITS,
    &coinbase::retail::V4,
    &coinbase::retail::V2,
    &coinbase::retail::V1,
    &coinbase::pro::FILLS,
    &coinbase::pro::ACCOUNT,
    &kraken::ledgers::FORMAT,
    &kraken::trades::FORMAT,
    &koinly::report::BULK,
    &koinly::report::FORMAT,
    &koinly::universal::FORMAT,
    &cointracking::VALUES,
    &cointracking::TRADES,
    &cryptocom::FORMAT,
    &rotki::EVENTS,
    &rotki::GENERIC_TRADES,
    &rotki::GENERIC_EVENTS,
    &ghostfolio::TABLE,
    &ghostfolio::DOCUMENT,
];

/// The names of all formats.
pub fn formats() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|format| format.name)
}

fn read<'o>(name: &str, bytes: &[u8], options: &'o ImportOptions) -> Reading<'o> {
    let fail = |reason: String| {
        let mut reading = Reading::new(name, "unknown", "", options);
        reading.fail(reason);
        reading
    };
    if let Some(format) = options.format.as_deref().filter(|format| *format != "auto")
        && !formats().any(|known| known == format)
    {
        let known: Vec<_> = formats().collect();
        return fail(format!(
            "there is no format \"{format}\": known are {}",
            known.join(", ")
        ));
    }
    if bytes.len() > MAX_BYTES {
        return fail(format!(
            "larger than {} MiB: export a shorter time at once",
            MAX_BYTES >> 20
        ));
    }
    if spreadsheet::is_one(bytes) {
        return match spreadsheet::sheets(bytes) {
            Ok(sheets) => tables(name, sheets, options).unwrap_or_else(|()| fail(no_header())),
            Err(reason) => fail(reason),
        };
    }
    let text = match text::decode(bytes) {
        Ok(text) => text,
        Err(reason) => return fail(reason.to_owned()),
    };
    if text.trim_start().starts_with(['{', '[']) {
        return document(name, &text, options);
    }
    for separator in [',', ';', '\t', '|'] {
        let (head, _) = table::rows(&head(&text), separator, usize::MAX);
        if table::find_header(&head, |header| table_format(header, options)).is_none() {
            continue;
        }
        let (rows, torn) = table::rows(&text, separator, MAX_ROWS + 1);
        if rows.len() > MAX_ROWS {
            return fail(format!(
                "more than {MAX_ROWS} rows: export a shorter time at once"
            ));
        }
        let reading = tables(name, vec![rows], options);
        let reading = reading.unwrap_or_else(|()| fail(no_header()));
        return match torn {
            Some(torn) => reading.torn(torn),
            None => reading,
        };
    }
    fail(no_header())
}

/// The first lines of a text: enough for any header.
fn head(text: &str) -> String {
    text.split_inclusive(['\n', '\r']).take(80).collect()
}

fn table_format(header: &Header, options: &ImportOptions) -> Option<&'static Format> {
    let wanted = options.format.as_deref().unwrap_or("auto");
    FORMATS.iter().copied().find(|format| {
        let named = wanted == "auto" || wanted == format.name;
        named && matches!(format.source, Source::Table { recognizes, .. } if recognizes(header))
    })
}

fn tables<'o>(
    name: &str,
    sheets: Vec<Vec<table::Row>>,
    options: &'o ImportOptions,
) -> Result<Reading<'o>, ()> {
    for rows in sheets {
        let found = table::find_header(&rows, |header| table_format(header, options));
        let Some((at, header, format)) = found else {
            continue;
        };
        let Source::Table { read, .. } = format.source else {
            continue;
        };
        let mut reading = Reading::new(name, format.name, format.venue, options);
        let table = reading.prepare(table::below(rows, at, header));
        read(&table, &mut reading);
        return Ok(reading);
    }
    Err(())
}

fn document<'o>(name: &str, text: &str, options: &'o ImportOptions) -> Reading<'o> {
    let wanted = options.format.as_deref().unwrap_or("auto");
    let mut unknown = Reading::new(name, "unknown", "", options);
    let probe: Probe = match serde_json::from_str(text) {
        Ok(probe) => probe,
        Err(error) => {
            unknown.fail(format!("not JSON: {error}"));
            return unknown;
        }
    };
    for format in FORMATS {
        let Source::Document { recognizes, read } = format.source else {
            continue;
        };
        if (wanted == "auto" || wanted == format.name) && recognizes(&probe) {
            let mut reading = Reading::new(name, format.name, format.venue, options);
            read(text, &mut reading);
            return reading;
        }
    }
    unknown.fail(no_header());
    unknown
}

fn no_header() -> String {
    let known: Vec<_> = formats().collect();
    format!(
        "no known header found: known are those of {}",
        known.join(", ")
    )
}
