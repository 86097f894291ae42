//! The two signals that mean: stop in order.

use std::time::Duration;

use coinsphere_pipelines::task::spawn_bounded;
use tokio::signal::unix::{SignalKind, signal};

/// Signals this soon after the first are the same wish.
const DEBOUNCE: Duration = Duration::from_millis(500);

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
        tracing::info!("stopping; a second signal stops at once");
        spawn_bounded(async move {
            // Some callers send the first one twice, to the process and to its group.
            tokio::time::sleep(DEBOUNCE).await;
            let (Ok(mut interrupt), Ok(mut terminate)) = (
                signal(SignalKind::interrupt()),
                signal(SignalKind::terminate()),
            ) else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::warn!(
                "stopped at once: the next start reads from the log what was not written yet"
            );
            std::process::exit(130);
        });
    })
}
