//! What can be typed about portfolios: imports of what others export, and reports; no database.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::portfolios::imports::Choice;
use crate::portfolios::{FeesInKind, Method};

/// `portfolio`
#[derive(Debug, Clone, Subcommand)]
pub enum PortfolioCommand {
    /// Say what was gained, earned and paid, what is left, and how it performed.
    #[command(after_help = "Examples:
  coinsphere portfolio report transactions.json --method fifo
  coinsphere portfolio report transactions.json --method uk --year 2024
  coinsphere portfolio report transactions.csv --currency eur --prices prices.csv --method hifo --by-account
  coinsphere portfolio report transactions.json --method average --format csv > disposals.csv

docs/portfolios.md describes the files, the methods and every figure. Exit status: 1 if a file is wrong,
with the place in it.")]
    Report(PortfolioReportArgs),
    /// Read what venues and other trackers export into one file of transactions.
    #[command(after_help = "Examples:
  coinsphere portfolio import history.csv                       says what it would come to
  coinsphere portfolio import history.csv trades.csv --out transactions.json
  coinsphere portfolio import new.csv --stored transactions.json --out more.json
  coinsphere portfolio import export.csv --map 'Zodiac Bonus=reward' --skip 12 --asset LUNA=LUNC

docs/imports.md lists the formats. Exit status: 0 if all of it was accepted, 3 if any row was refused: then
nothing is written.")]
    Import(PortfolioImportArgs),
}

/// `portfolio import`
#[derive(Debug, Clone, Args)]
pub struct PortfolioImportArgs {
    /// The exports: CSV, XLSX or JSON. Together they are one import: what two of them tell counts once.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The format by name, where the content does not settle it.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub format: String,
    /// Where to write the transactions, as CSV if it ends so; without it, nothing is written.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Transactions that are there already, JSON or CSV: they are not added again.
    #[arg(long, value_name = "FILE")]
    pub stored: Vec<PathBuf>,
    /// The name of the account [default: the venue's, or the file's].
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The IANA time zone of times without one, in exports that use the user's own.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// The currency of the values [default: that of the first file that has values].
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// Which comes first in dates like 03/04/2021, where no row settles it.
    #[arg(long, value_enum)]
    pub date_order: Option<DateOrderArg>,
    /// What stands before the decimals, where no amount settles it.
    #[arg(long, value_enum)]
    pub decimals: Option<DecimalsArg>,
    /// What an operation that is not known is: a kind of transaction, or skip. May be repeated.
    #[arg(long, value_name = "WORD=KIND", value_parser = word_and_choice)]
    pub map: Vec<(String, Choice)>,
    /// A row to leave out, by its line; of several files, FILE:LINE. May be repeated.
    #[arg(long, value_name = "LINE")]
    pub skip: Vec<String>,
    /// What a ticker stands for; of one venue, VENUE:TICKER=ASSET. May be repeated.
    #[arg(long, value_name = "TICKER=ASSET", value_parser = ticker_and_asset)]
    pub asset: Vec<(String, String)>,
}

/// Which comes first in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DateOrderArg {
    /// 3 April.
    Day,
    /// March 4.
    Month,
}

/// What stands before the decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecimalsArg {
    /// 1,234.5
    Point,
    /// 1.234,5
    Comma,
}

fn word_and_choice(text: &str) -> Result<(String, Choice), String> {
    let (word, kind) = text
        .rsplit_once('=')
        .ok_or("not a word and what it is, like Bonus=reward")?;
    let choice = match kind {
        "skip" => Choice::Skip,
        kind => Choice::Book(kind.parse()?),
    };
    Ok((word.to_owned(), choice))
}

fn ticker_and_asset(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((ticker, asset)) if !ticker.is_empty() && !asset.is_empty() => {
            Ok((ticker.to_owned(), asset.to_owned()))
        }
        _ => Err("not a ticker and its asset, like LUNA=LUNC".to_owned()),
    }
}

/// `portfolio report`
#[derive(Debug, Clone, Args)]
pub struct PortfolioReportArgs {
    /// The transactions, JSON or CSV, plain or gzipped.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which lots a disposal takes: fifo, lifo, hifo, average, uk or specific.
    #[arg(long, value_name = "METHOD")]
    pub method: Method,
    /// Take lots only from the account of the disposal.
    #[arg(long)]
    pub by_account: bool,
    /// The currency of values and prices [default: the file's; of a table, usd].
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// The IANA time zone that decides days and tax years [default: the file's; of a table, UTC].
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Closing prices as CSV, date,asset,price or date,BTC,ETH,…; they go before those of the file.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Only this tax year, valued at its end; with the method uk it begins on 6 April.
    #[arg(long, value_name = "YEAR")]
    pub year: Option<i32>,
    /// What becomes of a fee that was paid in a coin.
    #[arg(long, value_enum, default_value_t = FeesArg::Dispose)]
    pub fees_in_kind: FeesArg,
    /// Add the value of every day.
    #[arg(long)]
    pub history: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = PortfolioFormat::Json)]
    pub format: PortfolioFormat,
}

/// What becomes of a fee that was paid in a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FeesArg {
    /// It is disposed of at market value.
    Dispose,
    /// It leaves at its cost, without a gain.
    AtCost,
}

impl From<FeesArg> for FeesInKind {
    fn from(given: FeesArg) -> Self {
        match given {
            FeesArg::Dispose => Self::Dispose,
            FeesArg::AtCost => Self::AtCost,
        }
    }
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PortfolioFormat {
    /// One JSON object.
    Json,
    /// The disposals as a table, a row for each lot they took from.
    Csv,
    /// The tax report as a page to print.
    Html,
}
