//! The digest of a body (RFC 9530, section 2): `Content-Digest: sha-256=:…:`, over the bytes as they
//! are sent, before any decompression.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, HeaderName};
use sfv::{BareItem, ListEntry};
use sha2::{Digest as _, Sha256};

use super::Fault;
use super::claim::dictionary;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Checks the body against its `sha-256`. Digests of other kinds may stand next to it.
pub(super) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
    let digests = dictionary(headers, &CONTENT_DIGEST).map_err(|_| Fault::WrongDigest)?;
    let Some(ListEntry::Item(item)) = digests.get("sha-256") else {
        return Err(Fault::WrongDigest);
    };
    let BareItem::ByteSequence(claimed) = &item.bare_item else {
        return Err(Fault::WrongDigest);
    };
    verify_slices_are_equal(claimed, &Sha256::digest(body)).map_err(|_| Fault::WrongDigest)
}
