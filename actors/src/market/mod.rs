//! From what venues send to stored candles: feeds append to the event log, candle actors build from
//! it, the committer writes what they found.

pub mod additions;
pub mod candle;
pub mod candle_store;
pub mod committer;
pub mod feed;
pub mod feeds;
pub mod messages;
pub mod pipeline;
pub mod repair;
