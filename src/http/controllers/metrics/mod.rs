//! Measurements.

pub(in crate::http) mod show;
