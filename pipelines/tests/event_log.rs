//! Duties of every event log, run over each implementation, and the features that only one of them
//! has.
//!
//! The Fluvio cases need a running cluster: `COINSPHERE_TEST_FLUVIO` names its SC, as `host:port`.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is a failure; clippy does not know tests without its harness"
)]

#[path = "event_log/conformance.rs"]
mod conformance;
#[path = "event_log/embedded.rs"]
mod embedded;
#[path = "event_log/fixture.rs"]
mod fixture;
#[cfg(feature = "fluvio")]
#[path = "event_log/fluvio.rs"]
mod fluvio;
#[path = "event_log/full_disk.rs"]
mod full_disk;
#[path = "event_log/schema.rs"]
mod schema;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    // Being killed is a test of its own: this binary runs again as the victim.
    if embedded::run_as_victim() {
        return;
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(conformance::trials("memory", || fixture::Memory));
    trials.extend(conformance::trials("embedded", fixture::Embedded::new));
    trials.extend(embedded::trials());
    trials.extend(full_disk::trials());
    trials.extend(schema::trials());
    trials.extend(fluvio_trials());
    libtest_mimic::run(&arguments, trials).exit();
}

#[cfg(feature = "fluvio")]
fn fluvio_trials() -> Vec<Trial> {
    fluvio::trials()
}

#[cfg(not(feature = "fluvio"))]
fn fluvio_trials() -> Vec<Trial> {
    conformance::NAMES
        .iter()
        .map(|name| ignored(&format!("fluvio::{name}"), "the feature fluvio is off"))
        .collect()
}

/// A trial that cannot run here, and why.
fn ignored(name: &str, reason: &str) -> Trial {
    let reason = reason.to_owned();
    let report = reason.clone();
    Trial::test(format!("{name} (ignored: {reason})"), move || {
        Err(Failed::from(format!("cannot run here: {report}")))
    })
    .with_ignored_flag(true)
}
