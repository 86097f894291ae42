//! Instruments, by venue and the venue's own symbol.

pub(in crate::http) mod candles;
pub(in crate::http) mod list;
