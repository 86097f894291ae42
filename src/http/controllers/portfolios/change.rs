//! `PATCH /api/v1/portfolios/{id}`

use axum::extract::{Path, State};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{Fields, PortfolioView, fees_in_kind, id, method, scope, time_zone};
use crate::http::extract::json::{JsonBody, Line};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::user_portfolios::SettingsChange;

/// The changes to a portfolio; absent fields stay as they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PortfolioChange)]
pub(in crate::http) struct ChangeBody {
    /// The name.
    #[schema(value_type = Option<String>, example = "Long term", min_length = 1, max_length = 100)]
    name: Option<Line>,
    /// The currency: it stays if any transaction has a value or cost.
    #[schema(example = "GBP", max_length = 256)]
    currency: Option<String>,
    /// The IANA time zone.
    #[schema(example = "Europe/London", max_length = 64)]
    time_zone: Option<String>,
    /// `fifo`, `lifo`, `hifo`, `average`, `uk` or `specific`.
    #[schema(example = "hifo", pattern = "^(fifo|lifo|hifo|average|uk|specific)$")]
    method: Option<String>,
    /// `portfolio` or `account`.
    #[schema(example = "account", pattern = "^(portfolio|account)$")]
    scope: Option<String>,
    /// `dispose` or `at_cost`.
    #[schema(example = "at_cost", pattern = "^(dispose|at_cost)$")]
    fees_in_kind: Option<String>,
}

/// Renames a portfolio or changes its settings.
#[utoipa::path(
    patch, path = "/api/v1/portfolios/{id}", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "The portfolio", body = PortfolioView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: there is a portfolio with this name, or transactions have values in the currency")
    )
)]
pub(in crate::http) async fn change_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<ChangeBody>,
) -> Result<NoStore<PortfolioView>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let mut fields = Fields::default();
    let change = SettingsChange {
        name: body.name.map(Line::into_string),
        time_zone: fields.read("time_zone", body.time_zone.as_deref(), time_zone),
        currency: body.currency,
        method: fields.read("method", body.method.as_deref(), method),
        scope: fields.read("scope", body.scope.as_deref(), scope),
        fees_in_kind: fields.read("fees_in_kind", body.fees_in_kind.as_deref(), fees_in_kind),
    };
    fields.finish()?;
    let changed = state
        .portfolios
        .change(principal.user.0, portfolio, change)
        .await?;
    Ok(NoStore(changed.into()))
}
