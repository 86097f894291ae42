//! Exports of Kraken: the ledgers, which are the truth, and the trades, which tell part of it again.

pub(super) mod ledgers;
mod returns;
pub(super) mod trades;
