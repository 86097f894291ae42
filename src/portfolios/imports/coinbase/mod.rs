//! What Coinbase exports: the retail report in its versions, and what was Pro, now Exchange.

mod halves;
mod notes;
pub(super) mod pro;
pub(super) mod retail;
