//! The command line of forecasting models: training, forecasting, and which version serves.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use coinsphere_ml::Interval;
use coinsphere_ml::model::ModelId;

use super::{PlaceArgs, ReportFormat};

/// Which candles a model is trained on or forecasts from.
#[derive(Debug, Clone, Args)]
pub struct CandleInputArgs {
    /// Read candles from this CSV file, plain or gzipped, instead of the database.
    #[arg(long, value_name = "FILE", required_unless_present = "token")]
    pub candles: Option<PathBuf>,
    /// The token, by CoinGecko id or ticker: its candles are read from the database; with --candles,
    /// the token whose models are used [default with --candles: named after the file].
    #[arg(long, value_name = "ID")]
    pub token: Option<String>,
    /// The length of a candle: 1m, 5m, 15m, 1h, 4h or 1d.
    #[arg(long, default_value = "1d")]
    pub interval: Interval,
    /// The maximum number of candles to use, the newest ones.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = candles)]
    pub most_candles: usize,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Where models are kept.
#[derive(Debug, Clone, Args)]
pub struct RegistryArgs {
    /// The directory of models [default: models in the data directory].
    #[arg(long, value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
}

/// When a trained version starts to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PromoteWhen {
    /// If it beats the serving one on the newest candles.
    Better,
    /// Always.
    Always,
    /// Never: `coinsphere models promote` makes it serve.
    Never,
}

/// `train`
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// The candles.
    #[command(flatten)]
    pub input: CandleInputArgs,
    /// The directory of models that it is stored in.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Candles ahead to forecast, separated by commas [default: 1, 24, 168 for 1h candles;
    /// 1, 7 for 1d; else 1].
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub horizons: Vec<usize>,
    /// Continue training the serving version's networks on the newest and some older candles, instead
    /// of evaluating and training from scratch.
    #[arg(long)]
    pub update: bool,
    /// The seed of everything random.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// A JSON file of training settings: docs/models.md lists them.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// When the version starts to serve.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = PromoteWhen::Better)]
    pub promote: PromoteWhen,
    /// Draw the loss curves into this SVG file.
    #[arg(long, value_name = "FILE")]
    pub chart: Option<PathBuf>,
    /// The format of the report.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// `predict`
#[derive(Debug, Clone, Args)]
pub struct PredictArgs {
    /// The candles.
    #[command(flatten)]
    pub input: CandleInputArgs,
    /// Where models are kept.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// The version [default: the one that serves].
    #[arg(long, value_name = "ID")]
    pub model: Option<ModelId>,
    /// The output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// `models`
#[derive(Debug, Clone, Args)]
pub struct ModelsArgs {
    /// The command.
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// Which registry.
#[derive(Debug, Clone, Args)]
pub struct WhereArgs {
    /// Where models are kept.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Where data and configuration are.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// The output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// Commands for models.
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// List every version, and which one serves.
    List(WhereArgs),
    /// Show the card of a version.
    Show {
        /// The version.
        id: ModelId,
        /// Which registry.
        #[command(flatten)]
        place: WhereArgs,
    },
    /// Make a version serve.
    Promote {
        /// The version.
        id: ModelId,
        /// Which registry.
        #[command(flatten)]
        place: WhereArgs,
    },
    /// Roll back to the version that served before.
    Rollback {
        /// The token, by CoinGecko id.
        #[arg(long, value_name = "ID")]
        token: String,
        /// The length of a candle.
        #[arg(long, default_value = "1d")]
        interval: Interval,
        /// Which registry.
        #[command(flatten)]
        place: WhereArgs,
    },
    /// Import PyTorch weights (.pt) of the same architecture as a version. It serves once promoted.
    Import(ImportArgs),
}

/// `models import`
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The file of weights: a state dict of nn.LSTM layers and a linear one.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The candles that scale its inputs, calibrate its intervals and measure its skill.
    #[command(flatten)]
    pub input: CandleInputArgs,
    /// The directory of models that it is stored in.
    #[command(flatten)]
    pub registry: RegistryArgs,
    /// Candles ahead that each output forecasts, separated by commas [default: as for train].
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub horizons: Vec<usize>,
    /// The output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

fn candles(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|count| (120..=200_000).contains(count))
        .ok_or_else(|| "use a number from 120 to 200000".to_owned())
}
