//! `POST /api/v1/portfolios`

use axum::extract::State;
use axum::http::StatusCode;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{Fields, PortfolioView, fees_in_kind, method, scope, time_zone};
use crate::http::extract::json::{JsonBody, Line};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::{Method, Tz};
use crate::user_portfolios::PortfolioSettings;

/// The portfolio to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PortfolioRequest)]
pub(in crate::http) struct CreateBody {
    /// A name for it, unique among your portfolios.
    #[schema(value_type = String, example = "Long term", min_length = 1, max_length = 100)]
    name: Line,
    /// The currency of values, costs and prices: the code of a currency, or a token's id. `USD` if absent.
    #[schema(example = "GBP", max_length = 256)]
    currency: Option<String>,
    /// The IANA time zone that decides days and tax years. `UTC` if absent.
    #[schema(example = "Europe/London", max_length = 64)]
    time_zone: Option<String>,
    /// Method that chooses the lots of a disposal: `fifo` (default), `lifo`, `hifo`, `average`, `uk` or
    /// `specific`.
    #[schema(example = "uk", pattern = "^(fifo|lifo|hifo|average|uk|specific)$")]
    method: Option<String>,
    /// Scope of lots: the whole `portfolio` (default), or the `account` of the disposal.
    #[schema(example = "portfolio", pattern = "^(portfolio|account)$")]
    scope: Option<String>,
    /// Rule for fees in coins: `dispose` at market value (default), or `at_cost`.
    #[schema(example = "dispose", pattern = "^(dispose|at_cost)$")]
    fees_in_kind: Option<String>,
}

/// Creates an empty portfolio.
#[utoipa::path(
    post, path = "/api/v1/portfolios", tag = "portfolios",
    request_body = CreateBody,
    responses(
        (status = 201, description = "The portfolio", body = PortfolioView),
        (status = 409, description = "`conflict`: there is a portfolio with this name, or there are 100 already")
    )
)]
pub(in crate::http) async fn create_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    params: Params,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<(StatusCode, NoStore<PortfolioView>), Problem> {
    params.finish()?;
    let mut fields = Fields::default();
    let zone = fields.read("time_zone", body.time_zone.as_deref(), time_zone);
    let by = fields.read("method", body.method.as_deref(), method);
    let from = fields.read("scope", body.scope.as_deref(), scope);
    let fees = fields.read("fees_in_kind", body.fees_in_kind.as_deref(), fees_in_kind);
    fields.finish()?;
    let settings = PortfolioSettings {
        time_zone: zone.unwrap_or(Tz::UTC),
        currency: body.currency.unwrap_or_else(|| "USD".to_owned()),
        method: by.unwrap_or(Method::Fifo),
        scope: from.unwrap_or_default(),
        fees_in_kind: fees.unwrap_or_default(),
    };
    let made = state
        .portfolios
        .create(principal.user.0, &body.name, settings)
        .await?;
    Ok((StatusCode::CREATED, NoStore(made.into())))
}
