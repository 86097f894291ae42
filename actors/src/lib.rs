//! The running system: actix actors, supervision and flow control.
//!
//! Data travels through the event log; mailboxes carry small notices that may be dropped, because
//! the next one says more, and commands. The messages stand together in [`market::messages`]: reading
//! them is reading the pipeline.

pub mod database;
pub mod forecasting;
pub mod market;
pub mod push;
pub mod supervision;
