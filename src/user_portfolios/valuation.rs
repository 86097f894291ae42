//! Value of a portfolio's holdings at the newest prices: a multiplication for each, so that it
//! can follow trades. The same figures are sent to streams and answered to requests.

use std::collections::BTreeMap;

use coinsphere_actors::push::LastTrade;
use coinsphere_pipelines::market::{InstrumentKey, Timestamp};

use super::prices::{AssetPrice, PriceSource};
use crate::portfolios::{Decimal, Money};

/// A holding that is valued, as it was computed.
#[derive(Debug, Clone)]
pub(super) struct Position {
    pub(super) asset: String,
    /// `*` over all accounts.
    pub(super) account: String,
    /// In units of 10⁻¹⁸.
    pub(super) quantity: i128,
    /// Of which the cost is known.
    pub(super) known: i128,
    /// The cost of what has a known cost; none of the currency itself, which has no lots.
    pub(super) basis: Option<Money>,
    pub(super) price: PositionPrice,
    /// The price at the end of yesterday.
    pub(super) previous: Option<Decimal>,
}

/// Price of a position.
#[derive(Debug, Clone)]
pub(super) enum PositionPrice {
    /// It is the currency itself.
    Face,
    /// As its asset.
    Asset(AssetPrice),
}

/// Figures computed besides the positions.
#[derive(Debug, Clone, Default)]
pub(super) struct Anchor {
    /// Value less unrealized gain, which prices do not change; none where a flag leaves it open.
    pub(super) invested: Option<Money>,
    /// The value at the end of yesterday, or why it is not known.
    pub(super) yesterday: Option<Money>,
    /// Flows in today less flows out.
    pub(super) flow: Option<Money>,
}

/// Value of a portfolio at the newest prices.
#[derive(Debug, Clone)]
pub struct Valuation {
    /// When it was valued.
    pub at: Timestamp,
    /// Everything together; none if a holding has no price.
    pub value: Option<Money>,
    /// Why there is none.
    pub value_reason: Option<String>,
    /// The gain that is not realized.
    pub unrealized: Option<Money>,
    /// The gain since the end of yesterday, without what flowed in or out.
    pub day_change: Option<Money>,
    /// It by the value of yesterday and what flowed in.
    pub day_change_ratio: Option<f64>,
    /// Why one of them is not there.
    pub day_change_reason: Option<&'static str>,
    /// Each holding.
    pub holdings: Vec<HoldingValue>,
}

/// Value of a holding at the newest price.
#[derive(Debug, Clone)]
pub struct HoldingValue {
    /// Asset held.
    pub asset: String,
    /// Where; `*` over all accounts.
    pub account: String,
    /// Quantity.
    pub quantity: Money,
    /// Part of the quantity that has no known cost.
    pub unknown_quantity: Money,
    /// The cost of what has a known cost; none of the currency itself.
    pub basis: Option<Money>,
    /// The price, with its time and where it comes from.
    pub price: Option<HoldingPrice>,
    /// Why there is none.
    pub price_reason: Option<String>,
    /// Its value.
    pub value: Option<Money>,
    /// The gain of what has a known cost.
    pub unrealized: Option<Money>,
    /// Change of its value by the change of its price since the end of yesterday.
    pub day_change: Option<Money>,
}

/// The price of a holding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldingPrice {
    /// In the portfolio's currency.
    pub price: Decimal,
    /// When it was paid; none of the currency itself.
    pub at: Option<Timestamp>,
    /// The catalogue's id of the asset.
    pub asset: Option<String>,
    /// The instrument or import, and the conversion, in words.
    pub source: String,
}

impl Valuation {
    /// The price of each asset that is held and has one, in the portfolio's currency.
    #[must_use]
    pub fn prices(&self) -> BTreeMap<String, Decimal> {
        let priced = self.holdings.iter();
        let priced = priced.filter_map(|one| Some((one.asset.clone(), one.price.as_ref()?.price)));
        priced.collect()
    }

    /// The same amounts in another currency, of which one unit costs `rate`.
    #[must_use]
    pub fn converted(self, rate: Decimal) -> Self {
        if rate == Decimal::ONE {
            return self;
        }
        let at = |amount: Money| amount.converted(rate).map(Money::rounded);
        let at = |amount: Option<Money>| amount.and_then(at);
        let holdings = self.holdings.into_iter().map(|holding| HoldingValue {
            basis: at(holding.basis),
            price: holding.price.and_then(|price| {
                let converted = at(Some(price.price.into()))?.to_string().parse().ok()?;
                Some(HoldingPrice {
                    price: converted,
                    ..price
                })
            }),
            value: at(holding.value),
            unrealized: at(holding.unrealized),
            day_change: at(holding.day_change),
            ..holding
        });
        Self {
            value: at(self.value),
            unrealized: at(self.unrealized),
            day_change: at(self.day_change),
            holdings: holdings.collect(),
            ..self
        }
    }
}

impl Position {
    /// The newest price: that of a trade if there is a newer one than what is stored.
    fn price_now(
        &self,
        last_trade: &impl Fn(&InstrumentKey) -> Option<LastTrade>,
    ) -> Result<HoldingPrice, String> {
        let source = match &self.price {
            PositionPrice::Face => {
                return Ok(HoldingPrice {
                    price: Decimal::ONE,
                    at: None,
                    asset: None,
                    source: "the portfolio's currency".to_owned(),
                });
            }
            PositionPrice::Asset(AssetPrice::Unpriced(why)) => return Err(why.clone()),
            PositionPrice::Asset(AssetPrice::Priced(source)) => source,
        };
        let (price, at) = newer(source, last_trade).unwrap_or((source.newest, source.newest_at));
        Ok(HoldingPrice {
            price,
            at: Some(at),
            asset: source.asset.clone(),
            source: source.source.clone(),
        })
    }

    fn value(&self, last_trade: &impl Fn(&InstrumentKey) -> Option<LastTrade>) -> HoldingValue {
        let (price, price_reason) = match self.price_now(last_trade) {
            Ok(price) => (Some(price), None),
            Err(why) => (None, Some(why)),
        };
        let worth = |quantity: i128| Money::product(quantity, price.as_ref()?.price);
        let value = worth(self.quantity);
        let before = self
            .previous
            .and_then(|previous| Money::product(self.quantity, previous));
        HoldingValue {
            asset: self.asset.clone(),
            account: self.account.clone(),
            quantity: Money::from_atoms(self.quantity),
            unknown_quantity: Money::from_atoms(self.quantity - self.known),
            basis: self.basis,
            price_reason,
            value,
            unrealized: worth(self.known)
                .zip(self.basis)
                .map(|(worth, basis)| worth - basis),
            day_change: value.zip(before).map(|(value, before)| value - before),
            price,
        }
    }
}

/// The price of the newest trade, where that is newer than what is stored.
fn newer(
    source: &PriceSource,
    last_trade: &impl Fn(&InstrumentKey) -> Option<LastTrade>,
) -> Option<(Decimal, Timestamp)> {
    let (instrument, _) = source.live.as_ref()?;
    let trade = last_trade(instrument)?;
    (trade.time >= source.newest_at)
        .then(|| source.of_trade(trade.price.get()))
        .flatten()
        .map(|price| (price, trade.time))
}

/// Values positions.
pub(super) fn value(
    positions: &[Position],
    anchor: &Anchor,
    at: Timestamp,
    last_trade: impl Fn(&InstrumentKey) -> Option<LastTrade>,
) -> Valuation {
    let holdings: Vec<HoldingValue> = positions
        .iter()
        .map(|position| position.value(&last_trade))
        .collect();
    let value: Option<Money> = holdings.iter().map(|holding| holding.value).sum();
    let value = value.map(Money::rounded);
    let unpriced: Vec<&str> = holdings
        .iter()
        .filter(|holding| holding.value.is_none())
        .map(|holding| holding.asset.as_str())
        .collect();
    let lots = holdings.iter().filter(|holding| holding.basis.is_some());
    let gains: Option<Money> = lots.map(|holding| holding.unrealized).sum();
    let unrealized = match value.zip(anchor.invested) {
        Some((value, invested)) => Some(value - invested),
        None => gains.map(Money::rounded),
    };
    let day_change = match (value, anchor.yesterday, anchor.flow) {
        (Some(value), Some(yesterday), Some(flow)) => Some(value - yesterday - flow),
        _ => None,
    };
    let capital = anchor.yesterday.zip(anchor.flow);
    let capital = capital.map(|(yesterday, flow)| (yesterday + flow).to_f64());
    let ratio = match (day_change, capital) {
        (Some(change), Some(capital)) if capital > 0.0 => Some(change.to_f64() / capital),
        _ => None,
    };
    let day_change_reason = match (value, anchor.yesterday, anchor.flow) {
        (None, ..) => Some("something that is held has no price"),
        (_, None, _) => {
            Some("something that was held at the end of yesterday has no price of that day")
        }
        (.., None) => Some("a deposit or withdrawal of today has no known value"),
        _ if ratio.is_none() => Some("no capital was invested"),
        _ => None,
    };
    Valuation {
        at,
        value,
        value_reason: (!unpriced.is_empty())
            .then(|| format!("no price for {}", unpriced.join(", "))),
        unrealized,
        day_change: day_change.map(Money::rounded),
        day_change_ratio: ratio,
        day_change_reason,
        holdings,
    }
}
