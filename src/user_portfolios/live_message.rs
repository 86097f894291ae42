//! The value of a portfolio as streams get it; `docs/stream.md` specifies it.

use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;

use super::snapshot::Snapshot;
use super::valuation::{HoldingValue, Valuation};
use crate::portfolios::report::ratio;
use crate::portfolios::{Decimal, Money};

/// A message.
#[derive(Debug, Serialize)]
pub(super) struct LiveValue<'a> {
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    value: Option<Money>,
    value_reason: Option<&'a str>,
    unrealized: Option<Money>,
    day_change: Option<Money>,
    day_change_ratio: Option<String>,
    day_change_reason: Option<&'a str>,
    holdings: Vec<LiveHolding<'a>>,
}

#[derive(Debug, Serialize)]
struct LiveHolding<'a> {
    asset: &'a str,
    account: &'a str,
    quantity: Money,
    price: Option<Decimal>,
    price_at: Option<Timestamp>,
    value: Option<Money>,
    unrealized: Option<Money>,
    day_change: Option<Money>,
}

impl<'a> LiveValue<'a> {
    /// Of a portfolio.
    pub(super) fn new(snapshot: &'a Snapshot, value: &'a Valuation) -> Self {
        Self {
            version: snapshot.version,
            at: Some(value.at),
            currency: Some(&snapshot.summary.currency),
            value: value.value,
            value_reason: value.value_reason.as_deref(),
            unrealized: value.unrealized,
            day_change: value.day_change,
            day_change_ratio: value.day_change_ratio.map(ratio),
            day_change_reason: value.day_change_reason,
            holdings: value.holdings.iter().map(LiveHolding::new).collect(),
        }
    }

    /// Of one that cannot be computed.
    pub(super) const fn failed(version: i64, why: &'a str) -> Self {
        Self {
            version,
            at: None,
            currency: None,
            value: None,
            value_reason: Some(why),
            unrealized: None,
            day_change: None,
            day_change_ratio: None,
            day_change_reason: Some(why),
            holdings: Vec::new(),
        }
    }
}

impl<'a> LiveHolding<'a> {
    fn new(holding: &'a HoldingValue) -> Self {
        let price = holding.price.as_ref();
        Self {
            asset: &holding.asset,
            account: &holding.account,
            quantity: holding.quantity,
            price: price.map(|price| price.price),
            price_at: price.and_then(|price| price.at),
            value: holding.value,
            unrealized: holding.unrealized,
            day_change: holding.day_change,
        }
    }
}
