//! Exports of Kraken: the ledgers, which are the truth, and the trades, which tell part of it again.

pub(super) mod ledgers;
pub(super) mod trades;
