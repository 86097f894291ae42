//! What other programs look for at well-known paths (RFC 8615).

pub(in crate::http) mod jwks;
