//! The handlers: `<noun>/<verb>.rs`. Each validates, asks, and shapes an answer.

pub(super) mod admin;
pub(super) mod auth;
pub(super) mod health;
pub(super) mod instruments;
pub(super) mod metrics;
pub(super) mod models;
pub(super) mod predictions;
pub(super) mod stream;
pub(super) mod tokens;
pub(in crate::http) mod views;
pub(super) mod well_known;
