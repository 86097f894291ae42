//! `GET` and `POST /api/v1/notification-links/{token}`. What looks at links before people do only sees a page: it is
//! the POST that acts, which mail programs send by RFC 8058 and people by the page's button.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;

use crate::http::extract::params::Params;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;
use crate::notifications::NotificationLink;

/// The page may send its form back, and nothing else.
const PAGE_POLICY: &str =
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

fn page(text: &str, button: Option<&str>) -> impl IntoResponse {
    let form =
        button.map(|button| format!("<form method=\"post\"><button>{button}</button></form>"));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    let form = form.unwrap_or_default();
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Coinsphere</title></head>\
         <body><p>{text}</p>{form}</body></html>"
    );
    (headers, page)
}

/// Shows what a link in a message does, with a button that does it.
#[utoipa::path(
    get, path = "/api/v1/notification-links/{token}", tag = "notifications",
    params(("token" = String, Path, description = "The link's secret")),
    responses(
        (status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 404, description = "`not-found`: there is no such link, or it is too old")
    )
)]
pub(in crate::http) async fn show_notification_link(
    State(state): State<NotificationState>,
    Path(token): Path<String>,
    params: Params,
) -> Result<impl IntoResponse, Problem> {
    params.finish()?;
    Ok(match state.notifications.read_link(&token)? {
        NotificationLink::Acknowledge { .. } => {
            page("Have you seen the alert?", Some("Acknowledge"))
        }
        NotificationLink::Unsubscribe { .. } => {
            page("Get no more emails by this channel?", Some("Unsubscribe"))
        }
    })
}

/// Does what a link in a message is for: acknowledges, or ends emails (RFC 8058). A body is not looked at.
#[utoipa::path(
    post, path = "/api/v1/notification-links/{token}", tag = "notifications",
    params(("token" = String, Path, description = "The link's secret")),
    responses(
        (status = 200, description = "A page that says that it is done", body = String, content_type = "text/html"),
        (status = 404, description = "`not-found`: there is no such link, or it is too old")
    )
)]
pub(in crate::http) async fn follow_notification_link(
    State(state): State<NotificationState>,
    Path(token): Path<String>,
    params: Params,
) -> Result<impl IntoResponse, Problem> {
    params.finish()?;
    let link = state.notifications.read_link(&token)?;
    state.notifications.follow_link(link).await?;
    Ok(match link {
        NotificationLink::Acknowledge { .. } => page("It is acknowledged.", None),
        NotificationLink::Unsubscribe { .. } => page(
            "You get no more emails by this channel. Verify it again to change that.",
            None,
        ),
    })
}
