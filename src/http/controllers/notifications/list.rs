//! `GET /api/v1/notifications`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::NotificationView;
use crate::http::extract::params::{Params, limit};
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// A page of notifications.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Notifications)]
pub(in crate::http) struct NotificationsView {
    /// Newest first.
    data: Vec<NotificationView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "1f")]
    next_cursor: Option<String>,
}

/// Lists your notifications, the newest first.
#[utoipa::path(
    get, path = "/api/v1/notifications", tag = "notifications",
    params(
        ("unread" = Option<bool>, Query, description = "True for those that were not read; by default all"),
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of notifications", body = NotificationsView)
    )
)]
pub(in crate::http) async fn list_notifications(
    State(state): State<NotificationState>,
    principal: Principal,
    mut params: Params,
) -> Result<NoStore<NotificationsView>, Problem> {
    let unread = params.take("unread", |text| {
        text.parse().map_err(|_| "use true or false".to_owned())
    });
    let most = params.take("limit", limit(500)).unwrap_or(100);
    let before = params.take("cursor", |text| {
        i64::from_str_radix(text, 16)
            .map_err(|_| "use a next_cursor from an answer to the same request".to_owned())
    });
    params.finish()?;
    // One more shows whether there is another page.
    let wanted = u32::try_from(most + 1).unwrap_or(u32::MAX);
    let mut list = state
        .notifications
        .inbox(principal.user.0, before, unread.unwrap_or(false), wanted)
        .await?;
    let more = list.len() > most;
    list.truncate(most);
    let last = list.last().filter(|_| more);
    Ok(NoStore(NotificationsView {
        next_cursor: last.map(|last| format!("{:x}", last.number)),
        data: list.into_iter().map(Into::into).collect(),
    }))
}
