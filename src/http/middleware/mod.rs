//! Middleware around every request, in the order of [`layers`].

pub(in crate::http) mod access;
pub(in crate::http) mod api_key_policy;
pub(in crate::http) mod body_limit;
pub(in crate::http) mod browser;
pub(in crate::http) mod client_address;
pub(in crate::http) mod control_characters;
pub(in crate::http) mod etag;
pub(in crate::http) mod idempotency;
pub(in crate::http) mod identity;
pub(in crate::http) mod layers;
pub(in crate::http) mod limits;
pub(in crate::http) mod security_headers;
pub(in crate::http) mod signatures;
