//! `POST /api/v1/admin/jobs/{id}/cancel`

use axum::extract::{Path, State};

use super::views::{id, unknown};
use crate::http::client_address::ClientAddress;
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::JobsState;
use crate::jobs::JobView;

/// Cancels a job: one that waits at once, one that runs within seconds.
#[utoipa::path(
    post, path = "/api/v1/admin/jobs/{id}/cancel", tag = "administration",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "It is cancelled, or will be: `cancel_requested`", body = JobView),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`: it has ended already")
    )
)]
pub(in crate::http) async fn cancel_job(
    admin: AdminOrServerToken,
    State(state): State<JobsState>,
    from: ClientAddress,
    Path(job): Path<String>,
    params: Params,
) -> Result<NoStore<JobView>, Problem> {
    params.finish()?;
    let job = id(&job)?;
    let cancelled = state.jobs.cancel(job).await?;
    let found = state.jobs.show(job).await?.ok_or_else(unknown)?;
    if !cancelled {
        let detail = format!("it has ended already: {}", found.state.name());
        return Err(Problem::new(Kind::Conflict).with_detail(detail));
    }
    let act = admin.act("job.cancelled", true, from, job.to_string());
    state.admin_audit.note(act);
    Ok(NoStore(found))
}
