//! `GET /api/v1/shared-portfolios/{secret}`

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::extract::{Path, State};
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::PortfolioState;
use crate::portfolios::analysis::category_of;
use crate::portfolios::report::{PerformanceView, ratio};
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
    /// Its performance.
    performance: SharedPerformanceView,
    /// The holdings.
    holdings: Vec<SharedHoldingView>,
    /// The same by category: the one that its user gave to an asset, else `money`, `stablecoins` or `coins`; the
    /// largest first.
    by_category: Vec<SharedCategoryView>,
}

/// Performance in ratios: 0.21 is 21 %. A figure that has no meaning is null, and its `…_reason` says why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedPerformance)]
pub(in crate::http) struct SharedPerformanceView {
    /// The time-weighted return of the whole time.
    #[schema(example = "0.214")]
    twr: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    twr_reason: Option<String>,
    /// The money-weighted return a year.
    #[schema(example = "0.187")]
    xirr: Option<String>,
    /// Why it is null.
    #[schema(example = "all flows are on one day: a rate needs time")]
    xirr_reason: Option<String>,
    /// The deepest fall of the time-weighted index below its highest point.
    #[schema(example = "-0.31")]
    max_drawdown: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    max_drawdown_reason: Option<String>,
    /// The gain since the end of yesterday, without what flowed in or out.
    #[schema(example = "-0.001945395")]
    day_change_ratio: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    day_change_ratio_reason: Option<&'static str>,
}

impl SharedPerformanceView {
    fn new(performance: &PerformanceView, valuation: &Valuation) -> Self {
        let day_change_ratio = valuation.day_change_ratio.map(ratio);
        Self {
            twr: performance.twr.clone(),
            twr_reason: performance.twr_reason.clone(),
            xirr: performance.xirr.clone(),
            xirr_reason: performance.xirr_reason.clone(),
            max_drawdown: performance.max_drawdown.clone(),
            max_drawdown_reason: performance.max_drawdown_reason.clone(),
            day_change_ratio_reason: match day_change_ratio {
                Some(_) => None,
                None => valuation.day_change_reason,
            },
            day_change_ratio,
        }
    }
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

/// The holdings of a category.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedCategory)]
pub(in crate::http) struct SharedCategoryView {
    /// The category.
    #[schema(example = "coins")]
    name: String,
    /// Value; null if amounts are hidden, or there is no price.
    #[schema(value_type = Option<String>, example = "18546.003")]
    value: Option<Money>,
    /// Share of the value of everything: 0.75 is 75 %; null if a holding has no price.
    #[schema(example = "0.75")]
    share: Option<String>,
}

/// An asset over all accounts.
struct Held {
    quantity: Money,
    value: Option<Money>,
    price: Option<Decimal>,
}

/// Holdings over all accounts, by asset.
fn held(of_accounts: &[HoldingValue]) -> BTreeMap<&str, Held> {
    let mut by_asset: BTreeMap<&str, Held> = BTreeMap::new();
    for holding in of_accounts {
        let sum = by_asset.entry(&holding.asset).or_insert_with(|| Held {
            quantity: Money::ZERO,
            value: Some(Money::ZERO),
            price: holding.price.as_ref().map(|price| price.price),
        });
        sum.quantity += holding.quantity;
        sum.value = added(sum.value, holding.value);
    }
    by_asset
}

fn added(sum: Option<Money>, value: Option<Money>) -> Option<Money> {
    sum.zip(value).map(|(sum, value)| sum + value)
}

/// What a link shows of holdings.
struct Shown {
    hide_amounts: bool,
    /// Value of everything together, if it is known and not nothing.
    whole: Option<f64>,
}

impl Shown {
    fn new(held: &BTreeMap<&str, Held>, hide_amounts: bool) -> Self {
        let whole: Option<Money> = held.values().map(|held| held.value).sum();
        Self {
            hide_amounts,
            whole: whole.map(Money::to_f64).filter(|whole| *whole > 0.0),
        }
    }

    fn amount(&self, amount: Option<Money>) -> Option<Money> {
        amount.map(Money::rounded).filter(|_| !self.hide_amounts)
    }

    fn share(&self, value: Option<Money>) -> Option<String> {
        let both = value.zip(self.whole);
        both.map(|(value, whole)| ratio(value.to_f64() / whole))
    }

    fn holdings(&self, held: &BTreeMap<&str, Held>) -> Vec<SharedHoldingView> {
        held.iter()
            .map(|(asset, held)| SharedHoldingView {
                asset: (*asset).to_owned(),
                quantity: self.amount(Some(held.quantity)),
                price: held.price,
                value: self.amount(held.value),
                share: self.share(held.value),
            })
            .collect()
    }

    fn by_category(
        &self,
        held: &BTreeMap<&str, Held>,
        categories: &BTreeMap<String, String>,
    ) -> Vec<SharedCategoryView> {
        let mut by_category: BTreeMap<&str, Option<Money>> = BTreeMap::new();
        for (asset, held) in held.iter().filter(|(_, held)| !held.quantity.is_zero()) {
            let own = categories.get(*asset).map(String::as_str);
            let sum = by_category
                .entry(own.unwrap_or_else(|| category_of(asset)))
                .or_insert(Some(Money::ZERO));
            *sum = added(*sum, held.value);
        }
        let mut by_category: Vec<_> = by_category.into_iter().collect();
        by_category.sort_by_key(|(_, value)| Reverse(*value));
        by_category
            .into_iter()
            .map(|(name, value)| SharedCategoryView {
                name: name.to_owned(),
                value: self.amount(value),
                share: self.share(value),
            })
            .collect()
    }
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
    let categories = state.portfolios.categories_of(portfolio.id).await?;
    let valuation = state.figures.value(&snapshot);
    let held = held(&valuation.holdings);
    let shown = Shown::new(&held, shared.hide_amounts);
    Ok(NoStore(SharedPortfolioView {
        name: portfolio.name,
        currency: portfolio.settings.currency,
        amounts_hidden: shared.hide_amounts,
        valued_at: valuation.at,
        value: valuation.value.filter(|_| !shared.hide_amounts),
        performance: SharedPerformanceView::new(&snapshot.summary.performance, &valuation),
        holdings: shown.holdings(&held),
        by_category: shown.by_category(&held, &categories),
    }))
}
