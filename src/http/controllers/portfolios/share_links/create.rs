//! `POST /api/v1/portfolios/{id}/share-links`

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::ShareLinkView;
use crate::accounts::Client;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::{JsonBody, Line};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::middleware::idempotency::DoNotReplay;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::user_portfolios::NewShareLink;

/// The link to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = ShareLinkRequest)]
pub(in crate::http) struct CreateBody {
    /// A name for it.
    #[schema(value_type = String, example = "for the forum", min_length = 1, max_length = 100)]
    name: Line,
    /// Hides amounts; true if absent.
    hide_amounts: Option<bool>,
    /// Days until it ends, 1 to 3650; it never ends if absent.
    #[garde(range(min = 1, max = 3_650))]
    #[schema(example = 30, minimum = 1, maximum = 3650)]
    expires_in_days: Option<u32>,
}

/// A new link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewShareLink)]
pub(in crate::http) struct NewShareLinkView {
    #[serde(flatten)]
    link: ShareLinkView,
    /// The secret of the link, shown only once.
    #[schema(example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")]
    secret: String,
    /// The path that shows the portfolio.
    #[schema(example = "/api/v1/shared-portfolios/kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")]
    path: String,
}

/// Creates a link by which anybody may look at a portfolio, and do nothing else.
#[utoipa::path(
    post, path = "/api/v1/portfolios/{id}/share-links", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = CreateBody,
    responses(
        (status = 201, description = "The link with its secret", body = NewShareLinkView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: there are 50 links already")
    )
)]
pub(in crate::http) async fn create_share_link(
    State(state): State<PortfolioState>,
    principal: Principal,
    client: Client,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<
    (
        StatusCode,
        Extension<DoNotReplay>,
        NoStore<NewShareLinkView>,
    ),
    Problem,
> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let new = NewShareLink {
        name: body.name.into_string(),
        hide_amounts: body.hide_amounts.unwrap_or(true),
        days: body.expires_in_days,
    };
    let from = client.address.as_deref();
    let (link, secret) = state
        .portfolios
        .share(principal.user.0, portfolio, &new, from)
        .await?;
    let body = NewShareLinkView {
        link: link.into(),
        path: format!("/api/v1/shared-portfolios/{secret}"),
        secret,
    };
    Ok((StatusCode::CREATED, Extension(DoNotReplay), NoStore(body)))
}
