//! The program: commands, configuration, wiring and the HTTP layer. A library so that tests can
//! reach its parts; `main.rs` is the binary.

pub mod accounts;
pub mod app;
pub mod audit;
pub mod cli;
pub mod commands;
pub mod config;
pub mod http;
pub mod store_source;
#[cfg(test)]
mod testing;
