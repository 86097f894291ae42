//! `POST /api/v1/tokens`, and the record of what administrators do.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, header};
use coinsphere_pipelines::store::{Listing, NewToken};
use serde_json::{Value, json};

use super::memory::key;
use super::{Answer, App, forecasts::TOKEN};
use crate::audit::{AdminAction, AdminAudit};
use crate::market::{Listings, ReadError};

/// Answers as it was set up to, and remembers what it was asked.
#[derive(Debug)]
pub(super) struct MemoryListings {
    answer: Mutex<Listing>,
    asked: Mutex<Vec<NewToken>>,
    acts: Mutex<Vec<AdminAction>>,
}

impl Default for MemoryListings {
    fn default() -> Self {
        Self {
            answer: Mutex::new(Listing::Created),
            asked: Mutex::default(),
            acts: Mutex::default(),
        }
    }
}

#[async_trait]
impl Listings for MemoryListings {
    async fn add(&self, token: &NewToken) -> Result<Listing, ReadError> {
        self.asked.lock().unwrap().push(token.clone());
        Ok(self.answer.lock().unwrap().clone())
    }
}

impl AdminAudit for MemoryListings {
    fn note(&self, act: AdminAction) {
        let mut acts = self.acts.lock().unwrap_or_else(PoisonError::into_inner);
        acts.push(act);
    }
}

fn bitcoin() -> Value {
    json!({
        "id": "bitcoin", "symbol": "btc", "name": " Bitcoin ", "rank": 1,
        "instruments": [
            {"venue": "binance", "symbol": "BTCUSDT", "quote": "usdt"},
            {"venue": "kraken", "symbol": "BTC/USD", "quote": "USD"},
        ],
    })
}

async fn add(app: &App, token: Option<&str>, body: &Value) -> Answer {
    let mut request =
        Request::post("/api/v1/tokens").header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = Body::from(body.to_string());
    app.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_token_is_added_as_it_was_sent_and_that_is_recorded() {
    let app = App::new();
    let answer = add(&app, Some(TOKEN), &bitcoin()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("location"), "/api/v1/tokens/bitcoin");
    assert_eq!(answer.json()["instruments"][0]["symbol"], "BTCUSDT");
    let asked = app.listings.asked.lock().unwrap().clone();
    let [asked] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let names = (asked.symbol.as_str(), asked.name.as_str());
    assert_eq!((names, asked.rank), (("BTC", "Bitcoin"), Some(1)));
    let keys: Vec<_> = asked
        .instruments
        .iter()
        .map(|instrument| (instrument.key.clone(), instrument.quote.as_str()))
        .collect();
    let expected = [
        (key("binance", "BTCUSDT"), "USDT"),
        (key("kraken", "BTC/USD"), "USD"),
    ];
    assert_eq!(keys, expected);
    let acts = app.listings.acts.lock().unwrap();
    let acts: Vec<_> = acts
        .iter()
        .map(|act| (act.what, act.done, act.by, act.about.as_str()))
        .collect();
    assert_eq!(acts, [("token.added", true, None, "bitcoin")]);
}

#[tokio::test]
async fn what_collides_is_refused_with_the_reason() {
    let app = App::new();
    let collisions = [
        (Listing::Unchanged, "are there already"),
        (
            Listing::Differs {
                symbol: "XBT".to_owned(),
                name: "Bitcoin".to_owned(),
            },
            "XBT",
        ),
        (
            Listing::Taken {
                instrument: key("binance", "BTCUSDT"),
                token: "wrapped-bitcoin".to_owned(),
            },
            "binance:BTCUSDT belongs to wrapped-bitcoin",
        ),
    ];
    for (listing, reason) in collisions {
        *app.listings.answer.lock().unwrap() = listing;
        let answer = add(&app, Some(TOKEN), &bitcoin()).await;
        let problem = answer.is_problem(409, "conflict");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    *app.listings.answer.lock().unwrap() = Listing::Extended;
    let answer = add(&app, Some(TOKEN), &bitcoin()).await;
    assert_eq!(answer.status, 200);
    let acts = app.listings.acts.lock().unwrap();
    let done: Vec<bool> = acts.iter().map(|act| act.done).collect();
    assert_eq!(done, [false, false, false, true]);
}

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_is_asked() {
    let app = App::new();
    let answer = add(
        &app,
        Some(TOKEN),
        &json!({
            "id": "Bit Coin", "symbol": "", "name": "  ", "rank": 0,
            "instruments": [
                {"venue": "bitmex", "symbol": "XBT USD", "quote": "a b"},
                {"venue": "kraken", "symbol": "A/B", "quote": "B"},
                {"venue": "kraken", "symbol": "A/B", "quote": "B"},
            ],
        }),
    )
    .await;
    let problem = answer.is_problem(400, "invalid-request");
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    let expected = [
        "id",
        "symbol",
        "name",
        "rank",
        "instruments[0].venue",
        "instruments[0].symbol",
        "instruments[0].quote",
        "instruments[2].symbol",
    ];
    assert_eq!(fields, expected);
    let mut none = bitcoin();
    none["instruments"] = json!([]);
    let problem = add(&app, Some(TOKEN), &none).await;
    let problem = problem.is_problem(400, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "instruments");
    let mut more = bitcoin();
    more["colour"] = json!("orange");
    let problem = add(&app, Some(TOKEN), &more).await;
    problem.is_problem(400, "invalid-request");
    assert!(app.listings.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_administrators_add() {
    let app = App::new();
    add(&app, None, &bitcoin())
        .await
        .is_problem(401, "not-signed-in");
    add(&app, Some("wrong"), &bitcoin())
        .await
        .is_problem(401, "invalid-token");
    assert!(app.listings.asked.lock().unwrap().is_empty());
}
