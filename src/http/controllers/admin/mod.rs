//! What admins do with the accounts of others.

pub(in crate::http) mod users;
