//! Sessions of browsers: signing in for a cookie, and CSRF tokens.

pub(in crate::http) mod csrf;
pub(in crate::http) mod login;
