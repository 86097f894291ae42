//! `GET /api/v1/admin/jobs`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::ListPlace;
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::cursor::PageRequest;
use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::JobsState;
use crate::jobs::{JobQuery, JobView};

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Jobs)]
pub(in crate::http) struct JobsView {
    /// Newest first.
    data: Vec<JobView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "62746375736474")]
    next_cursor: Option<String>,
}

/// Jobs, the newest first. Finished ones are kept for 30 days.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs", tag = "administration",
    params(
        ("state" = Option<String>, Query, description = "`waiting`, `running`, `done`, `failed` or `cancelled`; by default all"),
        ("kind" = Option<String>, Query, description = "Of this kind only"),
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of jobs", body = JobsView)
    )
)]
pub(in crate::http) async fn list_jobs(
    _: AdminOrServerToken,
    State(state): State<JobsState>,
    mut params: Params,
) -> Result<NoStore<JobsView>, Problem> {
    let wanted = params.take("state", str::parse);
    let kind = params.take("kind", kind);
    let page = PageRequest::take(&mut params);
    params.finish()?;
    let asked = JobQuery {
        state: wanted,
        kind,
        after: page.after.map(|place| (place.at, place.id)),
        limit: page.to_read(),
    };
    let mut jobs = state.jobs.list(&asked).await?;
    let next_cursor = page.cut(&mut jobs, |job| ListPlace {
        at: job.created_at,
        id: job.id,
    });
    Ok(NoStore(JobsView {
        data: jobs,
        next_cursor,
    }))
}

/// Parses a kind; nothing else reaches the database.
fn kind(text: &str) -> Result<String, String> {
    let fits = (1..=80).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| "use a kind of 1 to 80 characters, e.g. forecasts.train".to_owned())
}
