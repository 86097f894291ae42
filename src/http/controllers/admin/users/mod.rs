//! Users, as admins see them.

pub(in crate::http) mod change;
pub(in crate::http) mod delete;
pub(in crate::http) mod list;
pub(in crate::http) mod sessions;
mod shapes;
pub(in crate::http) mod show;
