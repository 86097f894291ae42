//! Categories of assets, as their user sorts them: allocation goes by them, and by kind for assets without one.

use std::collections::BTreeMap;

use coinsphere_pipelines::store::{execute, failed, query};
use uuid::Uuid;

use super::asset_names::AssetNames;
use super::portfolio::{line, lock};
use super::{PortfolioError, UserPortfolios};

/// The most assets of a portfolio with a category.
const MOST: i64 = 1_000;

/// The category of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetCategory {
    /// The asset.
    pub asset: String,
    /// Its category.
    pub category: String,
}

impl UserPortfolios {
    /// The categories that a user gave to assets, by asset; at most 1,000.
    ///
    /// # Errors
    /// When the user has no such portfolio, or the database is away.
    pub async fn categories(
        &self,
        user: Uuid,
        portfolio: Uuid,
    ) -> Result<Vec<AssetCategory>, PortfolioError> {
        self.portfolio(user, portfolio).await?;
        let categories = self.categories_of(portfolio).await?.into_iter();
        Ok(categories
            .map(|(asset, category)| AssetCategory { asset, category })
            .collect())
    }

    /// The categories of a portfolio, whosever it is, by asset.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn categories_of(
        &self,
        portfolio: Uuid,
    ) -> Result<BTreeMap<String, String>, PortfolioError> {
        let session = self.session().await?;
        let sql = "SELECT asset, category FROM portfolio_categories WHERE portfolio_id = $1";
        let rows = query(&session, "read categories", sql, &[&portfolio]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Puts an asset, by any of its names, in a category, in place of an earlier one.
    ///
    /// # Errors
    /// When the user has no such portfolio, the asset means several or the category is no name, 1,000 assets have one,
    /// or the database is away.
    pub async fn categorize(
        &self,
        user: Uuid,
        portfolio: Uuid,
        asset: &str,
        category: &str,
    ) -> Result<AssetCategory, PortfolioError> {
        let mut session = self.session().await?;
        let database = session
            .transaction()
            .await
            .map_err(failed("begin changing a category"))?;
        lock(&database, user, portfolio).await?;
        let names = AssetNames::of_user(&database, user).await?;
        let asset = names.asset("asset", &named(asset)?)?;
        let category = line("category", category)?;
        let sql = "INSERT INTO portfolio_categories (portfolio_id, asset, category) \
             SELECT $1, $2, $3 WHERE \
               (SELECT count(*) FROM portfolio_categories WHERE portfolio_id = $1 AND asset <> $2) < $4 \
             ON CONFLICT (portfolio_id, asset) DO UPDATE SET category = EXCLUDED.category";
        let given = &[&portfolio as _, &asset as _, &category as _, &MOST as _];
        if execute(&database, "change a category", sql, given).await? == 0 {
            return Err(PortfolioError::Conflict(format!(
                "at most {MOST} assets of a portfolio have a category"
            )));
        }
        database
            .commit()
            .await
            .map_err(failed("change a category"))?;
        Ok(AssetCategory { asset, category })
    }

    /// Takes an asset, by any of its names, out of its category.
    ///
    /// # Errors
    /// When the user has no such portfolio, the asset means several or has no category, or the database is away.
    pub async fn uncategorize(
        &self,
        user: Uuid,
        portfolio: Uuid,
        asset: &str,
    ) -> Result<(), PortfolioError> {
        self.portfolio(user, portfolio).await?;
        let session = self.session().await?;
        let names = AssetNames::of_user(&session, user).await?;
        let asset = names.asset("asset", &named(asset)?)?;
        let sql = "DELETE FROM portfolio_categories WHERE portfolio_id = $1 AND asset = $2";
        match execute(&session, "remove a category", sql, &[&portfolio, &asset]).await? {
            0 => Err(PortfolioError::Unknown("category")),
            _ => Ok(()),
        }
    }
}

/// The name of an asset, as transactions may have it.
fn named(asset: &str) -> Result<String, PortfolioError> {
    let fits = (1..=256).contains(&asset.chars().count());
    if !fits || asset.contains(char::is_control) {
        let detail = "use the name of an asset, of 1 to 256 characters";
        return Err(PortfolioError::wrong("asset", detail));
    }
    Ok(asset.to_owned())
}
