//! Log messages, metrics and health of the program.

mod health;
mod health_report;
mod logging;
mod metrics;
mod metrics_upkeep;

pub use health::{HealthReport, ServiceHealth, ServiceStatus};
pub use health_report::HealthSource;
pub(crate) use health_report::LOG;
pub use logging::{LogFormat, LoggingSettings};
pub(crate) use logging::{start_logging, start_plain_logging};
pub use metrics::{describe, recorder};
pub(crate) use metrics_upkeep::keep as keep_metrics_tidy;
