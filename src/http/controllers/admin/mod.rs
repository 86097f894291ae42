//! Administration: the accounts of others, and jobs.

pub(in crate::http) mod jobs;
pub(in crate::http) mod users;
