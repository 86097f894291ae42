//! `PUT /api/v1/portfolios/{id}/categories/{asset}`

use axum::extract::{Path, State};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::CategoryView;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::{JsonBody, Line};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The category to put an asset in.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = CategoryRequest)]
pub(in crate::http) struct CategoryBody {
    /// Any name: assets with the same one are counted together.
    #[schema(value_type = String, example = "smart contracts", min_length = 1, max_length = 100)]
    category: Line,
}

/// Puts an asset of a portfolio in a category.
#[utoipa::path(
    put, path = "/api/v1/portfolios/{id}/categories/{asset}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("asset" = String, Path, description = "The asset: a token's id, a symbol that only one token has, the code of a currency, or a name of your own", example = "ethereum")
    ),
    request_body = CategoryBody,
    responses(
        (status = 200, description = "The category", body = CategoryView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: 1,000 assets have a category already")
    )
)]
pub(in crate::http) async fn put_category(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, asset)): Path<(String, String)>,
    params: Params,
    JsonBody(body): JsonBody<CategoryBody>,
) -> Result<NoStore<CategoryView>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let put = state
        .portfolios
        .categorize(principal.user.0, portfolio, &asset, &body.category)
        .await?;
    Ok(NoStore(put.into()))
}
