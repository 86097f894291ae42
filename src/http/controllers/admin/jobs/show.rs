//! `GET /api/v1/admin/jobs/{id}`

use axum::extract::{Path, State};

use super::views::{id, unknown};
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::JobsState;
use crate::jobs::JobView;

/// A job.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs/{id}", tag = "administration",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = JobView),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn show_job(
    _: AdminOrServerToken,
    State(state): State<JobsState>,
    Path(job): Path<String>,
    params: Params,
) -> Result<NoStore<JobView>, Problem> {
    params.finish()?;
    let found = state.jobs.show(id(&job)?).await?;
    found.map(NoStore).ok_or_else(unknown)
}
