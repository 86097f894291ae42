//! `GET /api/v1/auth/verify-email/{token}`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::Client;
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

/// Verifies an email address, new or changed, with the code from the email.
#[utoipa::path(
    get, path = "/api/v1/auth/verify-email/{token}", tag = "accounts",
    params(("token" = String, Path, description = "The code from the email", example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")),
    responses(
        (status = 200, description = "The address is verified", body = VerifiedView),
        (status = 404, description = "`invalid-link`"),
        (status = 409, description = "`email-taken`: somebody else has verified the address in the meantime")
    )
)]
pub(in crate::http) async fn verify_email(
    State(state): State<AccountState>,
    client: Client,
    Path(token): Path<String>,
    params: Params,
) -> Result<NoStore<VerifiedView>, Problem> {
    params.finish()?;
    let user = state.accounts.verify_email(&token, &client).await?;
    Ok(NoStore(VerifiedView {
        email: user.email,
        email_verified: user.email_verified,
    }))
}
