//! `DELETE /api/v1/portfolios/{id}/share-links/{link}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::accounts::Client;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Ends a share link.
#[utoipa::path(
    delete, path = "/api/v1/portfolios/{id}/share-links/{link}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("link" = Uuid, Path, description = "The link")
    ),
    responses(
        (status = 204, description = "It shows nothing any more"),
        (status = 404, description = "`not-found`: there is no such link, or the portfolio belongs to another user")
    )
)]
pub(in crate::http) async fn revoke_share_link(
    State(state): State<PortfolioState>,
    principal: Principal,
    client: Client,
    Path((portfolio, link)): Path<(String, String)>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let (portfolio, link) = (id(&portfolio, "portfolio")?, id(&link, "link")?);
    let from = client.address.as_deref();
    state
        .portfolios
        .revoke_share_link(principal.user.0, portfolio, link, from)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
