//! `GET /api/v1/admin/jobs/{id}`

use axum::extract::{Path, State};

use super::views::{JobBody, id, unknown};
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::JobsState;

/// A job.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs/{id}", tag = "administration",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "The job", body = JobBody),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn show_job(
    _: AdminOrServerToken,
    State(state): State<JobsState>,
    Path(job): Path<String>,
    params: Params,
) -> Result<NoStore<JobBody>, Problem> {
    params.finish()?;
    let found = state.jobs.show(id(&job)?).await?;
    Ok(NoStore(found.ok_or_else(unknown)?.into()))
}
