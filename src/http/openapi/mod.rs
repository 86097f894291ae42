//! The OpenAPI document: what handlers say of their operations, completed with what applies to all.

mod document;
mod examples;
mod problems;

pub(in crate::http) use document::complete;
