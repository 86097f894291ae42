//! State that the processes of one installation share and may lose: caches, counters, rate limits
//! and messages to one another. In this process ([`InProcess`]) or on Redis ([`OnRedis`]); one
//! conformance suite (`pipelines/tests/shared_state.rs`) holds both to the same promises.
//!
//! State that must not be forgotten (sessions, used codes, idempotency keys) belongs into the
//! database. This module knows nothing of HTTP or of what its keys mean.

mod in_process;
mod on_redis;
mod settings;
mod subscription;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use in_process::{InProcess, InProcessLimits};
pub use on_redis::{OnRedis, RedisConfig};
pub use settings::RedisSettings;
pub use subscription::{Heard, Subscription};

/// The longest key or channel name, in bytes.
pub const MAX_KEY: usize = 512;

/// The largest value or message, in bytes.
pub const MAX_VALUE: usize = 1 << 20;

/// Shared state. Every call answers or fails quickly: what is away is an error, never a wait.
#[async_trait]
pub trait SharedState: Send + Sync + Debug + 'static {
    /// The value under this key, unless its lifetime is over or it had to make room.
    ///
    /// # Errors
    /// When the state is away.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, SharedStateError>;

    /// Keeps a value for this long, in place of an older one.
    ///
    /// # Errors
    /// When the state is away, or key or value is too long.
    async fn put(
        &self,
        key: &str,
        value: Bytes,
        lifetime: Duration,
    ) -> Result<(), SharedStateError>;

    /// Keeps a value unless there is one; says whether it did. Of several at once one wins.
    ///
    /// # Errors
    /// When the state is away, or key or value is too long.
    async fn put_if_absent(
        &self,
        key: &str,
        value: Bytes,
        lifetime: Duration,
    ) -> Result<bool, SharedStateError>;

    /// Forgets a value or a counter; says whether there was one.
    ///
    /// # Errors
    /// When the state is away.
    async fn remove(&self, key: &str) -> Result<bool, SharedStateError>;

    /// Adds to a counter and answers the sum. The lifetime begins with the first addition; at its
    /// end the counter is 0 again.
    ///
    /// # Errors
    /// When the state is away, or the key is too long.
    async fn add(&self, key: &str, by: u64, lifetime: Duration) -> Result<u64, SharedStateError>;

    /// Lets one more pass if fewer than the window's limit have passed within its length up to now.
    /// Refusals do not count.
    ///
    /// # Errors
    /// When the state is away, or the key is too long.
    async fn pass(&self, key: &str, window: Window) -> Result<RateDecision, SharedStateError>;

    /// Tells everyone who has subscribed to the channel, this process too. Nobody may be there.
    ///
    /// # Errors
    /// When the state is away, or the message is too long.
    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), SharedStateError>;

    /// Hears what is published on the channel from now on. Outlasts times in which the state is
    /// away: what was or may have been missed is said.
    ///
    /// # Errors
    /// When the name is too long.
    async fn subscribe(&self, channel: &str) -> Result<Subscription, SharedStateError>;

    /// Returns whether the state answers.
    fn is_up(&self) -> bool;

    /// Where the state is, without secrets.
    fn place(&self) -> String;
}

/// A sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Number of passes within the length, at least 1.
    pub limit: u32,
    /// Time back over which passes are counted.
    pub length: Duration,
}

/// Decision of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateDecision {
    /// True if this one passed.
    pub allowed: bool,
    /// Number of passes left now.
    pub remaining: u32,
    /// After how long the oldest that counts no longer does: then one more may pass.
    pub frees_in: Duration,
}

/// Why shared state could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SharedStateError {
    /// It cannot be reached, or did not answer in time.
    #[error("shared state at {place} is away: {reason}")]
    Away {
        /// Where it is, without secrets.
        place: String,
        /// The failure.
        reason: String,
    },
    /// It refuses what we asked.
    #[error("shared state at {place} refused to {doing}: {reason}")]
    Refused {
        /// Where it is, without secrets.
        place: String,
        /// The operation attempted.
        doing: &'static str,
        /// Its words.
        reason: String,
    },
    /// A key, a channel's name or a value is longer than allowed.
    #[error("a {what} of {bytes} bytes is too long for shared state: at most {most}")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The greatest length allowed.
        most: usize,
    },
    /// The URL is none.
    #[error("cannot read the Redis URL: expected redis://host:port or rediss://host:port")]
    Url,
}

impl SharedStateError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

fn check_key(key: &str) -> Result<(), SharedStateError> {
    check_length("key", key.len(), MAX_KEY)
}

fn check_value(value: &Bytes) -> Result<(), SharedStateError> {
    check_length("value", value.len(), MAX_VALUE)
}

fn check_length(what: &'static str, bytes: usize, most: usize) -> Result<(), SharedStateError> {
    if bytes > most {
        return Err(SharedStateError::TooLong { what, bytes, most });
    }
    Ok(())
}
