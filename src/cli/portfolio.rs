//! Commands for portfolios: imports of what others export, and reports; no database.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

use crate::portfolios::explain::{Figure, MOST_PARTS};
use crate::portfolios::imports::Choice;
use crate::portfolios::report::Jurisdiction;
use crate::portfolios::{Decimal, FeesInKind, Method};

/// `portfolio`
#[derive(Debug, Clone, Subcommand)]
pub enum PortfolioCommand {
    /// Say what was gained, earned and paid, what is left, and how it performed.
    #[command(after_help = "Examples:
  coinsphere portfolio report transactions.json --method fifo
  coinsphere portfolio report transactions.json --method uk --year 2024
  coinsphere portfolio report transactions.csv --currency eur --prices prices.csv --method hifo --by-account
  coinsphere portfolio report transactions.json --method average --format csv > tax.csv
  coinsphere portfolio report transactions.json --method fifo --benchmark BTC=0.6,ETH=0.4 --target BTC=0.5,USD=0.5
  coinsphere portfolio report transactions.json --method fifo --what-if changes.json

docs/portfolios.md describes the files, the methods and every figure. Exit status: 1 if a file is wrong,
with the place in it.")]
    Report(PortfolioReportArgs),
    /// Say what a figure is made of: disposals, lots, transactions, prices.
    #[command(after_help = "Examples:
  coinsphere portfolio explain transactions.json realized --method fifo
  coinsphere portfolio explain transactions.json basis:BTC --method hifo --most 10

docs/portfolios.md lists the figures. Exit status: 1 if a file is wrong or has no such figure.")]
    Explain(PortfolioExplainArgs),
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
    /// Decimal mark of the amounts, where no amount settles it.
    #[arg(long, value_enum)]
    pub decimals: Option<DecimalsArg>,
    /// Meaning of an unknown operation: a kind of transaction, or skip. May be repeated.
    #[arg(long, value_name = "WORD=KIND", value_parser = word_and_choice)]
    pub map: Vec<(String, Choice)>,
    /// A row to leave out, by its line; of several files, FILE:LINE. May be repeated.
    #[arg(long, value_name = "LINE")]
    pub skip: Vec<String>,
    /// Asset behind a ticker; of one venue, VENUE:TICKER=ASSET. May be repeated.
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

/// Decimal mark.
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

/// Transactions and how they are accounted for.
#[derive(Debug, Clone, Args)]
pub struct PortfolioSourceArgs {
    /// The transactions, JSON or CSV, plain or gzipped.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which lots a disposal takes: fifo, lifo, hifo, average, uk or specific.
    #[arg(long, value_name = "METHOD")]
    pub method: Method,
    /// Take lots only from the account of the disposal.
    #[arg(long)]
    pub by_account: bool,
    /// The currency of the values of a table [default: usd]; of a document, the currency or coin to show
    /// amounts in, converted at the prices of each day [default: the document's].
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// The IANA time zone that decides days and tax years [default: the file's; of a table, UTC].
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Closing prices as CSV, date,asset,price or date,BTC,ETH,…; they go before those of the file.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Treatment of a fee that was paid in a coin.
    #[arg(long, value_enum, default_value_t = FeesArg::Dispose)]
    pub fees_in_kind: FeesArg,
    /// Whose tax year and terms of lots it goes by: us, de, gb, au or ca [default: the calendar's year, or with
    /// the method uk that from 6 April, and a term of one year].
    #[arg(long, value_name = "STATE")]
    pub jurisdiction: Option<Jurisdiction>,
}

/// `portfolio report`
#[derive(Debug, Clone, Args)]
pub struct PortfolioReportArgs {
    /// The transactions.
    #[command(flatten)]
    pub source: PortfolioSourceArgs,
    /// Only this tax year, valued at its end: of the calendar, or the one that begins in it, with the method uk
    /// or the jurisdiction gb on 6 April, with au on 1 July.
    #[arg(long, value_name = "YEAR")]
    pub year: Option<i32>,
    /// Add allocation, contribution of each asset and correlations.
    #[arg(long, conflicts_with = "year")]
    pub analysis: bool,
    /// Compare with an asset, or a mix such as BTC=0.6,ETH=0.4, that gets the same deposits and withdrawals.
    #[arg(long, value_name = "MIX", conflicts_with = "year")]
    pub benchmark: Option<Mix>,
    /// Add the trades that would bring the portfolio to a mix such as BTC=0.5,USD=0.5.
    #[arg(long, value_name = "MIX", conflicts_with = "year")]
    pub target: Option<Mix>,
    /// Distance of a share from its target without a trade: 0.02 is two percent of the whole.
    #[arg(long, value_name = "SHARE", default_value = "0", requires = "target")]
    pub tolerance: Decimal,
    /// Add the value of every day.
    #[arg(long)]
    pub history: bool,
    /// Answer what would be with the changes of a JSON file: put, remove, prices, method, scope. Nothing is stored.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["year", "analysis", "benchmark", "target", "history"])]
    pub what_if: Option<PathBuf>,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = PortfolioFormat::Json)]
    pub format: PortfolioFormat,
}

/// `portfolio explain`
#[derive(Debug, Clone, Args)]
pub struct PortfolioExplainArgs {
    /// The transactions.
    #[command(flatten)]
    pub source: PortfolioSourceArgs,
    /// Which figure: realized, value, twr, basis:BTC, disposal:0, transaction:ID and others.
    #[arg(value_name = "FIGURE")]
    pub figure: Figure,
    /// The most parts to list, at most 100.
    #[arg(long, value_name = "COUNT", default_value_t = MOST_PARTS)]
    pub most: usize,
}

/// Assets with their weights: `BTC`, or `BTC=0.6,ETH=0.4`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(pub Vec<(String, Decimal)>);

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.is_empty() && !text.contains(['=', ',']) {
            return Ok(Self(vec![(text.to_owned(), Decimal::ONE)]));
        }
        let part = |part: &str| match part.split_once('=') {
            Some((asset, weight)) if !asset.is_empty() => match weight.parse() {
                Ok(weight) => Ok((asset.to_owned(), weight)),
                Err(error) => Err(format!("the weight of {asset}: {error}")),
            },
            _ => Err("not assets with their weights, like BTC=0.6,ETH=0.4".to_owned()),
        };
        text.split(',')
            .map(part)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Treatment of a fee that was paid in a coin.
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

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PortfolioFormat {
    /// One JSON object.
    Json,
    /// The tax report as a table: a row for each lot that a disposal took from, receipt of income, and
    /// holding at the end.
    Csv,
    /// The tax report as a page to print.
    Html,
}
