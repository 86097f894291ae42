//! Candles in, forecasts out. This crate knows arrays of floats and times, and nothing of venues,
//! actors, databases or HTTP: a caller turns its exact candles into [`Bar`]s, and a forecast's
//! floats into whatever it shows.
//!
//! Floats live here only. Randomness comes from seeds, and time from the candles themselves.

pub mod bar;
pub mod lstm;

pub use bar::{Bar, BarError, Interval};
