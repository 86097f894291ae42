//! `GET` and `DELETE /api/v1/admin/users/{id}/sessions`, `DELETE …/sessions/{session}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::id;
use crate::accounts::{AccountError, Client, SessionId};
use crate::http::controllers::auth::session_views::{SessionEntryView, page_of};
use crate::http::extract::cursor::PageRequest;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::AdminUser;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The sessions of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdministeredSessions)]
pub(in crate::http) struct SessionsView {
    /// Sessions that have not ended, most recently used first.
    data: Vec<SessionEntryView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "62746375736474")]
    next_cursor: Option<String>,
}

/// The sessions of a user.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}/sessions", tag = "administration",
    params(
        ("id" = Uuid, Path, description = "The user's id"),
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of the sessions", body = SessionsView),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn list_user_sessions(
    State(state): State<AccountState>,
    _: AdminUser,
    Path(user): Path<String>,
    mut params: Params,
) -> Result<NoStore<SessionsView>, Problem> {
    let page = PageRequest::take(&mut params);
    params.finish()?;
    let user = state.accounts.any_user(id(&user)?).await?;
    let (sessions, next_cursor) = page_of(&state, user.id, &page).await?;
    let data = sessions.into_iter().map(Into::into).collect();
    Ok(NoStore(SessionsView { data, next_cursor }))
}

/// Sessions that were ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedSessions)]
pub(in crate::http) struct EndedView {
    /// The number of sessions that were ended.
    #[schema(example = 2)]
    ended: usize,
}

/// Ends all sessions of a user immediately.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}/sessions", tag = "administration",
    params(("id" = Uuid, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The sessions have ended", body = EndedView),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn revoke_user_sessions(
    State(state): State<AccountState>,
    admin: AdminUser,
    client: Client,
    Path(user): Path<String>,
    params: Params,
) -> Result<NoStore<EndedView>, Problem> {
    params.finish()?;
    let ended = state
        .accounts
        .end_sessions_of(admin.user.id, id(&user)?, &client)
        .await?;
    Ok(NoStore(EndedView { ended }))
}

/// Ends a session of a user immediately.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}/sessions/{session}", tag = "administration",
    params(
        ("id" = Uuid, Path, description = "The user's id"),
        ("session" = Uuid, Path, description = "The session")
    ),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 404, description = "`not-found`: the session has ended already, or belongs to another user")
    )
)]
pub(in crate::http) async fn revoke_user_session(
    State(state): State<AccountState>,
    admin: AdminUser,
    client: Client,
    Path((user, session)): Path<(String, String)>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let session: Uuid = session
        .parse()
        .map_err(|_| AccountError::Unknown("session"))?;
    state
        .accounts
        .end_session_of(admin.user.id, id(&user)?, SessionId(session), &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
