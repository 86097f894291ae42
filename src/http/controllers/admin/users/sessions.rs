//! `GET` and `DELETE /api/v1/admin/users/{id}/sessions`, `DELETE …/sessions/{session}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::id;
use crate::accounts::{AccountError, Client, SessionId};
use crate::http::controllers::auth::session_views::{SessionBody, page_of};
use crate::http::extract::cursor::PageRequest;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::AdminUser;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Somebody's sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdministeredSessions)]
pub(in crate::http) struct SessionsBody {
    /// Those that have not ended, the one used last first.
    data: Vec<SessionBody>,
    /// Where the next page begins; null on the last.
    #[schema(example = "62746375736474")]
    next_cursor: Option<String>,
}

/// Somebody's sessions.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}/sessions", tag = "administration",
    params(
        ("id" = Uuid, Path, description = "Whose"),
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before")
    ),
    responses(
        (status = 200, description = "A page of the sessions", body = SessionsBody),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn list_user_sessions(
    State(state): State<AccountState>,
    _: AdminUser,
    Path(user): Path<String>,
    mut params: Params,
) -> Result<NoStore<SessionsBody>, Problem> {
    let page = PageRequest::take(&mut params);
    params.finish()?;
    let user = state.accounts.any_user(id(&user)?).await?;
    let (sessions, next_cursor) = page_of(&state, user.id, &page).await?;
    let data = sessions.into_iter().map(Into::into).collect();
    Ok(NoStore(SessionsBody { data, next_cursor }))
}

/// How many sessions were ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedSessions)]
pub(in crate::http) struct EndedBody {
    /// How many there were.
    #[schema(example = 2)]
    ended: usize,
}

/// Ends all of somebody's sessions, at once.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}/sessions", tag = "administration",
    params(("id" = Uuid, Path, description = "Whose")),
    responses(
        (status = 200, description = "They have ended", body = EndedBody),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn revoke_user_sessions(
    State(state): State<AccountState>,
    admin: AdminUser,
    client: Client,
    Path(user): Path<String>,
    params: Params,
) -> Result<NoStore<EndedBody>, Problem> {
    params.finish()?;
    let ended = state
        .accounts
        .end_sessions_of(admin.user.id, id(&user)?, &client)
        .await?;
    Ok(NoStore(EndedBody { ended }))
}

/// Ends one of somebody's sessions, at once.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}/sessions/{session}", tag = "administration",
    params(
        ("id" = Uuid, Path, description = "Whose"),
        ("session" = Uuid, Path, description = "The session")
    ),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, description = "`not-found`: it has ended already, or is somebody else's")
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
