//! What the program says about itself: messages, metrics and health.

mod health;
mod health_report;
mod logging;
mod metrics;

pub use health::{HealthReport, ServiceHealth, ServiceStatus};
pub(crate) use health_report::keep as keep_health_report;
pub use logging::{LogFormat, LoggingSettings};
pub(crate) use logging::{start_logging, start_plain_logging};
pub use metrics::{describe, recorder};
