//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::extract::json::Line;
use crate::user_portfolios::PortfolioAccount;

/// An account: where coins are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioAccount)]
pub(in crate::http) struct AccountView {
    /// The account.
    id: Uuid,
    /// Its name: transactions name it by that.
    #[schema(example = "kraken")]
    name: String,
    /// Number of transactions that name it.
    #[schema(example = 120)]
    transactions: i64,
    /// Time of creation.
    created_at: DateTime<Utc>,
}

impl From<PortfolioAccount> for AccountView {
    fn from(account: PortfolioAccount) -> Self {
        Self {
            id: account.id,
            name: account.name,
            transactions: account.transactions,
            created_at: account.created_at,
        }
    }
}

/// The name of an account.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PortfolioAccountRequest)]
pub(in crate::http) struct AccountNameBody {
    /// The name, unique in the portfolio.
    #[schema(value_type = String, example = "kraken", min_length = 1, max_length = 256)]
    pub(super) name: Line,
}
