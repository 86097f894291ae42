//! `GET /api/v1/portfolios/{id}/share-links`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::ShareLinkView;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The links.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareLinks)]
pub(in crate::http) struct ShareLinksView {
    /// Newest first; at most 50.
    data: Vec<ShareLinkView>,
}

/// Lists the share links of a portfolio.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/share-links", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    responses(
        (status = 200, description = "The links", body = ShareLinksView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn list_share_links(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
) -> Result<NoStore<ShareLinksView>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let links = state
        .portfolios
        .share_links(principal.user.0, portfolio)
        .await?;
    let data = links.into_iter().map(Into::into).collect();
    Ok(NoStore(ShareLinksView { data }))
}
