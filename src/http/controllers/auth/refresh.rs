//! `POST /api/v1/auth/refresh`

use axum::extract::State;
use axum::http::HeaderMap;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::TokenPairView;
use crate::accounts::Client;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::limits::{Class, Verdict};
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The refresh token to exchange.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = Refresh)]
pub(in crate::http) struct RefreshBody {
    /// The newest refresh token of the session.
    #[schema(example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")]
    refresh_token: String,
}

/// Exchanges a refresh token for the next pair.
///
/// A refresh token is valid for one exchange. If it is sent again within a second, because the
/// answer got lost, the same refresh token is returned; after that, reuse is treated as theft and
/// ends the session.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "accounts",
    request_body = RefreshBody,
    responses(
        (status = 200, description = "The next pair of tokens", body = TokenPairView),
        (status = 401, description = "`invalid-refresh-token`, `refresh-token-reused`")
    )
)]
pub(in crate::http) async fn refresh_tokens(
    State(state): State<AccountState>,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<RefreshBody>,
) -> Result<(HeaderMap, NoStore<TokenPairView>), Problem> {
    params.finish()?;
    let token = body.refresh_token;
    let mut counted = None;
    if let Some(user) = state.accounts.refresh_token_holder(&token).await? {
        let subject = user.0.to_string();
        counted = state.limits.count_for(Class::User, &subject).await?;
    }
    let tokens = state.accounts.refresh(&token, &client).await?;
    let limit: HeaderMap = counted.iter().flat_map(Verdict::headers).collect();
    Ok((limit, NoStore(tokens.into())))
}
