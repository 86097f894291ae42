//! `GET /api/v1/portfolios/{id}/allocation`

use axum::extract::{Path, State};
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use super::comparison::{TargetView, no_whole, weights};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::analysis::target;
use crate::portfolios::ledger::Day;
use crate::portfolios::report::ratio;
use crate::portfolios::{Computed, Decimal, Money};
use crate::user_portfolios::Share;

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
    /// By account, as transactions name them. What an account gave without ever having had it counts as nothing.
    by_account: Vec<ShareView>,
    /// By kind: `money`, `stablecoins`, `coins`.
    by_category: Vec<ShareView>,
    /// The concentration: the sum of squared shares of the assets, 1 for a single one.
    #[schema(example = "0.56")]
    hhi: Option<String>,
    /// The target that was asked for, and the trades that would restore it; null if none was.
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

impl From<Share> for ShareView {
    fn from(share: Share) -> Self {
        Self {
            name: share.name,
            value: share.value,
            share: share.share.map(ratio),
        }
    }
}

/// Where the value of a portfolio is: by asset, account and kind.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/allocation", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
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
            let asked = move |computed: &Computed| {
                let last = computed.days().last().map_or(Day(1), |day| day.day);
                let ledger = computed.ledger();
                target(&ledger, last, &wanted, tolerance, Decimal::ZERO)
            };
            let (_, found) = state.figures.ask(user, portfolio, asked).await?;
            Some(found.map_err(|error| no_whole("target", &error))?)
        }
        None => None,
    };
    let allocation = state.figures.allocation(user, portfolio).await?;
    let shares = |shares: Vec<Share>| shares.into_iter().map(Into::into).collect();
    Ok(NoStore(AllocationView {
        currency: allocation.currency,
        valued_at: allocation.at,
        value: allocation.value,
        value_reason: allocation.value_reason,
        by_asset: shares(allocation.by_asset),
        by_account: shares(allocation.by_account),
        by_category: shares(allocation.by_category),
        hhi: allocation.hhi.map(ratio),
        target: target.map(Into::into),
    }))
}
