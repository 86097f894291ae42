//! What admins do with the accounts of others, and with jobs.

pub(in crate::http) mod jobs;
pub(in crate::http) mod users;
