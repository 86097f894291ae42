//! Command lines about alerts: which rules a recording fires; no database.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::venue;

/// `alerts`
#[derive(Debug, Clone, Subcommand)]
pub enum AlertsCommand {
    /// Say which rules the trades of a recording fire.
    #[command(after_help = "Examples:
  coinsphere alerts evaluate rules.json btc.jsonl.gz --venue binance

The rules are a JSON array: [{\"condition\": {\"kind\": \"price\", \"venue\": \"binance\", \"symbol\": \"BTCUSDT\",
\"operator\": \"crosses_up\", \"threshold\": \"60000\"}, \"repeat\": \"always\", \"cooldown_seconds\": 60}]. Each event is
one JSON line: {\"rule\": 0, \"trade_id\": 1, \"time\": \"2024-08-08T23:54:15.342Z\", \"price\": \"60000.01\"}, in the
order of the trades by (time, id), those of one trade in the order of the rules. docs/alerts.md describes
rules and when they fire. Exit status: 1 if a file is wrong, with the rule and the field, or has no trades.")]
    Evaluate(AlertsEvaluateArgs),
}

/// `alerts evaluate`
#[derive(Debug, Clone, Args)]
pub struct AlertsEvaluateArgs {
    /// The rules, a JSON array.
    #[arg(value_name = "RULES")]
    pub rules: PathBuf,
    /// The recording, plain or gzipped.
    #[arg(value_name = "RECORDING")]
    pub file: PathBuf,
    /// The recording's venue, where the frames alone do not tell.
    #[arg(long, value_parser = venue)]
    pub venue: Option<String>,
}
