//! The metrics recorder: what each metric means, and which histograms have which buckets. Names, units
//! and labels are fixed in `docs/metrics.md`; a test compares.

use metrics::Unit;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Gives every metric its type, unit and meaning. Call it once the recorder is installed.
pub fn describe() {
    for &(kind, name, meaning) in METRICS {
        let unit = match name {
            _ if name.ends_with("_seconds") => Unit::Seconds,
            _ if name.ends_with("_bytes") => Unit::Bytes,
            _ => Unit::Count,
        };
        match kind {
            Counter => metrics::describe_counter!(name, unit, meaning),
            Gauge => metrics::describe_gauge!(name, unit, meaning),
            Histogram => metrics::describe_histogram!(name, unit, meaning),
        }
    }
}

use Kind::{Counter, Gauge, Histogram};

/// Every metric of the program.
#[rustfmt::skip]
const METRICS: &[(Kind, &str, &str)] = &[
    (Counter, "coinsphere_account_events_total", "What happened to accounts"),
    (Gauge, "coinsphere_alerts_armed", "Alerts that trades are judged by"),
    (Histogram, "coinsphere_alerts_commit_seconds", "Time to make what fired durable, the log included"),
    (Counter, "coinsphere_alerts_events_total", "Events of alerts recorded"),
    (Gauge, "coinsphere_alerts_lag_records", "Records in the log that alerts have not judged yet"),
    (Counter, "coinsphere_alerts_overtaken_total", "Times another process had judged the same part of the log"),
    (Counter, "coinsphere_alerts_trades_total", "Trades that alerts read from the log"),
    (Counter, "coinsphere_audit_entries_total", "Audit entries stored"),
    (Counter, "coinsphere_audit_lost_total", "Audit entries that could not be stored"),
    (Counter, "coinsphere_audit_retries_total", "Batches of audit entries that had to wait for the database"),
    (Counter, "coinsphere_candles_closed_total", "1-minute candles closed"),
    (Counter, "coinsphere_candles_corrected_total", "Closed minutes rebuilt"),
    (Counter, "coinsphere_candles_gaps_total", "Gaps noted or changed"),
    (Gauge, "coinsphere_candles_lag_records", "Records in the log that are not built in yet"),
    (Gauge, "coinsphere_candles_pending", "Candles and gaps that wait for the store"),
    (Counter, "coinsphere_candles_trades_total", "Trades read from the log"),
    (Counter, "coinsphere_deliveries_total", "Attempts to send a message by a channel"),
    (Counter, "coinsphere_feed_complaints_total", "Times the venue asked to slow down or rejected a message"),
    (Gauge, "coinsphere_feed_connections", "Connections to the venue that are open"),
    (Counter, "coinsphere_feed_connects_total", "Connections made"),
    (Counter, "coinsphere_feed_decode_errors_total", "Frames not, or not wholly, decoded"),
    (Counter, "coinsphere_feed_disconnects_total", "Connections ended"),
    (Counter, "coinsphere_feed_frames_total", "Text frames received"),
    (Counter, "coinsphere_feed_refused_trades_total", "Decoded trades not used"),
    (Counter, "coinsphere_feed_trades_total", "Trades decoded and appended to the log"),
    (Counter, "coinsphere_forecasts_corrections_total", "Times a corrected candle made a model go back"),
    (Counter, "coinsphere_forecasts_drifts_total", "Times a model's errors were found to have grown"),
    (Gauge, "coinsphere_forecasts_models", "Series that have a model"),
    (Histogram, "coinsphere_forecasts_step_seconds", "How long one candle took one model"),
    (Counter, "coinsphere_forecasts_stored_total", "Forecasts stored that are new or different"),
    (Counter, "coinsphere_history_candles_total", "Imported candles that are new or different"),
    (Counter, "coinsphere_history_requests_total", "Requests for history that a venue answered"),
    (Counter, "coinsphere_http_limited_total", "Requests refused because a limit was reached"),
    (Counter, "coinsphere_http_limits_without_shared_total", "Requests that could not be counted in shared state"),
    (Histogram, "coinsphere_http_request_duration_seconds", "How long answering took, up to the headers"),
    (Gauge, "coinsphere_http_requests_in_flight", "Requests being answered"),
    (Counter, "coinsphere_http_requests_total", "Requests answered"),
    (Counter, "coinsphere_jobs_total", "Attempts to do a durable job"),
    (Gauge, "coinsphere_log_bytes", "Bytes the embedded log takes on disk"),
    (Gauge, "coinsphere_log_head_offset", "Offset of the next record of the partition"),
    (Gauge, "coinsphere_log_synced_offset", "Offset below which all records are durable"),
    (Gauge, "coinsphere_log_up", "1 while the log takes records"),
    (Counter, "coinsphere_mail_total", "Attempts to send an email"),
    (Counter, "coinsphere_part_restarts_total", "Times a part failed and was started again"),
    (Gauge, "coinsphere_part_status", "1 for the status that a part has, 0 for the others"),
    (Counter, "coinsphere_password_checks_total", "Passwords that were hashed to be compared, for unknown accounts too"),
    (Gauge, "coinsphere_portfolios_followed", "Portfolios whose live value somebody follows"),
    (Counter, "coinsphere_push_candles_total", "Candle states handed to the hub, listened to or not"),
    (Gauge, "coinsphere_push_clients", "Clients connected"),
    (Counter, "coinsphere_push_closed_total", "Streams ended"),
    (Counter, "coinsphere_push_coalesced_total", "Messages that replaced one still waiting in a mailbox"),
    (Histogram, "coinsphere_push_delay_seconds", "From handing a message to the hub to having written it to the socket"),
    (Counter, "coinsphere_push_dropped_total", "Batches, pieces and messages of the stream that were dropped"),
    (Counter, "coinsphere_push_forecasts_total", "Forecasts handed to the hub, listened to or not"),
    (Counter, "coinsphere_push_interrupted_total", "Times messages were lost on the way from another process and all clients were closed"),
    (Counter, "coinsphere_push_messages_total", "Messages put into clients' mailboxes"),
    (Counter, "coinsphere_push_refused_total", "Clients not let in"),
    (Gauge, "coinsphere_push_subscriptions", "Topics that clients are subscribed to, together"),
    (Counter, "coinsphere_push_too_slow_total", "Clients whose trades overflowed"),
    (Counter, "coinsphere_push_trades_total", "Trades handed to the hub, listened to or not"),
    (Counter, "coinsphere_repair_attempts_total", "Attempts to close a gap"),
    (Counter, "coinsphere_repair_trades_total", "Missing trades appended to the log"),
    (Counter, "coinsphere_revocation_lookups_total", "Requests for which the database had to be asked instead"),
    (Gauge, "coinsphere_revocations_live", "1 while sessions revoked by other processes are heard of as it happens"),
    (Counter, "coinsphere_shared_outages_total", "Times Redis stopped answering"),
    (Gauge, "coinsphere_shared_up", "1 while Redis answers"),
    (Counter, "coinsphere_store_candles_total", "Closed 1-minute candles in the commits written"),
    (Histogram, "coinsphere_store_commit_seconds", "How long a commit that succeeded took"),
    (Counter, "coinsphere_store_commits_total", "Commits written"),
    (Gauge, "coinsphere_store_connections", "Database connections"),
    (Counter, "coinsphere_store_retries_total", "Attempts that failed for now and were repeated"),
    (Counter, "coinsphere_store_slow_statements_total", "Statements over 100 ms"),
    (Gauge, "coinsphere_store_up", "1 while the database answers"),
    (Gauge, "coinsphere_trainer_last_seconds", "How long the last training took"),
    (Counter, "coinsphere_trainer_trainings_total", "Trainings that ended"),
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    fn documented() -> BTreeMap<String, String> {
        let page = include_str!("../../docs/metrics.md");
        let rows = page.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `coinsphere_")?.split(" | ");
            let name = cells.next()?.trim_end_matches('`');
            Some((format!("coinsphere_{name}"), cells.next()?.to_owned()))
        });
        rows.collect()
    }

    /// The names that the program's own code records.
    fn recorded(directory: &Path, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                recorded(&path, names);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for kind in ["counter!(", "gauge!(", "histogram!("] {
                    for call in text.split(kind).skip(1) {
                        let name = call.trim_start().strip_prefix("\"coinsphere_");
                        if let Some((name, _)) = name.and_then(|name| name.split_once('"')) {
                            names.insert(format!("coinsphere_{name}"));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_metric_is_described_documented_and_recorded() {
        let kinds = |kind: Kind| format!("{kind:?}").to_lowercase();
        let described: BTreeMap<String, String> = METRICS
            .iter()
            .map(|(kind, name, _)| ((*name).to_owned(), kinds(*kind)))
            .collect();
        assert_eq!(described, documented());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut names = BTreeSet::new();
        for part in ["src", "actors/src", "pipelines/src"] {
            recorded(&root.join(part), &mut names);
        }
        assert_eq!(described.into_keys().collect::<BTreeSet<_>>(), names);
    }

    #[test]
    fn names_and_help_are_as_promtool_wants_them() {
        let recorder = recorder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            for &(kind, name, _) in METRICS {
                match kind {
                    Counter => metrics::counter!(name).increment(1),
                    Gauge => metrics::gauge!(name).set(1.0),
                    Histogram => metrics::histogram!(name).record(1.0),
                }
            }
        });
        let text = handle.render();
        for &(kind, name, meaning) in METRICS {
            assert_eq!(name.ends_with("_total"), kind == Counter, "{name}");
            assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{name}");
            assert!(text.contains(&format!("# HELP {name} {meaning}")), "{name}");
            let kind = format!("{kind:?}").to_lowercase();
            assert!(text.contains(&format!("# TYPE {name} {kind}")), "{name}");
        }
    }
}
