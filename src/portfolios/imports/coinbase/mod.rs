//! Exports of Coinbase: the retail report in its versions, and that of Pro, now Exchange.

mod halves;
mod notes;
pub(super) mod pro;
pub(super) mod retail;
mod trades;
