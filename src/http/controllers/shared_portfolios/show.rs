//! `GET /api/v1/shared-portfolios/{secret}`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::user_portfolios::holdings;

/// A portfolio as a link shows it: no transactions, accounts or ids.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedPortfolio)]
pub(in crate::http) struct SharedPortfolioView {
    /// Its name.
    #[schema(example = "Long term")]
    name: String,
    /// Its currency.
    #[schema(example = "GBP")]
    currency: String,
    /// True if amounts are hidden.
    amounts_hidden: bool,
    /// The holdings.
    holdings: Vec<SharedHoldingView>,
}

/// A holding.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedHolding)]
pub(in crate::http) struct SharedHoldingView {
    /// The asset.
    #[schema(example = "bitcoin")]
    asset: String,
    /// Quantity; null if amounts are hidden.
    #[schema(example = "0.3")]
    quantity: Option<String>,
}

/// Shows a portfolio that was shared by a link.
#[utoipa::path(
    get, path = "/api/v1/shared-portfolios/{secret}", tag = "portfolios",
    params(("secret" = String, Path, description = "The secret of the link", example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")),
    responses(
        (status = 200, description = "The portfolio", body = SharedPortfolioView),
        (status = 404, description = "`not-found`: the link is unknown, or has ended")
    )
)]
pub(in crate::http) async fn show_shared_portfolio(
    State(state): State<PortfolioState>,
    Path(secret): Path<String>,
    params: Params,
) -> Result<NoStore<SharedPortfolioView>, Problem> {
    params.finish()?;
    let shared = state.portfolios.shared(&secret).await?;
    let (_, transactions) = state.portfolios.transactions(shared.portfolio.id).await?;
    let holdings = holdings(&transactions).into_iter();
    let holdings = holdings.map(|(asset, quantity)| SharedHoldingView {
        asset: asset.to_owned(),
        quantity: quantity
            .filter(|_| !shared.hide_amounts)
            .map(|quantity| quantity.normalized().to_string()),
    });
    Ok(NoStore(SharedPortfolioView {
        name: shared.portfolio.name,
        currency: shared.portfolio.settings.currency,
        amounts_hidden: shared.hide_amounts,
        holdings: holdings.collect(),
    }))
}
