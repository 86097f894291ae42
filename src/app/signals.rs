//! The two signals that mean: stop in order.

use tokio::signal::unix::{SignalKind, signal};

/// Completes when the program is asked to stop: SIGINT (Ctrl-C) or SIGTERM. A second one, while
/// stopping, ends the program at once.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn stop_requested() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; once more to stop at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::warn!(
                "stopped at once: what was not yet written is found in the log at the next start"
            );
            std::process::exit(130);
        });
    })
}
