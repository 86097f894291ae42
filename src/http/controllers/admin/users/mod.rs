//! Users, as admins see them.

pub(in crate::http) mod change;
pub(in crate::http) mod delete;
pub(in crate::http) mod list;
pub(in crate::http) mod sessions;
pub(in crate::http) mod show;
mod views;
