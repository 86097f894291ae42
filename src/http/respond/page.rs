//! A page of a list.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Page<T> {
    /// The items.
    pub(in crate::http) data: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "62746375736474")]
    pub(in crate::http) next_cursor: Option<String>,
}
