//! `GET /api/v1/auth/verify-email/{token}`

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::Client;
use crate::http::dashboard;
use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// An email address that has been verified.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerifiedEmail)]
pub(in crate::http) struct VerifiedView {
    /// The address.
    #[schema(example = "ada@example.org")]
    email: String,
    /// Always true.
    email_verified: bool,
}

/// Verifies an email address, new or changed, with the code from the email. A browser that opens the link is sent to
/// the dashboard's page, which does so: a program that looks at links in emails verifies nothing.
#[utoipa::path(
    get, path = "/api/v1/auth/verify-email/{token}", tag = "accounts",
    params(("token" = String, Path, description = "The code from the email", example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")),
    responses(
        (status = 200, description = "The address is verified", body = VerifiedView),
        (status = 303, description = "For browsers, if the server has a dashboard: its page verifies the address"),
        (status = 404, description = "`invalid-link`"),
        (status = 409, description = "`email-taken`: somebody else has verified the address in the meantime")
    )
)]
pub(in crate::http) async fn verify_email(
    State(state): State<AccountState>,
    client: Client,
    Path(token): Path<String>,
    asked: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    if let Some(page) = dashboard::page_of_link("/verify-email/", &token, &asked) {
        return Ok(page);
    }
    let user = state.accounts.verify_email(&token, &client).await?;
    Ok(NoStore(VerifiedView {
        email: user.email,
        email_verified: user.email_verified,
    })
    .into_response())
}
