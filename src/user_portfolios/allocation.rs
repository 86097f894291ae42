//! Where the value of a portfolio is at the newest prices: by asset, by account, and by category.

use std::collections::BTreeMap;

use coinsphere_pipelines::market::Timestamp;
use uuid::Uuid;

use super::PortfolioError;
use super::figures::PortfolioFigures;
use crate::portfolios::analysis::{self, Quantities, Share};
use crate::portfolios::ledger::Day;
use crate::portfolios::performance::risk::concentration;
use crate::portfolios::{Computed, Money};

/// Where the value of a portfolio is.
#[derive(Debug, Clone)]
pub struct Allocation {
    /// Currency of the amounts.
    pub currency: String,
    /// When it was valued.
    pub at: Timestamp,
    /// The parts.
    pub parts: analysis::Allocation,
    /// The sum of squared shares of the assets.
    pub hhi: Option<f64>,
}

impl PortfolioFigures {
    /// Where the value of a user's portfolio is, in a currency that [`PortfolioFigures::display_currency`] has
    /// given.
    ///
    /// # Errors
    /// When there is no price of the currency; else as for [`PortfolioFigures::snapshot`].
    pub async fn allocation(
        &self,
        user: Uuid,
        id: Uuid,
        currency: String,
    ) -> Result<Allocation, PortfolioError> {
        let shown_in = currency.clone();
        let asked = move |computed: &Computed| {
            let quantities = Quantities::at(&computed.ledger(), Day(i32::MAX));
            Ok((quantities, computed.rate(&shown_in)?))
        };
        let (snapshot, answer) = self.ask(user, id, asked).await?;
        let (quantities, rate) = answer.map_err(PortfolioError::NoReport)?;
        let valuation = self.value(&snapshot);
        let prices = valuation.prices();
        let worth = |asset: &str, quantity: i128| {
            let price = prices.get(asset).copied();
            let value = price.and_then(|price| Money::product(quantity, price));
            Ok::<_, PortfolioError>(value.and_then(|value| value.converted(rate)))
        };
        let categories = self.portfolios().categories_of(id).await?;
        let parts = quantities.valued(&categories, worth)?;
        Ok(Allocation {
            currency,
            at: valuation.at,
            hhi: concentration_of(&parts.by_asset),
            parts,
        })
    }
}

/// The concentration, if every part has a value.
fn concentration_of(parts: &BTreeMap<String, Share>) -> Option<f64> {
    let values: Option<Vec<f64>> = parts
        .values()
        .map(|part| part.value.map(Money::to_f64))
        .collect();
    concentration(&values?).ok()
}
