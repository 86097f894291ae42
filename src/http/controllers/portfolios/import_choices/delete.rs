//! `DELETE /api/v1/portfolios/import-choices`

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::PortfolioState;

/// Forgets a remembered answer: the next import asks again. What was imported stays.
#[utoipa::path(
    delete, path = "/api/v1/portfolios/import-choices", tag = "portfolios",
    params(
        ("subject" = String, Query, description = "`ticker` or `operation`", example = "ticker"),
        ("name" = String, Query, description = "The ticker, as it is listed, or the word of the operation", example = "LUNA")
    ),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 404, description = "`not-found`: there is no such answer")
    )
)]
pub(in crate::http) async fn delete_import_choice(
    State(state): State<PortfolioState>,
    principal: Principal,
    mut params: Params,
) -> Result<StatusCode, Problem> {
    let subject = params.take_required("subject", |text| match text {
        "ticker" | "operation" => Ok(text.to_owned()),
        _ => Err("use ticker or operation".to_owned()),
    });
    let name = params.take_required("name", |text| match text.chars().count() {
        1..=256 => Ok(text.to_owned()),
        _ => Err("use a name of 1 to 256 characters".to_owned()),
    });
    params.finish()?;
    // Without them that has failed.
    let (subject, name) = subject
        .zip(name)
        .ok_or_else(|| Problem::new(Kind::InvalidRequest))?;
    state
        .portfolios
        .forget_import_choice(principal.user.0, &subject, &name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
