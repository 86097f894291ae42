//! Extractors: what a handler needs of a request, checked before the handler runs.

pub(in crate::http) mod admin;
pub(in crate::http) mod cursor;
pub(in crate::http) mod json;
pub(in crate::http) mod params;
pub(in crate::http) mod series;
