//! `GET /api/v1/shared-portfolios/{secret}`

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::PortfolioState;
use crate::portfolios::report::ratio;
use crate::portfolios::{Decimal, Money};
use crate::user_portfolios::{HoldingValue, PortfolioError, Valuation};

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
    /// When it was valued, at the newest prices.
    #[schema(value_type = String, format = DateTime)]
    valued_at: Timestamp,
    /// Value of everything together; null if amounts are hidden, or a holding has no price.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
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
    #[schema(value_type = Option<String>, example = "0.3")]
    quantity: Option<Money>,
    /// The newest price; null if there is none.
    #[schema(value_type = Option<String>, example = "61820.01")]
    price: Option<Decimal>,
    /// Value; null if amounts are hidden, or there is no price.
    #[schema(value_type = Option<String>, example = "18546.003")]
    value: Option<Money>,
    /// Share of the value of everything: 0.75 is 75 %; null if a holding has no price.
    #[schema(example = "0.75")]
    share: Option<String>,
}

/// Holdings over all accounts, without amounts if they are hidden.
fn holdings(of_accounts: &[HoldingValue], hide_amounts: bool) -> Vec<SharedHoldingView> {
    let mut by_asset: BTreeMap<&str, (Money, Option<Money>, Option<Decimal>)> = BTreeMap::new();
    for holding in of_accounts {
        let price = holding.price.as_ref().map(|price| price.price);
        let sum = by_asset.entry(&holding.asset);
        let sum = sum.or_insert((Money::ZERO, Some(Money::ZERO), price));
        sum.0 += holding.quantity;
        sum.1 = sum.1.zip(holding.value).map(|(sum, value)| sum + value);
    }
    let whole: Option<Money> = by_asset.values().map(|(_, value, _)| *value).sum();
    let whole = whole.map(Money::to_f64).filter(|whole| *whole > 0.0);
    let shown = by_asset.into_iter();
    shown
        .map(|(asset, (quantity, value, price))| SharedHoldingView {
            asset: asset.to_owned(),
            quantity: Some(quantity).filter(|_| !hide_amounts),
            price,
            value: value.map(Money::rounded).filter(|_| !hide_amounts),
            share: value
                .zip(whole)
                .map(|(value, whole)| ratio(value.to_f64() / whole)),
        })
        .collect()
}

/// Shows a portfolio that was shared by a link.
#[utoipa::path(
    get, path = "/api/v1/shared-portfolios/{secret}", tag = "portfolios",
    params(("secret" = String, Path, description = "The secret of the link", example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")),
    responses(
        (status = 200, description = "The portfolio", body = SharedPortfolioView),
        (status = 404, description = "`not-found`: the link is unknown, or has ended"),
        (status = 409, description = "`conflict`: the portfolio cannot be computed")
    )
)]
pub(in crate::http) async fn show_shared_portfolio(
    State(state): State<PortfolioState>,
    Path(secret): Path<String>,
    params: Params,
) -> Result<NoStore<SharedPortfolioView>, Problem> {
    params.finish()?;
    let shared = state.portfolios.shared(&secret).await?;
    let portfolio = shared.portfolio;
    let snapshot = state.figures.of(&portfolio).await;
    let snapshot = snapshot.map_err(|error| match error {
        // Its reason names a transaction.
        PortfolioError::NotComputable(_) => {
            Problem::new(Kind::Conflict).with_detail("the portfolio cannot be computed")
        }
        other => other.into(),
    })?;
    let Valuation {
        at,
        value,
        holdings: of_accounts,
        ..
    } = state.figures.value(&snapshot);
    Ok(NoStore(SharedPortfolioView {
        name: portfolio.name,
        currency: portfolio.settings.currency,
        amounts_hidden: shared.hide_amounts,
        valued_at: at,
        value: value.filter(|_| !shared.hide_amounts),
        holdings: holdings(&of_accounts, shared.hide_amounts),
    }))
}
