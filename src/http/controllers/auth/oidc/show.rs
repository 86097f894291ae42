//! `GET /api/v1/auth/oidc`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::AccountError;
use crate::http::extract::params::Params;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The identity provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IdentityProvider)]
pub(in crate::http) struct ProviderView {
    /// The label for the sign-in button.
    #[schema(example = "SSO")]
    label: String,
    /// The URL the button leads to.
    #[schema(example = "/api/v1/auth/oidc/login")]
    login: &'static str,
}

/// The identity provider for signing in, if there is one.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc", tag = "accounts",
    responses(
        (status = 200, description = "The provider", body = ProviderView),
        (status = 404, description = "`not-found`: none is configured")
    )
)]
pub(in crate::http) async fn show_oidc(
    State(state): State<AccountState>,
    params: Params,
) -> Result<Json<ProviderView>, Problem> {
    params.finish()?;
    let label = state.accounts.identity_provider();
    let label = label.ok_or(AccountError::Unknown("identity provider"))?;
    Ok(Json(ProviderView {
        label: label.to_owned(),
        login: "/api/v1/auth/oidc/login",
    }))
}
