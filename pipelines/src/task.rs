//! Where tasks begin that nobody supervises. A loop that is to run as long as the program is a supervised
//! part instead; clippy refuses a bare `tokio::spawn`.

use std::future::Future;

use tokio::task::JoinHandle;

/// Runs work next to its caller that ends by itself, or with what it belongs to and who watches that: a
/// request, a connection, a subscription.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where such work begins"
)]
pub fn spawn_bounded<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(work)
}
