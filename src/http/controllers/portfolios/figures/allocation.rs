//! `GET /api/v1/portfolios/{id}/allocation`

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::extract::{Path, State};
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use super::comparison::{TargetView, no_whole, weights};
use super::range::currency;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::analysis::{Share, target};
use crate::portfolios::ledger::Day;
use crate::portfolios::report::ratio;
use crate::portfolios::{Computed, Decimal, Money};

/// Where the value of a portfolio is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioAllocation)]
pub(in crate::http) struct AllocationView {
    /// The currency of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// When it was valued, at the newest prices.
    #[schema(value_type = String, format = DateTime)]
    valued_at: Timestamp,
    /// Value of everything together.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
    /// Why it is null; then there are no shares either.
    value_reason: Option<String>,
    /// By asset.
    by_asset: Vec<ShareView>,
    /// By account, as transactions name them. One is below zero if it gave what only another had: a transfer to it is
    /// missing.
    by_account: Vec<ShareView>,
    /// By category: the one that you gave to an asset, else its kind: `money`, `stablecoins` or `coins`.
    by_category: Vec<ShareView>,
    /// The concentration: the sum of squared shares of the assets, 1 for a single one.
    #[schema(example = "0.56")]
    hhi: Option<String>,
    /// The target that was asked for, and the trades that would restore it, in the portfolio's own currency; null if
    /// none was.
    target: Option<TargetView>,
}

/// A part of a portfolio's value.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AllocationShare)]
pub(in crate::http) struct ShareView {
    /// Of what.
    #[schema(example = "bitcoin")]
    name: String,
    /// Its value; null if something of it has no price.
    #[schema(value_type = Option<String>, example = "46365.0075")]
    value: Option<Money>,
    /// Its share of the whole: 0.75 is 75 %.
    #[schema(example = "0.75")]
    share: Option<String>,
}

/// The parts, the largest first.
fn shares(parts: BTreeMap<String, Share>) -> Vec<ShareView> {
    let mut shares: Vec<ShareView> = parts
        .into_iter()
        .map(|(name, Share { value, share, .. })| ShareView { name, value, share })
        .collect();
    shares.sort_by_key(|share| Reverse(share.value));
    shares
}

/// Where the value of a portfolio is: by asset, account and kind.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/allocation", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("currency" = Option<String>, Query, description = "The currency or token to show amounts in, at its newest price, instead of the portfolio's own: `EUR`, `bitcoin`"),
        ("target" = Option<String>, Query, description = "A target, as assets with weights that add up to 1: `bitcoin:0.6,USD:0.4`"),
        ("tolerance" = Option<String>, Query, description = "Distance of a share from its target below which there is no trade: `0.02` (by default `0`) is 2 % of the whole")
    ),
    responses(
        (status = 200, description = "The allocation, the largest first", body = AllocationView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn show_allocation(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<AllocationView>, Problem> {
    let currency = currency(&mut params);
    let wanted = params.take("target", weights);
    let tolerance = params.take("tolerance", |text| {
        let tolerance = text.parse::<Decimal>().ok();
        tolerance
            .filter(|tolerance| !tolerance.is_negative() && *tolerance <= Decimal::ONE)
            .ok_or_else(|| "use a decimal from 0 to 1".to_owned())
    });
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    let target = match wanted {
        Some(wanted) => {
            let wanted = state.figures.known_assets(user, portfolio, wanted).await?;
            let tolerance = tolerance.unwrap_or_default();
            let (_, snapshot) = state.figures.snapshot(user, portfolio).await?;
            let newest = state.figures.value(&snapshot).prices();
            let asked = move |computed: &Computed| {
                let last = computed.days().last().map_or(Day(1), |day| day.day);
                let ledger = computed.ledger();
                target(&ledger, last, &wanted, tolerance, Decimal::ZERO, &newest)
            };
            let (_, found) = state.figures.ask(user, portfolio, asked).await?;
            Some(found.map_err(|error| no_whole("target", &error))?)
        }
        None => None,
    };
    let currency = state
        .figures
        .display_currency(user, portfolio, currency.as_deref())
        .await?;
    let allocation = state.figures.allocation(user, portfolio, currency).await?;
    let parts = allocation.parts;
    Ok(NoStore(AllocationView {
        currency: allocation.currency,
        valued_at: allocation.at,
        value: parts.value,
        value_reason: parts.value_reason,
        by_asset: shares(parts.by_asset),
        by_account: shares(parts.by_account),
        by_category: shares(parts.by_category),
        hhi: allocation.hhi.map(ratio),
        target: target.map(Into::into),
    }))
}
