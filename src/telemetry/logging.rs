//! The program's own messages: their settings, and where they go.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// The program's own messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggingSettings {
    /// Level of logging, as a `tracing` filter, e.g. `info,coinsphere=debug`.
    pub filter: String,
    /// Format of log lines.
    pub format: LogFormat,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LoggingSettings {
    fn default() -> Self {
        Self {
            filter: "info,fjall=warn,lsm_tree=warn,refinery_core=warn,tokio_postgres=warn"
                .to_owned(),
            format: LogFormat::Text,
        }
    }
}

/// The program's own messages go to standard error, so that standard output is for results.
pub(crate) fn start_logging(settings: &LoggingSettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Whoever read them may have stopped: that is no reason to panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    let installed = match settings.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    installed.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

/// For commands without a configuration: warnings only.
pub(crate) fn start_plain_logging() -> anyhow::Result<()> {
    start_logging(&LoggingSettings {
        filter: "warn".to_owned(),
        format: LogFormat::Text,
    })
}
