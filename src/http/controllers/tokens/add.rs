//! `POST /api/v1/tokens`

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use coinsphere_pipelines::market::{AssetId, InstrumentKey, Symbol};
use coinsphere_pipelines::store::{Listing, NewInstrument, NewToken};
use coinsphere_pipelines::venues;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::find;
use super::views::AssetDetailView;
use crate::http::client_address::ClientAddress;
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::extract::json::{JsonBody, Line};
use crate::http::extract::params::{Params, venue};
use crate::http::respond::problem::{FieldError, Kind, Problem};
use crate::http::state::MarketState;

/// The most instruments of one request.
const MOST_INSTRUMENTS: usize = 50;

/// The token to add.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NewToken)]
pub(in crate::http) struct AddBody {
    /// Its CoinGecko id: 1 to 128 of a-z, 0-9, `-`, `_`, `.`.
    #[schema(example = "render-token", pattern = "^[a-z0-9._-]{1,128}$")]
    id: String,
    /// Its ticker, 1 to 20 printable ASCII characters; stored in upper case.
    #[schema(example = "RENDER", pattern = "^[!-~]{1,20}$")]
    symbol: String,
    /// Its name, at most 100 characters.
    #[schema(value_type = String, example = "Render", min_length = 1, max_length = 100)]
    name: Line,
    /// Its rank by market capitalisation.
    #[schema(minimum = 1, maximum = 1_000_000)]
    rank: Option<u32>,
    /// The instruments that trade it: 1 to 50.
    #[schema(min_items = 1, max_items = 50)]
    instruments: Vec<AddInstrumentBody>,
}

/// An instrument.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInstrument)]
pub(in crate::http) struct AddInstrumentBody {
    /// The venue.
    #[schema(example = "binance", pattern = "^(binance|coinbase|kraken)$")]
    venue: String,
    /// The venue's own symbol: 1 to 32 printable ASCII characters.
    #[schema(example = "RENDERUSDT", pattern = "^[!-~]{1,32}$")]
    symbol: String,
    /// The ticker of the quote asset, 1 to 20 printable ASCII characters; stored in upper case.
    #[schema(example = "USDT", pattern = "^[!-~]{1,20}$")]
    quote: String,
}

impl AddBody {
    /// The token, or what is wrong with each field.
    fn read(self) -> Result<NewToken, Problem> {
        let mut errors = Vec::new();
        let mut wrong = |field: String, detail: String| errors.push(FieldError { field, detail });
        let id = AssetId::new(&self.id).map_err(|error| wrong("id".to_owned(), error.to_string()));
        let symbol = ticker(&self.symbol).map_err(|error| wrong("symbol".to_owned(), error));
        if !(1..=100).contains(&self.name.chars().count()) {
            wrong("name".to_owned(), "use 1 to 100 characters".to_owned());
        }
        if self
            .rank
            .is_some_and(|rank| !(1..=1_000_000).contains(&rank))
        {
            wrong("rank".to_owned(), "use 1 to 1000000".to_owned());
        }
        if !(1..=MOST_INSTRUMENTS).contains(&self.instruments.len()) {
            let detail = format!("name 1 to {MOST_INSTRUMENTS} of them");
            wrong("instruments".to_owned(), detail);
        }
        let mut instruments = Vec::new();
        let mut seen = HashSet::new();
        for (place, given) in self.instruments.iter().take(MOST_INSTRUMENTS).enumerate() {
            let field = |name: &str| format!("instruments[{place}].{name}");
            let venue = venue(&given.venue).map_err(|error| wrong(field("venue"), error));
            let symbol = Symbol::new(&given.symbol)
                .map_err(|error| wrong(field("symbol"), error.to_string()));
            let quote = ticker(&given.quote).map_err(|error| wrong(field("quote"), error));
            let (Ok(venue), Ok(symbol), Ok(quote)) = (venue, symbol, quote) else {
                continue;
            };
            let spelled = match venues::protocol(venue.name()) {
                Some(protocol) => protocol.spelling(&symbol),
                None => Ok(symbol),
            };
            let Ok(symbol) = spelled.map_err(|error| wrong(field("symbol"), error.to_string()))
            else {
                continue;
            };
            let key = InstrumentKey::new(venue, symbol);
            if !seen.insert(key.clone()) {
                wrong(field("symbol"), format!("{key} is named twice"));
            }
            instruments.push(NewInstrument { key, quote });
        }
        match (id, symbol) {
            (Ok(id), Ok(symbol)) if errors.is_empty() => Ok(NewToken {
                id,
                symbol,
                name: self.name.into_string(),
                rank: self.rank,
                instruments,
            }),
            _ => Err(Problem::invalid(errors)),
        }
    }
}

/// A ticker in upper case.
fn ticker(text: &str) -> Result<String, String> {
    let plausible = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if plausible {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("use 1 to 20 printable ASCII characters without blanks".to_owned())
    }
}

/// Adds a token with its instruments, or adds instruments to an existing token. They are followed
/// within seconds and after every restart, besides those of the configuration; a symbol that the
/// venue does not know shows as refused in `/health`. For administrators.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "market",
    request_body = AddBody,
    responses(
        (status = 201, description = "The token was added", body = AssetDetailView, headers(("location" = String, description = "The token's URL"))),
        (status = 200, description = "The token existed; instruments were added to it", body = AssetDetailView),
        (status = 400, description = "`invalid-request`: `errors` names each field"),
        (status = 409, description = "`conflict`: everything exists already, or belongs to another token")
    )
)]
pub(in crate::http) async fn add_token(
    admin: AdminOrServerToken,
    State(state): State<MarketState>,
    from: ClientAddress,
    params: Params,
    JsonBody(body): JsonBody<AddBody>,
) -> Result<
    (
        StatusCode,
        [(HeaderName, HeaderValue); 1],
        Json<AssetDetailView>,
    ),
    Problem,
> {
    params.finish()?;
    let new = body.read()?;
    let listing = state.listings.add(&new).await?;
    let done = matches!(listing, Listing::Created | Listing::Extended);
    let act = admin.act("token.added", done, from, new.id.as_str());
    state.admin_audit.note(act);
    let collides = |detail: String| Err(Problem::new(Kind::Conflict).with_detail(detail));
    let status = match listing {
        Listing::Created => StatusCode::CREATED,
        Listing::Extended => StatusCode::OK,
        Listing::Unchanged => {
            return collides(format!(
                "{} and all of these instruments are there already",
                new.id
            ));
        }
        Listing::Differs { symbol, name } => {
            return collides(format!(
                "{} is there already, with the symbol {symbol:?} and the name {name:?}",
                new.id
            ));
        }
        Listing::Taken { instrument, token } => {
            return collides(format!("{instrument} belongs to {token}"));
        }
    };
    let token = find(&*state.market, new.id.as_str()).await?;
    let instruments = state.market.instruments_of(&token.id).await?;
    let place = HeaderValue::try_from(format!("/api/v1/tokens/{}", new.id))
        .map_err(|_| Problem::new(Kind::Internal))?;
    Ok((
        status,
        [(header::LOCATION, place)],
        Json(AssetDetailView {
            token: token.into(),
            instruments: instruments.iter().map(Into::into).collect(),
        }),
    ))
}
