//! `GET /api/v1/portfolios/{id}/categories`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::CategoryView;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The categories of a portfolio.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AssetCategories)]
pub(in crate::http) struct CategoriesView {
    /// Sorted by asset; at most 1,000.
    data: Vec<CategoryView>,
}

/// Lists the categories that you gave to assets of a portfolio.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/categories", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    responses(
        (status = 200, description = "The categories", body = CategoriesView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn list_categories(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
) -> Result<NoStore<CategoriesView>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    let categories = state.portfolios.categories(user, portfolio).await?;
    Ok(NoStore(CategoriesView {
        data: categories.into_iter().map(Into::into).collect(),
    }))
}
