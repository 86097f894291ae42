//! `GET /api/v1/auth/sessions` and `DELETE /api/v1/auth/sessions/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::{AccountError, Client, SessionId, SessionView};
use crate::http::controllers::auth::session_views::{SessionEntryView, page_of};
use crate::http::extract::cursor::PageRequest;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(in crate::http) struct SessionsView {
    /// Sessions that have not ended, most recently used first.
    data: Vec<OwnSessionView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "62746375736474")]
    next_cursor: Option<String>,
}

/// A session of the current user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnSession)]
pub(in crate::http) struct OwnSessionView {
    #[serde(flatten)]
    session: SessionEntryView,
    /// True for the session of this request.
    current: bool,
}

/// Lists your sessions.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", tag = "accounts",
    params(
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of the sessions", body = SessionsView)
    )
)]
pub(in crate::http) async fn list_sessions(
    State(state): State<AccountState>,
    principal: Principal,
    mut params: Params,
) -> Result<NoStore<SessionsView>, Problem> {
    let page = PageRequest::take(&mut params);
    params.finish()?;
    let (sessions, next_cursor) = page_of(&state, principal.user, &page).await?;
    let own = |session: SessionView| OwnSessionView {
        current: Some(session.id) == principal.session,
        session: session.into(),
    };
    let data = sessions.into_iter().map(own).collect();
    Ok(NoStore(SessionsView { data, next_cursor }))
}

/// Ends one of your sessions immediately.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}", tag = "accounts",
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 404, description = "`not-found`: the session has ended already, or belongs to another user")
    )
)]
pub(in crate::http) async fn revoke_session(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    Path(id): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let id: Uuid = id.parse().map_err(|_| AccountError::Unknown("session"))?;
    state
        .accounts
        .revoke_session(principal.user, SessionId(id), &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
