//! A category as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::user_portfolios::AssetCategory;

/// The category of an asset.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AssetCategory)]
pub(in crate::http) struct CategoryView {
    /// The asset.
    #[schema(example = "ethereum")]
    asset: String,
    /// Its category.
    #[schema(example = "smart contracts")]
    category: String,
}

impl From<AssetCategory> for CategoryView {
    fn from(of: AssetCategory) -> Self {
        Self {
            asset: of.asset,
            category: of.category,
        }
    }
}
