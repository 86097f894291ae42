//! What can be typed about portfolios: reports from a file of transactions, without a database.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
}

/// `portfolio report`
#[derive(Debug, Clone, Args)]
pub struct PortfolioReportArgs {
    /// The transactions, JSON or CSV.
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
}
