//! Administration: the accounts of others, jobs, and backfills.

pub(in crate::http) mod backfills;
pub(in crate::http) mod jobs;
pub(in crate::http) mod users;
