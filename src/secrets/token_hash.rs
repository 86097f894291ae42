//! Tokens that are stored as hashes only, and types that hold secrets.

use aws_lc_rs::digest::{SHA256, digest};

/// Stored form of a token that has 256 random bits: SHA-256, which cannot be guessed back.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// `Debug` for types that hold secrets: their name alone.
macro_rules! hidden_debug {
    ($($type:ty),+) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )+};
}
pub(crate) use hidden_debug;
