//! The command line and its help. It knows nothing of how a
//! command is carried out.

pub mod accounts;
pub mod alerts;
pub mod backfill;
pub mod jobs;
pub mod models;
pub mod portfolio;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use coinsphere_pipelines::market::Interval;

use crate::config::{Flags, Role};

/// Exit status of a command that succeeded, or was asked to stop.
pub const EXIT_OK: u8 = 0;
/// Exit status of a command that failed.
pub const EXIT_FAILURE: u8 = 1;
/// Exit status when the command line or the configuration is wrong; clap uses the same.
pub const EXIT_USAGE: u8 = 2;
/// Exit status when an import was refused: nothing was written.
pub const EXIT_REFUSED: u8 = 3;

/// Self-hosted crypto market data: candles built from exchange trades that say what they miss.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "coinsphere",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  coinsphere demo                         a simulated market, the whole pipeline, http://127.0.0.1:3001
  coinsphere up                           the same against the live venues
  coinsphere doctor                       what is installed and in use, and what to do about it
  coinsphere candles btc.jsonl.gz --venue binance --interval 1m
                                          a recording to candles, no database

Configuration: defaults < TOML file (--config) < environment (COINSPHERE_...) < flags; every setting
is in coinsphere.toml.example. Exit status: 0 ok, 1 failure, 2 wrong usage or configuration."
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands of the program.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run everything against the live venues, as configured.
    #[command(after_help = "Examples:
  coinsphere up
  coinsphere up --data-dir /srv/coinsphere --listen 127.0.0.1:3002
  coinsphere up --roles api               only the HTTP API, on a database others fill
  DATABASE_URL=postgres://... coinsphere up --config coinsphere.toml

Ctrl-C or SIGTERM stops it cleanly; starting it again continues where it left off.")]
    Up(ServeArgs),

    /// Run everything against a simulated market: no account, key or internet needed.
    #[command(after_help = "Examples:
  coinsphere demo
  coinsphere demo --seed 7 --rate 2000    another market, livelier
  coinsphere demo --fault disconnect:every=60s --fault drop:p=0.001

Market data is public in a demo (public_market_data), and is kept apart from live data.")]
    Demo(DemoArgs),

    /// Run only the simulator: the three venues' WebSocket and REST protocols on one port.
    #[command(after_help = "Examples:
  coinsphere simulate
  coinsphere simulate --port 9100 --seed 7 --rate 5000 --instruments bitcoin,ethereum
  coinsphere simulate --replay btc.jsonl.gz --speed max
  coinsphere simulate --fault stall:after=30s,seed=1")]
    Simulate(SimulateArgs),

    /// Record a venue's raw frames to a file: `<receive time, ns since epoch> <frame>` a line.
    #[command(after_help = "Examples:
  coinsphere record --venue binance --instruments BTCUSDT,ETHUSDT --out btc-eth.jsonl.gz
  coinsphere record --venue kraken --instruments BTC/USD --out btc.jsonl

A name that ends in .gz is compressed. Ctrl-C ends the recording.")]
    Record(RecordArgs),

    /// Process recordings through the whole pipeline into the database.
    #[command(after_help = "Examples:
  coinsphere replay btc-eth.jsonl.gz
  coinsphere replay monday.jsonl.gz tuesday.jsonl.gz --data-dir /tmp/try

Replaying again, or after being killed, gives the same candles.")]
    Replay(ReplayArgs),

    /// Turn a recording into candles on standard output, without a database.
    #[command(after_help = "Examples:
  coinsphere candles btc.jsonl.gz --venue binance --interval 1m
  coinsphere candles day.jsonl.gz --venue kraken --interval 1h --format jsonl

Columns: venue, instrument, open_time, open, high, low, close, volume, quote_volume, trades,
taker_buy_volume, complete. Candles still open at the end of the file are printed too.")]
    Candles(CandlesArgs),

    /// Load the history of a venue's instruments into the database, the newest first.
    #[command(after_help = "Examples:
  coinsphere backfill --venue binance --instruments BTCUSDT,ETHUSDT --from 2024-01-01
  coinsphere backfill --venue coinbase --instruments BTC-USD --from 2024-01-01 --to 2024-02-01
  coinsphere backfill --venue kraken --instruments BTC/USD --from 2022-01-01 --interval 1d
  coinsphere backfill --venue binance --files ./dumps --instruments BTCUSDT --from 2020-01-01

Stopped or killed at any time, the same command goes on where it was; repeated, it changes nothing.
It works whether or not the program is running. docs/backfill.md says what each venue gives.")]
    Backfill(backfill::BackfillArgs),

    /// Print stored candles, built here or loaded, as CSV or JSON lines.
    #[command(after_help = "Examples:
  coinsphere export --venue binance --instruments BTCUSDT --from 2024-01-01 > btc.csv
  coinsphere export --venue kraken --instruments BTC/USD --from 2024-01-01 --to 2024-02-01 --interval 1h --format jsonl

Columns as of `coinsphere candles`. The open candle is left out. It works whether or not the program is running.")]
    Export(backfill::ExportArgs),

    /// Draw which times of the instruments are proven, which are gaps and which are unknown.
    #[command(after_help = "Examples:
  coinsphere coverage
  coinsphere coverage --venue binance --instruments BTCUSDT --from 2024-01-01
  coinsphere coverage --from 2024-05-01 --to 2024-05-03 --format json

A cell is a day; of three days and less, an hour. It works whether or not the program is running.")]
    Coverage(backfill::CoverageArgs),

    /// Report how good forecasts of candles are: every model against repeating the last price.
    #[command(after_help = "Examples:
  coinsphere evaluate --candles btc.csv.gz --interval 1d --horizon 1
  coinsphere evaluate --candles btc.csv --interval 1h --horizon 24 --seed 7 --format json
  coinsphere evaluate --token bitcoin --interval 1d --horizon 7

The candles are CSV, plain or gzipped: open, high, low, close, volume (optional) and a time named time,
timestamp, date or open_time, in any case; UTC if no zone is given. Rows that are wrong are reported on
standard error. The same candles and seed give the same report.")]
    Evaluate(EvaluateArgs),

    /// Train a model that forecasts a token's price, and let it serve if it is better.
    #[command(after_help = "Examples:
  coinsphere train --candles btc_1d.csv.gz --interval 1d --chart losses.svg
  coinsphere train --token bitcoin --interval 1h
  coinsphere train --token bitcoin --interval 1h --update

Progress goes to standard error; the report (--format json: for programs) shows how good each
model's forecasts were in walk-forward evaluation. docs/models.md describes files and settings.")]
    Train(models::TrainArgs),

    /// Forecast from the newest candles, with prediction intervals and skill.
    #[command(after_help = "Examples:
  coinsphere predict --candles btc_1d.csv.gz --interval 1d
  coinsphere predict --token bitcoin --interval 1h --format json
  coinsphere predict --token bitcoin --interval 1h --model 20240101T000000000Z-1a2b3c4d")]
    Predict(models::PredictArgs),

    /// List models, show their cards, choose which version serves, import PyTorch weights.
    #[command(after_help = "Examples:
  coinsphere models list
  coinsphere models show 20240101T000000000Z-1a2b3c4d
  coinsphere models promote 20240101T000000000Z-1a2b3c4d
  coinsphere models rollback --token bitcoin --interval 1h
  coinsphere models import weights.pt --candles btc_1d.csv.gz --interval 1d")]
    Models(models::ModelsArgs),

    /// Account for a portfolio: gains, income, what is left, performance; no database.
    #[command(
        subcommand,
        after_help = "Examples:
  coinsphere portfolio import history.csv trades.csv --out transactions.json
  coinsphere portfolio report transactions.json --method fifo"
    )]
    Portfolio(portfolio::PortfolioCommand),

    /// Try rules of alerts on recordings; no database.
    #[command(
        subcommand,
        after_help = "Examples:
  coinsphere alerts evaluate rules.json btc.jsonl.gz --venue binance"
    )]
    Alerts(alerts::AlertsCommand),

    /// Bring the database's tables up to date and end.
    #[command(after_help = "Examples:
  coinsphere migrate
  DATABASE_URL=postgres://... coinsphere migrate")]
    Migrate(MaintainArgs),

    /// Check or print the audit log.
    #[command(after_help = "Examples:
  coinsphere audit verify
  coinsphere audit export --out audit.jsonl
  DATABASE_URL=postgres://... coinsphere audit verify --data-dir /srv/coinsphere

Works while the program runs, too. The signing key and the signed heads are in the data directory.")]
    Audit(accounts::AuditArgs),
    /// Create accounts: the first admin, invitations, users of another program.
    #[command(
        subcommand,
        after_help = "Examples:
  coinsphere user create --email ada@example.org --admin
  coinsphere user create --email ada@example.org --password-stdin < password.txt
  coinsphere user invite --email eve@example.org
  coinsphere user import users.csv

They work whether or not the program is running."
    )]
    User(accounts::UserCommand),

    /// Create new keys for signing access tokens or encrypting second factors.
    #[command(
        subcommand,
        after_help = "Examples:
  coinsphere keys rotate
  coinsphere keys rotate --totp"
    )]
    Keys(accounts::KeysCommand),

    /// List the emails to users: sent, waiting, given up, and the files if there is no SMTP server.
    #[command(after_help = "Examples:
  coinsphere outbox
  coinsphere outbox --limit 100")]
    Outbox(accounts::OutboxArgs),

    /// List, show and cancel jobs: work that the program does later.
    #[command(
        subcommand,
        after_help = "Examples:
  coinsphere jobs list
  coinsphere jobs list --state running --format json
  coinsphere jobs cancel 0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60

They work whether or not the program is running."
    )]
    Jobs(jobs::JobsCommand),

    /// Report what is installed and in use, and what to do about it.
    #[command(after_help = "Examples:
  coinsphere doctor
  coinsphere doctor --database            also list hypertables, chunks, compression and policies")]
    Doctor(DoctorArgs),
}

/// Where data and configuration are.
#[derive(Debug, Clone, Default, Args)]
pub struct PlaceArgs {
    /// The directory for everything that is kept [default: ~/.local/share/coinsphere].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The configuration file [default: coinsphere.toml here, if there is one].
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Options of commands that serve.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Address and port of the HTTP API [default: 127.0.0.1:3001].
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Only these parts, separated by commas [default: all].
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    pub roles: Option<Vec<Role>>,
}

impl PlaceArgs {
    /// As the last layer of the configuration.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            data_dir: self.data_dir.clone(),
            ..Flags::default()
        }
    }
}

impl ServeArgs {
    /// As the last layer of the configuration.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            listen: self.listen,
            roles: self.roles.clone(),
            ..self.place.flags()
        }
    }
}

/// Options of the simulated market.
#[derive(Debug, Clone, Args)]
pub struct MarketArgs {
    /// The market's seed: the same seed gives the same market [default: 1, or that of the data directory].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Trades per second over all instruments, on average [default: 200].
    #[arg(long, value_name = "TRADES/S", value_parser = rate)]
    pub rate: Option<f64>,
    /// Only these, separated by commas: CoinGecko ids (bitcoin), tickers (BTC), symbols (BTCUSDT) or
    /// venue:symbol (kraken:BTC/USD) [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub instruments: Vec<String>,
    /// A fault to inject, as `kind:option=value,...`; may be repeated.
    #[arg(long = "fault", value_name = "SPEC")]
    pub faults: Vec<String>,
}

/// `demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// As for `up`.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// The market.
    #[command(flatten)]
    pub market: MarketArgs,
}

/// `simulate`
#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// Where the simulator keeps its epoch, so that a restart continues the same market.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address and port to serve on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    pub listen: SocketAddr,
    /// Port to serve on at 127.0.0.1: short for `--listen 127.0.0.1:PORT`.
    #[arg(long, value_name = "PORT", conflicts_with = "listen")]
    pub port: Option<u16>,
    /// The market.
    #[command(flatten)]
    pub market: MarketArgs,
    /// Serve this recording, in its venue's own format, instead of that venue's simulated market.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Speed of the replay: a factor, or `max` for as fast as it can be read.
    #[arg(long, value_name = "N|max", requires = "replay", default_value = "1")]
    pub speed: Speed,
}

impl SimulateArgs {
    /// Where to serve.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.map_or(self.listen, |port| {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
        })
    }
}

/// Speed of a replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// This many times as fast as it was recorded.
    Factor(f64),
    /// As fast as it can be read.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        positive(text, 1e6)
            .map(Self::Factor)
            .ok_or_else(|| "use a factor above 0 and at most 1000000, or max".to_owned())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    positive(text, 1e5).ok_or_else(|| "use a number above 0 and at most 100000".to_owned())
}

fn positive(text: &str, max: f64) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|number| *number > 0.0 && *number <= max)
}

/// A venue's name.
fn venue(text: &str) -> Result<String, String> {
    if coinsphere_pipelines::venues::named(text).is_some() {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = coinsphere_pipelines::venues::ALL
        .iter()
        .map(|protocol| protocol.venue().name())
        .collect();
    Err(format!("use one of {}", names.join(", ")))
}

/// `record`
#[derive(Debug, Clone, Args)]
pub struct RecordArgs {
    /// The venue, by its lower-case name.
    #[arg(long, value_parser = venue)]
    pub venue: String,
    /// Instruments to record, in the venue's own spelling, separated by commas.
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',', required = true)]
    pub instruments: Vec<String>,
    /// The file to write; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Connect here instead of the venue's public endpoint, e.g. to a simulator.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// `replay`
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// Recordings, oldest first, plain or gzipped.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The recordings' venue, if the frames alone do not show it.
    #[arg(long, value_parser = venue)]
    pub venue: Option<String>,
}

/// `candles`
#[derive(Debug, Clone, Args)]
pub struct CandlesArgs {
    /// The recording, plain or gzipped.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The recording's venue, where the frames alone do not tell.
    #[arg(long, value_parser = venue)]
    pub venue: Option<String>,
    /// The length of a candle: 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long, default_value = "1m")]
    pub interval: Interval,
    /// The output format.
    #[arg(long, value_enum, default_value_t = TableFormat::Csv)]
    pub format: TableFormat,
}

/// Where candles to learn from are: a file or the database.
#[derive(Debug, Clone, Args)]
pub struct CandleSourceArgs {
    /// A CSV of candles, plain or gzipped.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "token",
        conflicts_with = "token"
    )]
    pub candles: Option<PathBuf>,
    /// The stored candles of this asset, by CoinGecko id or ticker.
    #[arg(long, value_name = "ID")]
    pub token: Option<String>,
    /// The length of a candle: 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long, default_value = "1d")]
    pub interval: Interval,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `evaluate`
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    /// The candles.
    #[command(flatten)]
    pub source: CandleSourceArgs,
    /// Candles ahead to forecast.
    #[arg(long, value_name = "CANDLES", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub horizon: u16,
    /// The seed of everything random: the same seed gives the same report.
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// The output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A table.
    Text,
    /// One JSON object.
    Json,
}

/// Format of printed candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// `migrate`
#[derive(Debug, Clone, Args)]
pub struct MaintainArgs {
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// `doctor`
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Also connect to the database and list hypertables, chunks, compression and policies.
    #[arg(long)]
    pub database: bool,
}

#[cfg(test)]
mod tests;
