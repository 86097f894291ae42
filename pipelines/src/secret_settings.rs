//! Settings that are secrets.

use secrecy::SecretString;
use serde::Serializer;

/// Settings are turned into a tree of keys; a secret never is. For `#[serde(serialize_with = …)]`.
///
/// # Errors
/// The serializer's.
pub fn never_serialized<S: Serializer>(
    _: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}
