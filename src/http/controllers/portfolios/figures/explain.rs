//! `GET /api/v1/portfolios/{id}/explain`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use crate::http::extract::params::{Params, limit};
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::PortfolioState;
use crate::portfolios::explain::{ExplainError, Figure, MOST_PARTS, Step};

/// The parts of a step that are listed if nothing else is asked for.
const PARTS: usize = 20;

/// A figure, and the chain of what it is made of: disposals, holdings, lots, transactions, prices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub(in crate::http) struct StepView {
    /// Kind of step: `figure`, `disposal`, `holding`, `lot`, `transaction`, `price`, `period`, `day`, `flow`
    /// or `input`, a number that the rule names.
    #[schema(example = "figure")]
    kind: &'static str,
    /// Which one: the figure, a transaction's id, a disposal's number, an asset.
    #[schema(example = "realized")]
    name: String,
    /// Rule by which it follows from its parts.
    #[schema(example = "the sum of the gains of all disposals")]
    rule: Option<&'static str>,
    /// When.
    #[schema(example = "2025-05-14")]
    date: Option<String>,
    /// Of which asset.
    #[schema(example = "bitcoin")]
    asset: Option<String>,
    /// In which account.
    #[schema(example = "binance")]
    account: Option<String>,
    /// Quantity of the asset.
    #[schema(value_type = Option<String>, example = "0.25")]
    quantity: Option<String>,
    /// Contribution to the step above it: an amount, a ratio, or the price of a price.
    #[schema(value_type = Option<String>, example = "4310.2")]
    amount: Option<String>,
    /// Why the amount is not known, or a word on it.
    note: Option<String>,
    /// Parts, the largest first: each has this shape again.
    #[schema(value_type = Vec<Object>)]
    parts: Vec<StepView>,
    /// Number of smaller parts that are not listed.
    #[schema(example = 0)]
    left_out: usize,
    /// Sum of those.
    #[schema(value_type = Option<String>, example = "12.5")]
    left_out_amount: Option<String>,
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        Self {
            kind: step.kind,
            name: step.name,
            rule: Some(step.rule).filter(|rule| !rule.is_empty()),
            date: step.date,
            asset: step.asset,
            account: step.account,
            quantity: step.quantity,
            amount: step.amount,
            note: step.note,
            parts: step.parts.into_iter().map(Into::into).collect(),
            left_out: step.left_out,
            left_out_amount: step.left_out_amount,
        }
    }
}

/// Breaks a figure of a portfolio down to transactions, lots and prices. It goes by closing prices,
/// with the newest price for today.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/explain", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("figure" = String, Query, description = "`realized`, `unrealized`, `income`, `fees`, `transfer_fees`, `value`, `net_invested`, `implied_deposits`, `swap_differences`, `unexplained`, `twr`, `xirr`, `xirr_over_span`, `modified_dietz`, `simple_return`, `max_drawdown`, `volatility`, `sharpe`, `sortino`, `value_at_risk_95`, `expected_shortfall_95`, `hhi`, `value:ASSET`, `unrealized:ASSET`, `quantity:ASSET`, `basis:ASSET`, `basis:ASSET:ACCOUNT`, `disposal:NUMBER` (from 0) or `transaction:ID`", example = "realized"),
        ("parts" = Option<usize>, Query, description = "Number of parts listed of each step, 1 to 100, by default 20", minimum = 1, maximum = 100)
    ),
    responses(
        (status = 200, description = "The figure and its parts", body = StepView),
        (status = 404, description = "`not-found`: the portfolio does not exist or belongs to another user, or it has no such disposal, asset or transaction"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn explain_figure(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<StepView>, Problem> {
    let figure = params.take_required("figure", |text| {
        text.parse::<Figure>().map_err(|error| error.to_string())
    });
    let parts = params.take("parts", limit(MOST_PARTS)).unwrap_or(PARTS);
    params.finish()?;
    // Without it that has failed.
    let figure = figure.ok_or_else(|| Problem::new(Kind::InvalidRequest))?;
    let portfolio = id(&portfolio, "portfolio")?;
    let asked = move |computed: &crate::portfolios::Computed| computed.explain(&figure, parts);
    let user = principal.user.0;
    let (_, step) = state.figures.ask(user, portfolio, asked).await?;
    let step = step.map_err(|error| match error {
        ExplainError::NotThere(_) => Problem::new(Kind::NotFound).with_detail(error.to_string()),
        ExplainError::Figure(_) => {
            Problem::new(Kind::InvalidRequest).with_detail(error.to_string())
        }
    })?;
    Ok(NoStore(step.into()))
}
