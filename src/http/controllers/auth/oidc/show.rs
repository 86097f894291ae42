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
pub(in crate::http) struct ProviderBody {
    /// What to write on the button.
    #[schema(example = "SSO")]
    label: String,
    /// Where the button leads.
    #[schema(example = "/api/v1/auth/oidc/login")]
    login: &'static str,
}

/// The identity provider that one may sign in by, if there is one.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc", tag = "accounts",
    responses(
        (status = 200, description = "The provider", body = ProviderBody),
        (status = 404, description = "`not-found`: none is configured")
    )
)]
pub(in crate::http) async fn show_oidc(
    State(state): State<AccountState>,
    params: Params,
) -> Result<Json<ProviderBody>, Problem> {
    params.finish()?;
    let label = state.accounts.identity_provider();
    let label = label.ok_or(AccountError::Unknown("identity provider"))?;
    Ok(Json(ProviderBody {
        label: label.to_owned(),
        login: "/api/v1/auth/oidc/login",
    }))
}
