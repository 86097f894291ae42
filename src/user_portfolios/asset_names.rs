//! Names of assets: the code of a currency, the id of a known token, or a ticker that means one thing. Tickers
//! collide, so none is guessed.

use std::collections::{BTreeMap, BTreeSet};

use coinsphere_pipelines::store::{GenericClient, StoreError, query};
use uuid::Uuid;

use super::choices::Choices;
use super::{PortfolioError, UserPortfolios};
use crate::portfolios::Transaction;
use crate::portfolios::ledger::is_money;

/// Names of assets, as one user means them.
pub(super) struct AssetNames {
    ids: BTreeSet<String>,
    by_ticker: BTreeMap<String, BTreeSet<String>>,
    /// The user's own answers, by ticker.
    chosen: BTreeMap<String, String>,
}

impl AssetNames {
    /// The names of all known tokens, and the user's answers.
    pub(super) async fn of_user<C: GenericClient>(
        database: &C,
        user: Uuid,
    ) -> Result<Self, StoreError> {
        let sql = "SELECT id, upper(symbol) FROM assets";
        let rows = query(database, "read the names of assets", sql, &[]).await?;
        let mut names = Self {
            ids: BTreeSet::new(),
            by_ticker: BTreeMap::new(),
            chosen: Choices::of_user(database, user).await?.tickers,
        };
        for row in rows {
            let (id, ticker): (String, String) = (row.get(0), row.get(1));
            names
                .by_ticker
                .entry(ticker)
                .or_default()
                .insert(id.clone());
            names.ids.insert(id);
        }
        Ok(names)
    }

    /// The asset of a name; what nobody knows is an asset of its own, without a market.
    ///
    /// # Errors
    /// The assets that it may mean, if those are several.
    pub(super) fn resolve(&self, name: &str) -> Result<String, &BTreeSet<String>> {
        let upper = name.to_uppercase();
        if is_money(&upper) {
            return Ok(upper);
        }
        if self.ids.contains(name) {
            return Ok(name.to_owned());
        }
        if let Some(chosen) = self.chosen.get(name) {
            return Ok(chosen.clone());
        }
        match self.by_ticker.get(&upper) {
            None => Ok(name.to_owned()),
            Some(several) if several.len() > 1 => Err(several),
            Some(one) => Ok(one.first().cloned().unwrap_or_else(|| name.to_owned())),
        }
    }

    /// The currency of a portfolio: money, or a known token.
    pub(super) fn currency(&self, name: &str) -> Result<String, PortfolioError> {
        let resolved = self.asset("currency", name)?;
        if is_money(&resolved) || self.ids.contains(&resolved) {
            return Ok(resolved);
        }
        let detail =
            "use the code of a currency, such as EUR, or the id of a token, such as bitcoin";
        Err(PortfolioError::wrong("currency", detail))
    }

    /// The asset of a name in a field.
    pub(super) fn asset(&self, field: &str, name: &str) -> Result<String, PortfolioError> {
        self.resolve(name).map_err(|several| {
            let several: Vec<&str> = several.iter().map(String::as_str).collect();
            let detail = format!(
                "several tokens have this symbol: use an id, one of {}",
                several.join(", ")
            );
            PortfolioError::wrong(field, detail)
        })
    }

    /// Puts assets in place of the names in a transaction; `path` names it in what is refused.
    pub(super) fn settle(
        &self,
        transaction: &mut Transaction,
        path: &str,
    ) -> Result<(), PortfolioError> {
        let legs = [
            ("sent", &mut transaction.sent),
            ("received", &mut transaction.received),
        ];
        for (side, leg) in legs {
            if let Some(leg) = leg {
                leg.asset = self.asset(&format!("{path}{side}.asset"), &leg.asset)?;
            }
        }
        for (at, fee) in transaction.fees.iter_mut().enumerate() {
            fee.asset = self.asset(&format!("{path}fees[{at}].asset"), &fee.asset)?;
        }
        Ok(())
    }

    /// The possible meanings of each ticker and id, for imports.
    pub(super) fn catalogue(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut catalogue = self.by_ticker.clone();
        for id in &self.ids {
            catalogue.entry(id.clone()).or_default().insert(id.clone());
        }
        catalogue
    }
}

impl UserPortfolios {
    /// The currency by the name that a user has for it.
    ///
    /// # Errors
    /// When it is no currency and no token, means several, or the database is away.
    pub(super) async fn currency(&self, user: Uuid, name: &str) -> Result<String, PortfolioError> {
        let session = self.session().await?;
        AssetNames::of_user(&session, user).await?.currency(name)
    }

    /// The ids of assets by the names that a user has for them.
    ///
    /// # Errors
    /// When a name means several tokens, or the database is away.
    pub(super) async fn asset_ids<T>(
        &self,
        user: Uuid,
        named: Vec<(String, T)>,
    ) -> Result<Vec<(String, T)>, PortfolioError> {
        let session = self.session().await?;
        let names = AssetNames::of_user(&session, user).await?;
        let ids = named
            .into_iter()
            .map(|(name, of)| Ok((names.asset("assets", &name)?, of)));
        ids.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_settled_and_never_guessed() {
        let names = AssetNames {
            ids: ["bitcoin", "luna-1", "luna-2"].map(str::to_owned).into(),
            by_ticker: BTreeMap::from([
                ("BTC".to_owned(), BTreeSet::from(["bitcoin".to_owned()])),
                (
                    "LUNA".to_owned(),
                    ["luna-1", "luna-2"].map(str::to_owned).into(),
                ),
            ]),
            chosen: BTreeMap::from([("OLD".to_owned(), "luna-1".to_owned())]),
        };
        for (name, asset) in [
            ("eur", "EUR"),
            ("BTC", "bitcoin"),
            ("btc", "bitcoin"),
            ("bitcoin", "bitcoin"),
            ("luna-2", "luna-2"),
            ("OLD", "luna-1"),
            ("House in Kent", "House in Kent"),
        ] {
            assert_eq!(names.resolve(name).unwrap(), asset, "{name}");
        }
        assert_eq!(names.resolve("luna").unwrap_err().len(), 2);
        assert!(names.currency("House in Kent").is_err());
        assert_eq!(names.currency("usd").unwrap(), "USD");
        let catalogue = names.catalogue();
        assert_eq!(catalogue["LUNA"].len(), 2);
        assert_eq!(catalogue["luna-1"].len(), 1);
    }
}
