//! The data that portfolios keep of a user.

use async_trait::async_trait;
use coinsphere_pipelines::store::{StoreError, Transaction};
use serde_json::Value;

use super::changes::announce_gone;
use crate::user_data::{DataSubject, UserData, rows_of};

/// Each part of an export: its name, and the rows it is made of. Never the hash of a link.
const PARTS: [(&str, &str); 8] = [
    (
        "portfolios",
        "SELECT id, name, time_zone, currency, method, scope, fees_in_kind, created_at \
         FROM portfolios WHERE user_id = $1 ORDER BY created_at",
    ),
    (
        "portfolio_accounts",
        "SELECT a.id, a.portfolio_id, a.name, a.created_at FROM portfolio_accounts a \
         JOIN portfolios p ON p.id = a.portfolio_id WHERE p.user_id = $1 \
         ORDER BY a.portfolio_id, a.name",
    ),
    (
        "portfolio_transactions",
        "SELECT t.portfolio_id, t.number, t.account_id, t.to_account_id, t.import_id, \
         CASE WHEN strpos(t.body, '\\u0000') > 0 THEN to_jsonb(t.body) ELSE t.body::jsonb END \
           AS transaction \
         FROM portfolio_transactions t \
         JOIN portfolios p ON p.id = t.portfolio_id WHERE p.user_id = $1 \
         ORDER BY t.portfolio_id, t.number",
    ),
    (
        "portfolio_imports",
        "SELECT id, portfolio_id, created_at, files, added, duplicates FROM portfolio_imports \
         WHERE user_id = $1 ORDER BY created_at",
    ),
    (
        "portfolio_prices",
        "SELECT r.portfolio_id, r.asset, r.day, r.price FROM portfolio_prices r \
         JOIN portfolios p ON p.id = r.portfolio_id WHERE p.user_id = $1 \
         ORDER BY r.portfolio_id, r.asset, r.day",
    ),
    (
        "portfolio_categories",
        "SELECT c.portfolio_id, c.asset, c.category FROM portfolio_categories c \
         JOIN portfolios p ON p.id = c.portfolio_id WHERE p.user_id = $1 \
         ORDER BY c.portfolio_id, c.asset",
    ),
    (
        "import_choices",
        "SELECT subject, name, meaning FROM import_choices WHERE user_id = $1 \
         ORDER BY subject, name",
    ),
    (
        "portfolio_share_links",
        "SELECT l.id, l.portfolio_id, l.name, l.hide_amounts, l.created_at, l.expires_at \
         FROM portfolio_share_links l JOIN portfolios p ON p.id = l.portfolio_id \
         WHERE p.user_id = $1 ORDER BY l.created_at",
    ),
];

/// The data that portfolios keep of a user.
pub struct PortfolioUserData;

#[async_trait]
impl UserData for PortfolioUserData {
    fn tables(&self) -> &'static [&'static str] {
        &[
            "portfolios",
            "portfolio_accounts",
            "portfolio_account_aliases",
            "portfolio_transactions",
            "portfolio_imports",
            "portfolio_prices",
            "portfolio_categories",
            "import_choices",
            "portfolio_share_links",
        ]
    }

    async fn export(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<Vec<(&'static str, Value)>, StoreError> {
        let mut parts = Vec::new();
        for (name, rows) in PARTS {
            parts.push((name, rows_of(database, rows, user).await?));
        }
        Ok(parts)
    }

    /// All of it goes with the account's row (`ON DELETE CASCADE`): here it is only announced.
    async fn erase(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<(), StoreError> {
        announce_gone(database, user.id, None).await
    }
}
