//! Idempotency keys: which mutation was asked for with a key, and what was answered. It knows the
//! table, and of HTTP only what an answer is made of.

mod table;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::market::ReadError;

pub use table::{IdempotencyKeys, IdempotencyUserData};

/// The time for which a key is remembered.
pub const LIFETIME: Duration = Duration::from_secs(86_400);

/// Who sent which key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// Whose it is: a user, or the address of who is not signed in.
    pub subject: Arc<str>,
    /// The client's text.
    pub key: String,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// State of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: this request is the first, and the key is taken now.
    First,
    /// Its first request is being answered, or never ended.
    InProgress,
    /// Its first request was another one.
    OtherRequest,
    /// It was answered.
    Answered(KeptAnswer),
}

/// Remembers keys and answers, through restarts and for all processes.
#[async_trait]
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Takes the key for a request with this digest, or says what is known of it. Of several at
    /// once one is the first.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    async fn begin(&self, key: &IdempotencyKey, request: [u8; 32]) -> Result<Begun, ReadError>;

    /// Keeps the answer.
    ///
    /// # Errors
    /// When the records cannot be written.
    async fn finish(&self, key: &IdempotencyKey, answer: &KeptAnswer) -> Result<(), ReadError>;

    /// Gives the key back: its request may be sent again and will be done again.
    ///
    /// # Errors
    /// When the records cannot be written.
    async fn give_back(&self, key: &IdempotencyKey) -> Result<(), ReadError>;
}
