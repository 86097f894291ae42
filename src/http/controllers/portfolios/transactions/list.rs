//! `GET /api/v1/portfolios/{id}/transactions`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::StoredTransactionView;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::cursor;
use crate::http::extract::params::{Params, limit, time};
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::user_portfolios::{StoredTransaction, TransactionFilter, TransactionPlace};

/// A page of transactions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoredTransactions)]
pub(in crate::http) struct StoredTransactionsView {
    /// Newest first.
    data: Vec<StoredTransactionView>,
    /// Pass it as `cursor` for the next page; null on the last page.
    #[schema(example = "17a8-11")]
    next_cursor: Option<String>,
}

/// Lists the transactions of a portfolio, the newest first.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/transactions", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("asset" = Option<String>, Query, description = "That send, receive or pay this asset"),
        ("kind" = Option<String>, Query, description = "Of this kind, e.g. `buy`"),
        ("account" = Option<String>, Query, description = "From or to this account, by its name"),
        ("from" = Option<String>, Query, description = "Not before this time, RFC 3339"),
        ("to" = Option<String>, Query, description = "Before this time, RFC 3339"),
        ("tag" = Option<String>, Query, description = "With this tag"),
        ("import" = Option<Uuid>, Query, description = "That this import brought"),
        ("limit" = Option<usize>, Query, description = "1 to 500, by default 100", minimum = 1, maximum = 500),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page")
    ),
    responses(
        (status = 200, description = "A page of transactions", body = StoredTransactionsView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn list_transactions(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<StoredTransactionsView>, Problem> {
    let asset = params.take("asset", text);
    let kind = params.take("kind", str::parse);
    let account = params.take("account", text);
    let from = params.take("from", time).map(|time| time.nanos());
    let to = params.take("to", time).map(|time| time.nanos());
    let tag = params.take("tag", text);
    let import = params.take("import", |text| {
        text.parse()
            .map_err(|_| "use the id of an import".to_owned())
    });
    let most = params.take("limit", limit(500)).unwrap_or(100);
    let after = params.take("cursor", cursor::decode_transaction_place);
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let wanted = TransactionFilter {
        asset,
        kind,
        account,
        from,
        to,
        tag,
        import,
        after,
        // One more shows whether there is another page.
        limit: u32::try_from(most + 1).unwrap_or(u32::MAX),
    };
    let mut list = state
        .portfolios
        .list_transactions(principal.user.0, portfolio, &wanted)
        .await?;
    let more = list.len() > most;
    list.truncate(most);
    let next_cursor = list.last().filter(|_| more).map(place);
    Ok(NoStore(StoredTransactionsView {
        data: list.into_iter().map(Into::into).collect(),
        next_cursor: next_cursor.map(cursor::encode_transaction_place),
    }))
}

fn place(stored: &StoredTransaction) -> TransactionPlace {
    TransactionPlace {
        at_nanos: stored
            .transaction
            .time
            .timestamp_nanos_opt()
            .unwrap_or(i64::MAX),
        number: stored.number,
    }
}

/// A name as the database takes it.
fn text(text: &str) -> Result<String, String> {
    let fits = (1..=256).contains(&text.chars().count()) && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| "use 1 to 256 characters".to_owned())
}
