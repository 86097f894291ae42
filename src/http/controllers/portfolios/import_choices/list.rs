//! `GET /api/v1/portfolios/import-choices`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The remembered answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportChoices)]
pub(in crate::http) struct ImportChoicesView {
    /// Sorted by subject and name; at most 10,000.
    data: Vec<ImportChoiceView>,
}

/// A remembered answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportChoice)]
pub(in crate::http) struct ImportChoiceView {
    /// `ticker` or `operation`.
    #[schema(example = "ticker")]
    subject: String,
    /// The ticker, also as `venue:TICKER`, or the word of the operation.
    #[schema(example = "LUNA")]
    name: String,
    /// The asset of a ticker; the kind of transaction of an operation, or `skip`.
    #[schema(example = "terra-luna-2")]
    meaning: String,
}

/// Lists the remembered answers to what imports did not know.
#[utoipa::path(
    get, path = "/api/v1/portfolios/import-choices", tag = "portfolios",
    responses((status = 200, description = "The answers", body = ImportChoicesView))
)]
pub(in crate::http) async fn list_import_choices(
    State(state): State<PortfolioState>,
    principal: Principal,
    params: Params,
) -> Result<NoStore<ImportChoicesView>, Problem> {
    params.finish()?;
    let choices = state.portfolios.import_choices(principal.user.0).await?;
    let choices = choices.into_iter().map(|choice| ImportChoiceView {
        subject: choice.subject,
        name: choice.name,
        meaning: choice.meaning,
    });
    Ok(NoStore(ImportChoicesView {
        data: choices.collect(),
    }))
}
