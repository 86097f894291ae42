//! The running system: actix actors, supervision and flow control.
//!
//! Data travels through the event log; mailboxes carry small notices that may be dropped, because
//! the next one says more, and commands. The messages stand together in [`messages`]: reading them
//! is reading the pipeline.

pub mod board;
pub mod candle;
mod database;
pub mod feed;
pub mod messages;
pub mod part;
pub mod predictor;
pub mod push;
pub mod pusher;
pub mod slot;
pub mod store;
pub mod supervisor;
pub mod trainer;
