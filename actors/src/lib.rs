//! The running system: actors, their supervision, and what flows between them and out of them.

pub mod push;
