//! `GET /api/v1/portfolios/{id}/imports`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::PortfolioImportView;
use crate::accounts::ListPlace;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::cursor::PageRequest;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioImports)]
pub(in crate::http) struct PortfolioImportsView {
    /// Newest first.
    data: Vec<PortfolioImportView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "62746375736474")]
    next_cursor: Option<String>,
}

/// Lists the imports of a portfolio that have not been undone.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/imports", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of imports", body = PortfolioImportsView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn list_portfolio_imports(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<PortfolioImportsView>, Problem> {
    let page = PageRequest::take(&mut params);
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let mut imports = state
        .portfolios
        .imports(principal.user.0, portfolio, page.after, page.to_read())
        .await?;
    let next_cursor = page.cut(&mut imports, |import| ListPlace {
        at: import.created_at,
        id: import.id,
    });
    let data = imports.into_iter().map(Into::into).collect();
    Ok(NoStore(PortfolioImportsView { data, next_cursor }))
}
