//! The metrics recorder: which histograms have which buckets. Names, units and labels are fixed in
//! `docs/metrics.md`.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

/// Buckets for what should take milliseconds, in seconds.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// A recorder for `/metrics`, not yet installed: `recorder()?.install_recorder()` before any part
/// starts gives the handle that [`crate::http::ApiState`] wants; call the handle's `run_upkeep` every few
/// seconds.
///
/// # Errors
/// Never with these buckets: they are not empty.
pub fn recorder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
}
