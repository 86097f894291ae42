//! Helpers that the benches of the whole program share: a runtime for so many seconds, a program that is
//! stopped with them, and how what they measured is printed.

pub(crate) mod client;
pub(crate) mod program;
pub(crate) mod venue;

use std::time::Duration;

/// Runs a bench for as many seconds as the command line says.
pub(crate) fn run_for<F: Future<Output = ()>>(seconds: u64, bench: impl FnOnce(Duration) -> F) {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(bench(Duration::from_secs(asked.unwrap_or(seconds))));
}

/// Quantiles.
pub(crate) fn summary(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!(
        "p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, most {:.2} ms ({} measured)",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        took.len()
    )
}
