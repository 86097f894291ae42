//! `GET /api/v1/portfolios/{id}/holdings`

use axum::extract::{Path, State};
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use super::range::currency;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::report::ratio;
use crate::portfolios::{Computed, Decimal, Money};
use crate::user_portfolios::{HoldingValue, PortfolioError, Valuation};

/// Holdings of a portfolio.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Holdings)]
pub(in crate::http) struct HoldingsView {
    /// The currency of prices and amounts.
    #[schema(example = "USD")]
    currency: String,
    /// The version of the portfolio.
    #[schema(example = 42)]
    version: i64,
    /// When it was valued, at the newest prices.
    #[schema(value_type = String, format = DateTime)]
    valued_at: Timestamp,
    /// Value of everything together.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
    /// Why it is null.
    value_reason: Option<String>,
    /// The portfolio's currency first, then by asset and account.
    data: Vec<HoldingView>,
}

/// A holding.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Holding)]
pub(in crate::http) struct HoldingView {
    /// The code of a currency, a token's id, or a name of your own.
    #[schema(example = "bitcoin")]
    asset: String,
    /// The account, or `*` where lots come from any.
    #[schema(example = "*")]
    account: String,
    /// Quantity held.
    #[schema(value_type = String, example = "0.75")]
    quantity: Money,
    /// Part of the quantity that has no known cost.
    #[schema(value_type = String, example = "0")]
    unknown_quantity: Money,
    /// The cost of what has a known cost; null for the portfolio's currency, which is its own measure.
    #[schema(value_type = Option<String>, example = "40000")]
    basis: Option<Money>,
    /// The newest price.
    #[schema(value_type = Option<String>, example = "61820.01")]
    price: Option<Decimal>,
    /// When it was paid: a trade, a minute, or the end of a day; null for the portfolio's currency.
    #[schema(value_type = Option<String>, format = DateTime)]
    price_at: Option<Timestamp>,
    /// The instrument that stands for the asset or what the price was imported from, and how it was
    /// converted.
    #[schema(example = "binance:BTCUSDT, USDT taken as USD")]
    price_source: Option<String>,
    /// Why there is no price.
    #[schema(example = "no price of House in Kent is stored")]
    price_reason: Option<String>,
    /// Value of the holding.
    #[schema(value_type = Option<String>, example = "46365.0075")]
    value: Option<Money>,
    /// The value less the cost of what has a known cost.
    #[schema(value_type = Option<String>, example = "6365.0075")]
    unrealized: Option<Money>,
    /// Change of its value by the change of its price since the end of yesterday.
    #[schema(value_type = Option<String>, example = "-120.5")]
    day_change: Option<Money>,
    /// Its share of the value of everything: 0.75 is 75 %.
    #[schema(example = "0.75")]
    share: Option<String>,
}

impl HoldingView {
    fn new(holding: HoldingValue, total: Option<Money>) -> Self {
        let total = total.map(Money::to_f64).filter(|total| *total > 0.0);
        let share = holding.value.zip(total);
        let price = holding.price;
        Self {
            asset: holding.asset,
            account: holding.account,
            quantity: holding.quantity,
            unknown_quantity: holding.unknown_quantity,
            basis: holding.basis,
            price: price.as_ref().map(|price| price.price),
            price_at: price.as_ref().and_then(|price| price.at),
            price_source: price.map(|price| price.source),
            price_reason: holding.price_reason,
            value: holding.value,
            unrealized: holding.unrealized,
            day_change: holding.day_change,
            share: share.map(|(value, total)| ratio(value.to_f64() / total)),
        }
    }
}

/// Lists a portfolio's holdings, at the newest prices.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/holdings", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("currency" = Option<String>, Query, description = "The currency or token to show amounts in, at its newest price, instead of the portfolio's own: `EUR`, `bitcoin`")
    ),
    responses(
        (status = 200, description = "The holdings", body = HoldingsView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn list_holdings(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<HoldingsView>, Problem> {
    let currency = currency(&mut params);
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    let figures = &state.figures;
    let currency = figures
        .display_currency(user, portfolio, currency.as_deref())
        .await?;
    let shown_in = currency.clone();
    let asked = move |computed: &Computed| computed.rate(&shown_in);
    let (snapshot, rate) = figures.ask(user, portfolio, asked).await?;
    let rate = rate.map_err(PortfolioError::NoReport)?;
    let Valuation {
        at,
        value,
        value_reason,
        holdings,
        ..
    } = figures.value(&snapshot).converted(rate);
    let data = holdings.into_iter();
    Ok(NoStore(HoldingsView {
        currency,
        version: snapshot.version,
        valued_at: at,
        value,
        value_reason,
        data: data
            .map(|holding| HoldingView::new(holding, value))
            .collect(),
    }))
}
