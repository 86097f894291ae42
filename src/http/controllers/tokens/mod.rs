//! Tokens, by CoinGecko id or by a symbol that only one of them has.

pub(in crate::http) mod add;
pub(in crate::http) mod history;
pub(in crate::http) mod list;
pub(in crate::http) mod show;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

use crate::http::respond::problem::{Kind, Problem};
use crate::market::{MarketData, Token, TokenLookup};

/// The token that the path names.
pub(in crate::http) async fn find(
    market: &dyn MarketData,
    id_or_symbol: &str,
) -> Result<Token, Problem> {
    let shown: String = id_or_symbol.chars().take(60).collect();
    let plausible = id_or_symbol.len() <= 128 && id_or_symbol.bytes().all(|b| b.is_ascii_graphic());
    let found = if plausible && !id_or_symbol.is_empty() {
        market.token(id_or_symbol).await?
    } else {
        TokenLookup::Unknown
    };
    match found {
        TokenLookup::Found(token) => Ok(token),
        TokenLookup::Unknown => Err(Problem::new(Kind::UnknownToken).with_detail(format!(
            "no token has the CoinGecko id or symbol {shown:?}; /api/v1/tokens lists them"
        ))),
        TokenLookup::Ambiguous(ids) => Err(Problem::new(Kind::AmbiguousToken)
            .with_detail(format!(
                "{shown:?} is the symbol of several tokens: use an id"
            ))
            .with_candidates(ids.iter().map(ToString::to_string).collect())),
    }
}

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_tokens), Policy::market_data())
        .add(
            routes!(add::add_token),
            Policy::admin_or_server_token().idempotent(),
        )
        .add(routes!(show::show_token), Policy::market_data())
        .add(routes!(history::show_token_history), Policy::market_data())
}
