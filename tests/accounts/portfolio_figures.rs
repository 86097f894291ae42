//! Figures computed of portfolios: they are those of the report for the same transactions and prices.

use std::time::Duration;

use chrono::NaiveDate;
use coinsphere::accounts::Role;
use coinsphere::portfolios::report::{
    Report, ReportOptions, performance_between, report, report_in,
};
use coinsphere::portfolios::{Computed, Method as LotMethod, TransactionFile};
use coinsphere_pipelines::market::{
    AssetId, Candle, InstrumentKey, Interval, Symbol, Timestamp, Venue,
};
use coinsphere_pipelines::store::{ImportTarget, ImportedCandle, NewInstrument, NewToken};
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::app::{App, Place};
use super::two_factor::{post, verified};

const PATIENCE: Duration = Duration::from_secs(20);

/// Closing prices of three days before today, the first of March.
pub(crate) const BTC: [(&str, &str); 3] = [
    ("2026-02-26", "60000"),
    ("2026-02-27", "62000.5"),
    ("2026-02-28", "61000.25"),
];

pub(crate) fn key(venue: &'static str, symbol: &str) -> InstrumentKey {
    InstrumentKey::new(Venue::new(venue), Symbol::new(symbol).unwrap())
}

pub(crate) fn btc() -> InstrumentKey {
    key("binance", "BTCUSDT")
}

pub(crate) async fn import_closes(app: &App, instrument: &InstrumentKey, closes: &[(&str, &str)]) {
    let stored = app.store.instrument(instrument).await.unwrap().unwrap();
    let candles: Vec<ImportedCandle> = closes
        .iter()
        .map(|(day, close)| {
            let close = close.parse().unwrap();
            ImportedCandle {
                candle: Candle {
                    open_time: Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")).unwrap(),
                    open: close,
                    high: close,
                    low: close,
                    close,
                    volume: 1.into(),
                    quote_volume: close,
                    trades: 1,
                    taker_buy_volume: 0.into(),
                    complete: true,
                },
                interval: Interval::Day1,
                source: "binance".to_owned(),
            }
        })
        .collect();
    let target = ImportTarget::Instrument(stored.id);
    app.store.import(&target, &candles).await.unwrap();
}

pub(crate) async fn create(app: &App, token: &str, body: Value) -> String {
    let made = post(app, "/api/v1/portfolios", token, body).await.good(201);
    format!("/api/v1/portfolios/{}", made["id"].as_str().unwrap())
}

pub(crate) fn id_of(path: &str) -> Uuid {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

pub(crate) async fn add(app: &App, token: &str, path: &str, body: Value) {
    post(app, &format!("{path}/transactions"), token, body)
        .await
        .good(201);
}

pub(crate) fn buy(id: &str, time: &str, quantity: &str, paid: &str) -> Value {
    json!({"id": id, "time": time, "kind": "buy", "account": "binance",
        "sent": {"asset": "USD", "quantity": paid},
        "received": {"asset": "BTC", "quantity": quantity},
        "fees": [{"asset": "USD", "quantity": "1.25"}]})
}

/// A portfolio that has bought, sold, earned, moved, and has something without a price.
pub(crate) async fn filled(app: &App, token: &str) -> String {
    let path = create(app, token, json!({"name": "Long term"})).await;
    for body in [
        json!({"id": "cash", "time": "2026-02-26T08:00:00Z", "kind": "deposit", "account": "binance",
            "received": {"asset": "USD", "quantity": "50000"}}),
        buy("first", "2026-02-26T09:00:00Z", "0.5", "30100"),
        json!({"id": "sold", "time": "2026-02-27T09:00:00Z", "kind": "sell", "account": "binance",
            "sent": {"asset": "BTC", "quantity": "0.123456789012345678"},
            "received": {"asset": "USD", "quantity": "7654.32"}}),
        json!({"id": "earned", "time": "2026-02-27T10:00:00Z", "kind": "interest", "account": "binance",
            "received": {"asset": "BTC", "quantity": "0.0001"}}),
        json!({"id": "moved", "time": "2026-02-28T10:00:00Z", "kind": "transfer", "account": "binance",
            "to_account": "wallet", "sent": {"asset": "BTC", "quantity": "0.2"},
            "fees": [{"asset": "BTC", "quantity": "0.00005"}]}),
    ] {
        add(app, token, &path, body).await;
    }
    path
}

/// The transactions with the prices that the program has: the newest stands for today.
pub(crate) async fn with_prices(app: &App, path: &str) -> TransactionFile {
    let (_, mut file) = app.state.portfolios.file(id_of(path)).await.unwrap();
    for (day, close) in BTC.into_iter().chain([("2026-03-01", BTC[2].1)]) {
        let day: NaiveDate = day.parse().unwrap();
        file.prices.set("bitcoin", day, close.parse().unwrap());
    }
    file
}

pub(crate) fn expected(file: &TransactionFile, method: LotMethod, year: Option<i32>) -> Report {
    let options = ReportOptions {
        year,
        history: true,
        ..ReportOptions::new(method)
    };
    report(file, &options).unwrap()
}

/// Compares members of an answer with those of a report by the same names.
#[track_caller]
pub(crate) fn same(answer: &Value, report: &Value, members: &[&str]) {
    for member in members {
        assert!(answer.get(member).is_some(), "no {member}: {answer}");
        assert_eq!(answer[member], report[member], "{member}");
    }
}

pub(crate) async fn figures_are_those_of_the_report(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, &ada.access).await;
    let get = async |rest: &str| app.get(&format!("{path}{rest}"), &ada.access).await;
    let file = with_prices(&app, &path).await;
    let whole = serde_json::to_value(expected(&file, LotMethod::Fifo, None)).unwrap();

    let shown = get("").await.good(200);
    let figures = &shown["figures"];
    assert_eq!(shown["figures_reason"], Value::Null);
    let amounts = [
        "value",
        "unrealized",
        "realized",
        "income",
        "fees",
        "transfer_fees",
        "net_invested",
        "implied_deposits",
        "swap_differences",
        "unexplained",
    ];
    same(figures, &whole, &amounts);
    same(
        figures,
        &whole["performance"],
        &["twr", "xirr", "xirr_reason", "max_drawdown"],
    );
    assert_eq!(figures["version"], shown["version"]);
    assert_eq!(
        figures["day_change"], "0",
        "the newest price is yesterday's close"
    );

    let holdings = get("/holdings").await.good(200);
    let holding = |asset: &str| {
        let mut all = holdings["data"].as_array().unwrap().iter();
        all.find(|holding| holding["asset"] == asset)
            .unwrap()
            .clone()
    };
    assert_eq!(holding("USD")["quantity"], whole["holdings"]["USD"]);
    let bitcoin = holding("bitcoin");
    let remaining = &whole["remaining"][0];
    same(
        &bitcoin,
        remaining,
        &[
            "asset",
            "account",
            "quantity",
            "basis",
            "value",
            "unrealized",
        ],
    );
    assert_eq!(bitcoin["price"], BTC[2].1);
    assert_eq!(bitcoin["price_at"], "2026-03-01T00:00:00Z");
    assert_eq!(
        bitcoin["price_source"],
        "imported from binance, USDT taken as USD"
    );

    let performance = get("/performance").await.good(200);
    let of_all = &whole["performance"];
    same(
        &performance,
        of_all,
        &[
            "twr",
            "xirr",
            "xirr_roots",
            "modified_dietz",
            "simple_return",
            "max_drawdown",
            "returns",
        ],
    );
    let computed = Computed::new(file.clone(), ReportOptions::new(LotMethod::Fifo)).unwrap();
    let day = |text: &str| Some(text.parse::<NaiveDate>().unwrap());
    let range = performance_between(computed.days(), day("2026-02-27"), day("2026-02-28"));
    let asked = get("/performance?from=2026-02-27&to=2026-02-28")
        .await
        .good(200);
    let range = serde_json::to_value(range).unwrap();
    same(
        &asked,
        &range,
        &["twr", "xirr", "xirr_reason", "modified_dietz", "returns"],
    );
    assert_eq!(asked["returns"], 2);

    let risk = get("/risk").await.good(200);
    same(
        &risk,
        of_all,
        &[
            "volatility",
            "sharpe",
            "sortino",
            "value_at_risk_95",
            "few_returns",
        ],
    );
    assert_eq!(risk["hhi"], whole["allocation"]["hhi"]);

    let history = get("/history").await.good(200);
    assert_eq!(history["data"], whole["history"]);
    let one = get("/history?from=2026-02-27&to=2026-02-27")
        .await
        .good(200);
    assert_eq!(one["data"], json!([whole["history"][1]]));

    let allocation = get("/allocation").await.good(200);
    let by_asset = allocation["by_asset"].as_array().unwrap();
    for share in by_asset {
        let name = share["name"].as_str().unwrap();
        assert_eq!(
            share["share"], whole["allocation"]["by_asset"][name],
            "{name}"
        );
    }
    assert_eq!(by_asset.len(), 2);
    let accounts: Vec<&Value> = allocation["by_account"]
        .as_array()
        .unwrap()
        .iter()
        .map(|share| &share["name"])
        .collect();
    assert_eq!(accounts, ["binance", "wallet"]);

    for (method, name) in [(LotMethod::Fifo, ""), (LotMethod::Uk, "?method=uk")] {
        let year = if method == LotMethod::Uk { 2025 } else { 2026 };
        let tax = get(&format!("/tax/{year}{name}")).await.good(200);
        let report = serde_json::to_value(expected(&file, method, Some(year))).unwrap();
        same(
            &tax,
            &report,
            &[
                "realized",
                "income",
                "fees",
                "value",
                "method",
                "income_lines",
                "flags",
            ],
        );
        assert_eq!(tax["holdings"], report["remaining"], "{method}");
        let disposals = tax["disposals"].as_array().unwrap();
        let wanted = report["disposals"].as_array().unwrap();
        assert_eq!(disposals.len(), wanted.len());
        for (disposal, wanted) in disposals.iter().zip(wanted) {
            same(
                disposal,
                wanted,
                &[
                    "date",
                    "quantity",
                    "proceeds",
                    "basis",
                    "gain",
                    "transactions",
                ],
            );
        }
    }
    let report = expected(&file, LotMethod::Fifo, Some(2026));
    let csv = get("/tax/2026?format=csv").await;
    assert_eq!((csv.status, csv.body), (200, report.tax_csv()));
    let page = get("/tax/2026?format=html").await;
    assert_eq!((page.status, page.body), (200, report.tax_html()));

    let explained = get("/explain?figure=realized").await.good(200);
    assert_eq!(explained["amount"], whole["realized"]);
    let text = explained.to_string();
    assert!(text.contains("sold") && text.contains("first"), "{text}");
    let few = get("/explain?figure=value&parts=1").await.good(200);
    assert_eq!(few["parts"].as_array().unwrap().len(), 1);
    get("/explain?figure=disposal:99")
        .await
        .is_problem(404, "not-found");

    let compared = get("/performance?benchmark=BTC").await.good(200);
    let benchmark = &compared["benchmark"];
    assert_eq!(
        benchmark["assets"],
        json!([{"asset": "bitcoin", "weight": "1"}])
    );
    assert!(benchmark["value"].is_string(), "{benchmark}");
    let compared = get("/performance?benchmark=bitcoin:0.5,ETH:0.5")
        .await
        .good(200);
    let benchmark = &compared["benchmark"];
    assert!(
        benchmark["value_reason"].is_string(),
        "nothing is known of ether: {benchmark}"
    );
    import_closes(
        &app,
        &key("binance", "ETHUSDT"),
        &[("2026-02-26", "2000"), ("2026-02-28", "2200")],
    )
    .await;
    let compared = get("/performance?benchmark=bitcoin:0.5,SOL:0.5")
        .await
        .good(200);
    assert_eq!(compared["benchmark"]["assets"][1]["asset"], "solana");
    let compared = get("/performance?benchmark=ETH").await.good(200);
    assert_eq!(compared["benchmark"]["twr"], "0.1", "{compared}");
    assert_eq!(compared["contribution"]["total"], of_all["twr"]);
    assert_eq!(risk["correlation"]["assets"], json!(["bitcoin"]));
    let allocation = get("/allocation?target=BTC:0.5,USD:0.5").await.good(200);
    let lines = allocation["target"]["lines"].as_array().unwrap();
    let actions: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| {
            (
                line["asset"].as_str().unwrap(),
                line["action"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(actions, [("USD", "sell"), ("bitcoin", "buy")]);

    get("/tax/1066").await.is_problem(404, "not-found");
    for wrong in [
        "/tax/2026?method=best",
        "/explain",
        "/explain?figure=luck",
        "/performance?benchmark=bitcoin:0.5",
        "/allocation?target=bitcoin:2",
        "/tax/2026?method=uk&scope=account",
        "/performance?from=2026-02-30",
        "/history?from=2026-03-01&to=2026-02-01",
    ] {
        get(wrong).await.is_problem(400, "invalid-request");
    }
}

pub(crate) async fn amounts_are_shown_in_another_currency(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, &ada.access).await;
    let get = async |rest: &str| app.get(&format!("{path}{rest}"), &ada.access).await;
    let file = with_prices(&app, &path).await;
    let options = |year| ReportOptions {
        year,
        history: true,
        ..ReportOptions::new(LotMethod::Fifo)
    };
    let in_bitcoin = |year| report_in(&file, &options(year), "bitcoin").unwrap();
    let whole = serde_json::to_value(in_bitcoin(None)).unwrap();

    let holdings = get("/holdings?currency=BTC").await.good(200);
    assert_eq!(holdings["currency"], "bitcoin");
    assert_eq!(holdings["value"], whole["value"]);
    let bitcoin = &holdings["data"][1];
    same(
        bitcoin,
        &whole["remaining"][0],
        &["quantity", "basis", "value", "unrealized"],
    );
    assert_eq!(bitcoin["price"], "1");

    let history = get("/history?currency=bitcoin").await.good(200);
    assert_eq!(history["currency"], "bitcoin");
    assert_eq!(history["data"], whole["history"]);

    let performance = get("/performance?currency=bitcoin&benchmark=bitcoin").await;
    let performance = performance.good(200);
    let figures = ["twr", "xirr", "modified_dietz", "max_drawdown", "returns"];
    same(&performance, &whole["performance"], &figures);
    assert_eq!(performance["currency"], "bitcoin");
    assert_eq!(performance["benchmark"]["twr"], "0", "a coin in itself");
    // Dollars rise and fall in bitcoin; it itself does not.
    let contribution = &performance["contribution"];
    assert_eq!(contribution["total"], performance["twr"]);
    let parts: Vec<&str> = contribution["by_asset"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["asset"].as_str().unwrap())
        .collect();
    assert!(parts.contains(&"USD"), "{contribution}");

    let summary = get("?currency=bitcoin").await.good(200);
    assert_eq!(summary["currency"], "USD", "the portfolio's own");
    let figures = [
        "currency",
        "value",
        "unrealized",
        "realized",
        "income",
        "fees",
        "net_invested",
    ];
    same(&summary["figures"], &whole, &figures);
    let figures = ["twr", "xirr", "max_drawdown"];
    same(&summary["figures"], &whole["performance"], &figures);
    let risk = get("/risk?currency=bitcoin").await.good(200);
    let figures = ["volatility", "sharpe", "max_drawdown", "value_at_risk_95"];
    same(&risk, &whole["performance"], &figures);

    let allocation = get("/allocation?currency=bitcoin").await.good(200);
    assert_eq!(allocation["value"], whole["value"]);
    let tax = get("/tax/2026?currency=bitcoin").await.good(200);
    let report = serde_json::to_value(in_bitcoin(Some(2026))).unwrap();
    let figures = [
        "currency",
        "realized",
        "income",
        "fees",
        "value",
        "income_lines",
    ];
    same(&tax, &report, &figures);
    assert_eq!(tax["holdings"], report["remaining"]);
    let csv = get("/tax/2026?currency=bitcoin&format=csv").await;
    assert_eq!(csv.body, in_bitcoin(Some(2026)).tax_csv());

    // Its own currency changes nothing; without a rate there is nothing to show.
    let own = get("/history?currency=usd").await.good(200);
    assert_eq!(own, get("/history").await.good(200));
    for route in [
        "",
        "/risk",
        "/holdings",
        "/history",
        "/performance",
        "/allocation",
        "/tax/2026",
    ] {
        let refused = get(&format!("{route}?currency=JPY")).await;
        let problem = refused.is_problem(409, "conflict");
        assert!(
            problem["detail"].as_str().unwrap().contains("JPY"),
            "{problem}"
        );
        let refused = get(&format!("{route}?currency=shells")).await;
        refused.is_problem(400, "invalid-request");
    }
}

pub(crate) async fn a_price_is_of_the_coin_in_its_currency_or_missing(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    // Another coin with the same ticker has a price.
    let other = NewToken {
        id: AssetId::new("bitcoin-2").unwrap(),
        symbol: "BTC".to_owned(),
        name: "Another".to_owned(),
        rank: None,
        instruments: vec![NewInstrument {
            key: key("binance", "BTC2USDT"),
            quote: "USDT".to_owned(),
        }],
    };
    app.store.add_token(&other).await.unwrap();
    import_closes(&app, &key("binance", "BTC2USDT"), &[("2026-02-28", "0.5")]).await;
    let path = create(
        &app,
        &ada.access,
        json!({"name": "euros", "currency": "EUR"}),
    )
    .await;
    let opening = |id: &str, asset: &str| {
        json!({"id": id, "time": "2026-02-27T00:00:00Z", "kind": "opening", "account": "box",
            "received": {"asset": asset, "quantity": "2"}, "basis": "10"})
    };
    add(&app, &ada.access, &path, opening("a", "bitcoin")).await;
    add(&app, &ada.access, &path, opening("b", "House in Kent")).await;
    add(&app, &ada.access, &path, opening("c", "USDT")).await;

    let holdings = async || {
        let answer = app
            .get(&format!("{path}/holdings"), &ada.access)
            .await
            .good(200);
        let mut found = std::collections::BTreeMap::new();
        for holding in answer["data"].as_array().unwrap() {
            found.insert(
                holding["asset"].as_str().unwrap().to_owned(),
                holding.clone(),
            );
        }
        (answer, found)
    };
    let (answer, found) = holdings().await;
    assert_eq!(answer["value"], Value::Null);
    let reason = answer["value_reason"].as_str().unwrap();
    assert!(
        reason.contains("bitcoin") && reason.contains("House in Kent"),
        "{reason}"
    );
    let reason = found["bitcoin"]["price_reason"].as_str().unwrap();
    assert!(reason.contains("no rate of EUR is known"), "{reason}");
    let reason = found["House in Kent"]["price_reason"].as_str().unwrap();
    assert!(reason.contains("no coin that is known"), "{reason}");

    // Bitcoin in euros says what a euro is worth.
    let in_euros = NewToken {
        id: AssetId::new("bitcoin").unwrap(),
        symbol: "BTC".to_owned(),
        name: "Bitcoin".to_owned(),
        rank: None,
        instruments: vec![NewInstrument {
            key: key("kraken", "BTC/EUR"),
            quote: "EUR".to_owned(),
        }],
    };
    app.store.add_token(&in_euros).await.unwrap();
    import_closes(
        &app,
        &key("kraken", "BTC/EUR"),
        &[("2026-02-28", "48800.2")],
    )
    .await;
    // Older than an answer may be.
    app.advance(601);
    let (_, found) = holdings().await;
    assert_eq!(found["bitcoin"]["price"], "48800.2");
    assert_eq!(found["bitcoin"]["value"], "97600.4");
    assert_eq!(found["USDT"]["price"], "0.8");
    let source = found["bitcoin"]["price_source"].as_str().unwrap();
    assert_eq!(
        source,
        "imported from binance, USDT to EUR by binance:BTCUSDT and kraken:BTC/EUR"
    );
    let shown = app.get(&path, &ada.access).await.good(200);
    assert_eq!(shown["figures"]["value"], Value::Null);
    assert_eq!(
        shown["figures"]["value_reason"],
        "no price for House in Kent"
    );
}

pub(crate) async fn a_change_and_a_corrected_price_are_computed(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, &ada.access).await;
    let figures = async || app.get(&path, &ada.access).await.good(200)["figures"].clone();
    let before = figures().await;
    let same_again = figures().await;
    assert_eq!(before["computed_at"], same_again["computed_at"]);

    add(
        &app,
        &ada.access,
        &path,
        buy("later", "2026-02-26T12:00:00Z", "0.01", "600"),
    )
    .await;
    let file = with_prices(&app, &path).await;
    let whole = serde_json::to_value(expected(&file, LotMethod::Fifo, None)).unwrap();
    let changed = figures().await;
    same(
        &changed,
        &whole,
        &[
            "value",
            "unrealized",
            "realized",
            "net_invested",
            "unexplained",
        ],
    );
    assert_eq!(
        changed["version"].as_i64(),
        before["version"].as_i64().map(|v| v + 1)
    );

    // A corrected close is noticed behind an answer, once prices are not fresh.
    import_closes(&app, &btc(), &[("2026-02-27", "63000")]).await;
    app.advance(61);
    let mut file = with_prices(&app, &path).await;
    file.prices.set(
        "bitcoin",
        "2026-02-27".parse().unwrap(),
        "63000".parse().unwrap(),
    );
    let wanted = serde_json::to_value(expected(&file, LotMethod::Fifo, None)).unwrap();
    let corrected = async {
        loop {
            let shown = figures().await;
            if shown["income"] == wanted["income"] {
                return shown;
            }
            tokio::task::yield_now().await;
        }
    };
    let corrected = timeout(PATIENCE, corrected)
        .await
        .expect("it was valued at that price");
    same(
        &corrected,
        &wanted,
        &["value", "realized", "unrealized", "unexplained"],
    );
    assert_ne!(corrected["income"], changed["income"]);
}
