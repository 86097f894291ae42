//! How the server is doing.

pub(in crate::http) mod live;
pub(in crate::http) mod show;
