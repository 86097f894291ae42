//! The ways by which users are reached.

mod email;

pub(crate) use email::EmailChannel;
