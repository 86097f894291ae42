//! `GET /api/v1/alerts/{id}/events`

use std::collections::HashMap;

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::id;
use crate::http::controllers::notifications::deliveries::DeliveryView;
use crate::http::extract::params::{Params, limit};
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;
use crate::user_alerts::AlertEvent;

/// An event, and how it was delivered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveredAlertEvent)]
pub(in crate::http) struct DeliveredEventView {
    #[serde(flatten)]
    event: AlertEvent,
    /// Its delivery by each channel.
    deliveries: Vec<DeliveryView>,
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertEvents)]
pub(in crate::http) struct EventsView {
    /// Newest first.
    data: Vec<DeliveredEventView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "1042")]
    next_cursor: Option<String>,
}

/// Lists the events of an alert, the newest first.
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}/events", tag = "alerts",
    params(
        ("id" = Uuid, Path, description = "The alert"),
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of events", body = EventsView),
        (status = 404, description = "`not-found`: the alert does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn list_alert_events(
    State(state): State<AlertState>,
    principal: Principal,
    Path(alert): Path<String>,
    mut params: Params,
) -> Result<NoStore<EventsView>, Problem> {
    let most = params.take("limit", limit(500)).unwrap_or(100);
    let before = params.take("cursor", |text| {
        text.parse::<i64>()
            .map_err(|_| "use a next_cursor from an answer to the same request".to_owned())
    });
    params.finish()?;
    // One more shows whether there is another page.
    let wanted = u32::try_from(most + 1).unwrap_or(u32::MAX);
    let mut events = state
        .alerts
        .events(principal.user.0, id(&alert)?, before, wanted)
        .await?;
    let has_more = events.len() > most;
    events.truncate(most);
    let last = events.last().filter(|_| has_more);
    let next_cursor = last.map(|event| event.cursor.to_string());
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let mut deliveries: HashMap<Uuid, Vec<DeliveryView>> = HashMap::new();
    for (id, delivery) in state.notifications.deliveries_of(&ids).await? {
        deliveries.entry(id).or_default().push(delivery.into());
    }
    let data = events
        .into_iter()
        .map(|event| DeliveredEventView {
            deliveries: deliveries.remove(&event.id).unwrap_or_default(),
            event,
        })
        .collect();
    Ok(NoStore(EventsView { data, next_cursor }))
}
