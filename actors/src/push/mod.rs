//! From the running system to many WebSocket clients: who wants what, each message serialised once,
//! and a bounded mailbox for every client. It knows nothing of sockets; `docs/stream.md` specifies
//! what clients see.
//!
//! Overflow: open candles and the values of portfolios are coalesced to the newest of their topic; closed
//! candles are kept a while, then the oldest is dropped, which the client is informed of; trades are never
//! dropped silently: when their queue is full the client is closed as too slow.

mod alerts;
mod client;
mod forecast;
mod hub;
mod mailbox;
mod message;
mod portfolios;
pub mod pusher;
pub mod relay;
mod subscribers;
mod topic;
mod traded;

pub use client::{Client, SubscribeError};
pub use forecast::{LEVELS, LiveForecast, horizon_name};
pub use hub::{LiveCandle, PushHub, PushLimits, PushState};
pub use mailbox::{Closed, Frame};
pub use topic::{Channel, Topic, TopicError};
pub use traded::{LastTrade, PriceFollower};

#[cfg(test)]
mod tests;
