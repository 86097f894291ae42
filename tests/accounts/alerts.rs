//! Alerts end to end: created over HTTP, judged by the evaluator over an event log, told over HTTP and streams.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use coinsphere::accounts::Role;
use coinsphere::user_alerts::{EvaluationDeps, evaluation, relay};
use coinsphere_actors::supervision::SupervisedLoop;
use coinsphere_pipelines::events::{Body, ConnectionId, InstrumentTrades, Record};
use coinsphere_pipelines::log::{EventLog, MemoryLog};
use coinsphere_pipelines::market::{
    InstrumentKey, Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId, Venue,
};
use serde_json::{Value, json};

use super::app::{Answer, App, Pair, Place};
use super::portfolio_live::Stream;
use super::two_factor::{post, verified};

const ALERTS: &str = "/api/v1/alerts";

pub(crate) const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// The program's parts that alerts need, over a log in memory.
pub(crate) struct Judged {
    log: Arc<dyn EventLog>,
    evaluation: Option<SupervisedLoop>,
    _relay: SupervisedLoop,
}

fn evaluate(app: &App, log: &Arc<dyn EventLog>) -> SupervisedLoop {
    let deps = EvaluationDeps {
        alerts: app.state.alerts.clone(),
        log: Arc::clone(log),
    };
    let (name, limit) = (evaluation::NAME, evaluation::PROGRESS);
    SupervisedLoop::start(&app.statuses, name, limit, move |context| {
        evaluation::run(deps.clone(), context)
    })
}

impl Judged {
    pub(crate) fn start(app: &App) -> Self {
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::unbounded(4));
        let alerts = app.state.alerts.clone();
        let relaying = move |context: coinsphere_actors::supervision::LoopContext| {
            let (alerts, of) = (alerts.clone(), context.clone());
            context.until_quit(relay::run(alerts, of))
        };
        Self {
            evaluation: Some(evaluate(app, &log)),
            _relay: SupervisedLoop::start(&app.statuses, relay::NAME, relay::PROGRESS, relaying),
            log,
        }
    }

    /// Ends judging, in order or as a crash would, and begins again.
    pub(crate) async fn restart(&mut self, app: &App, in_order: bool) {
        match self.evaluation.take() {
            Some(evaluation) if in_order => evaluation.stop().await,
            cut_off => drop(cut_off),
        }
        self.evaluation = Some(evaluate(app, &self.log));
    }

    pub(crate) async fn append(&self, symbol: &str, trades: Vec<Trade>) {
        append(&*self.log, symbol, trades).await;
    }

    /// Trades of the first symbol, with numbers from `first` on.
    pub(crate) async fn prices(&self, first: u64, prices: &[&str]) {
        let trades = (first..).zip(prices).map(|(id, price)| trade(id, price));
        self.append(SYMBOLS[0], trades.collect()).await;
    }
}

fn key(symbol: &str) -> InstrumentKey {
    InstrumentKey::new(Venue::new("binance"), Symbol::new(symbol).unwrap())
}

fn noon() -> Timestamp {
    Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").unwrap()
}

pub(crate) fn trade(id: u64, price: &str) -> Trade {
    Trade {
        id: TradeId(id),
        time: noon() + Duration::from_millis(id),
        price: Price::parse(price).unwrap(),
        quantity: Quantity::parse("1").unwrap(),
        taker: TakerSide::Buy,
    }
}

async fn append(log: &dyn EventLog, symbol: &str, trades: Vec<Trade>) {
    let key = key(symbol);
    let record = Record {
        venue: key.venue,
        connection: ConnectionId(7),
        received_at: noon(),
        body: Body::Trades(vec![InstrumentTrades {
            symbol: key.symbol.clone(),
            trades,
        }]),
    };
    let partition = key.partition(log.partitions());
    log.append(partition, vec![Arc::new(record)]).await.unwrap();
}

pub(crate) fn price_rule(operator: &str, threshold: &str) -> Value {
    json!({"kind": "price", "venue": "binance", "symbol": "BTCUSDT", "operator": operator,
        "threshold": threshold})
}

pub(crate) async fn create(app: &App, user: &Pair, body: Value) -> Value {
    post(app, ALERTS, &user.access, body).await.good(201)
}

fn path_of(alert: &Value) -> String {
    format!("{ALERTS}/{}", alert["id"].as_str().unwrap())
}

async fn ask(app: &App, method: Method, path: &str, user: &Pair, body: Option<Value>) -> Answer {
    app.send(method, path, Some(&user.access), body.as_ref())
        .await
}

async fn events(app: &App, user: &Pair, alert: &Value) -> Vec<Value> {
    let path = format!("{}/events", path_of(alert));
    let page = app.get(&path, &user.access).await.good(200);
    page["data"].as_array().unwrap().clone()
}

/// Waits until an alert has so many events.
pub(crate) async fn fired(app: &App, user: &Pair, alert: &Value, count: usize) -> Vec<Value> {
    let waiting = async {
        loop {
            let found = events(app, user, alert).await;
            if found.len() >= count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    let found = found.unwrap_or_else(|_| panic!("never {count} events of {alert}"));
    assert_eq!(found.len(), count, "{found:?}");
    found
}

pub(crate) async fn an_alert_fires_once_with_the_trade_that_crossed(place: Place) {
    let mut app = place
        .app_with(|config| config.public_market_data = true)
        .await;
    app.keep_up().await;
    let judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (state, statuses) = (app.state.clone(), app.statuses.clone());
    let serving = tokio::spawn(async move {
        coinsphere::http::serve(listener, state, &statuses, std::future::pending::<()>()).await
    });
    judged.prices(1, &["59990"]).await;
    let body = json!({"name": " BTC at 60,000 ", "condition": price_rule("crosses_up", "60000"),
        "severity": "urgent", "note": "sell a tenth"});
    let alert = create(&app, &ada, body).await;
    for (field, value) in [
        ("name", json!("BTC at 60,000")),
        ("condition", price_rule("crosses_up", "60000")),
        ("repeat", json!("once")),
        ("cooldown_seconds", json!(0)),
        ("fire_if_met", json!(false)),
        ("channels", json!([])),
        ("state", json!("armed")),
        ("revision", json!(1)),
        ("armed_price", json!("59990")),
        ("notice", json!(null)),
    ] {
        assert_eq!(alert[field], value, "{field}: {alert}");
    }
    assert_eq!(alert["preview"]["count"], 0, "{alert}");

    let mut stream = Stream::connect(address, &ada.access).await;
    assert_eq!(stream.subscribe("alerts").await["type"], "subscribed");
    let mut second = Stream::connect(address, &ada.access).await;
    second.subscribe("alerts").await;
    let mut stranger = Stream::connect(address, &eve.access).await;
    stranger.subscribe("alerts").await;

    judged
        .prices(2, &["59995", "60000", "59990", "60010", "60020"])
        .await;
    let found = fired(&app, &ada, &alert, 1).await;
    let event = &found[0];
    assert_eq!(event["alert_id"], alert["id"]);
    assert_eq!(event["late"], false);
    assert_eq!(event["in_gap"], false);
    let trigger = &event["trigger"];
    assert_eq!(trigger["trade_id"], 3, "{event}");
    assert_eq!(trigger["price"], "60000");
    assert_eq!(trigger["price_before"], "59995");
    assert_eq!(trigger["time"], "2026-03-01T12:00:00.003Z");
    let said = app.rows("SELECT title, body FROM notifications").await;
    assert_eq!(said.len(), 1, "one notification");
    assert_eq!(said[0].get::<_, &str>(0), "BTC at 60,000");
    assert!(said[0].get::<_, &str>(1).contains("traded at 60000"));
    let mut event = event.clone();
    let deliveries = event.as_object_mut().unwrap().remove("deliveries");
    assert_eq!(deliveries, Some(json!([])), "there is no channel");
    let event = &event;
    for stream in [&mut stream, &mut second] {
        let message = stream.next().await.unwrap();
        assert_eq!(message["type"], "alert", "{message}");
        assert_eq!(message["topic"], "alerts");
        assert_eq!(&message["data"], event, "as over HTTP");
    }
    let shown = app.get(&path_of(&alert), &ada.access).await.good(200);
    assert_eq!(
        (&shown["state"], &shown["fired_count"]),
        (&json!("fired"), &json!(1))
    );

    // What was missed is sent after the cursor, and an event is acknowledged once.
    let asked = json!({"type": "subscribe", "topics": ["alerts"], "cursor": "0"});
    let mut again = Stream::connect(address, &ada.access).await;
    assert_eq!(again.ask(asked).await["type"], "subscribed");
    assert_eq!(&again.next().await.unwrap()["data"], event);
    let seen = json!({"type": "acknowledge", "event": event["id"], "id": 1});
    assert_eq!(stranger.ask(seen.clone()).await["code"], "unknown_event");
    assert_eq!(again.ask(seen).await["type"], "acknowledged");
    let seen = events(&app, &ada, &alert).await;
    assert!(seen[0]["acknowledged_at"].is_string(), "{seen:?}");

    // A state that is met already: with `fire_if_met` it fires at once, without it says so.
    let met = json!({"name": "met", "condition": price_rule("above", "60000")});
    let waits = create(&app, &ada, met.clone()).await;
    let notice = waits["notice"].as_str().unwrap();
    assert!(
        notice.contains("met already") && notice.contains("60020"),
        "{notice}"
    );
    let mut fires = met;
    fires["fire_if_met"] = json!(true);
    let fires = create(&app, &ada, fires).await;
    assert_eq!(fires["state"], "fired", "{fires}");
    let found = events(&app, &ada, &fires).await;
    assert_eq!(found[0]["trigger"]["trade_id"], 6, "{found:?}");
    assert!(events(&app, &ada, &waits).await.is_empty());

    // What is judged long after it arrived is late.
    app.advance(120);
    judged.prices(7, &["59000", "61000"]).await;
    let found = fired(&app, &ada, &waits, 1).await;
    assert_eq!(
        (&found[0]["trigger"]["trade_id"], &found[0]["late"]),
        (&json!(8), &json!(true))
    );
    serving.abort();
}

pub(crate) async fn a_rule_is_checked_and_every_wrong_field_named(place: Place) {
    let app = place.app().await;
    let _judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let good = json!({"name": "x", "condition": price_rule("above", "1")});
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    let refused = [
        (
            with(&|it| it["condition"]["venue"] = json!("binanse")),
            "condition.venue",
            "binance",
        ),
        (
            with(&|it| it["condition"]["symbol"] = json!("BTC-USDT")),
            "condition.symbol",
            "BTCUSDT",
        ),
        (
            with(&|it| it["condition"]["threshold"] = json!("-1")),
            "condition.threshold",
            "above 0",
        ),
        (
            with(&|it| it["condition"]["threshold"] = json!(1.5)),
            "condition.threshold",
            "string",
        ),
        (
            with(&|it| it["condition"]["operator"] = json!("near")),
            "condition.operator",
            "crosses_up",
        ),
        (
            with(&|it| it["condition"]["kind"] = json!("mood")),
            "condition.kind",
            "price",
        ),
        (
            with(&|it| it["repeat"] = json!("twice")),
            "repeat",
            "always",
        ),
        (
            with(&|it| it["cooldown_seconds"] = json!(-5)),
            "cooldown_seconds",
            "",
        ),
        (
            with(&|it| it["severity"] = json!("loud")),
            "severity",
            "urgent",
        ),
        (
            with(&|it| it["colour"] = json!("red")),
            "colour",
            "no such field",
        ),
        (with(&|it| it["name"] = json!("")), "name", "characters"),
        (json!({"name": "x"}), "condition", "missing"),
        (
            json!({"condition": price_rule("above", "1")}),
            "name",
            "missing",
        ),
    ];
    for (body, field, words) in refused {
        for path in [ALERTS, "/api/v1/alerts/preview"] {
            if field == "name" && path != ALERTS {
                continue;
            }
            let problem = post(&app, path, &ada.access, body.clone()).await;
            let problem = problem.is_problem(400, "invalid-request");
            let errors = problem["errors"].as_array().unwrap();
            let error = errors.iter().find(|error| error["field"] == field);
            let error = error.unwrap_or_else(|| panic!("{field}: {problem}"));
            assert!(
                error["detail"].as_str().unwrap().contains(words),
                "{field}: {error}"
            );
        }
    }
    let mut nobodys = with(&|_| {});
    nobodys["channels"] = json!(["0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60"]);
    let problem = post(&app, ALERTS, &ada.access, nobodys).await;
    let problem = problem.is_problem(400, "invalid-request");
    assert_eq!(problem["errors"][0]["field"], "channels", "{problem}");
    let all = json!({"name": "", "condition": {"kind": "price", "venue": "binance", "operator": "x"},
        "repeat": 7});
    let problem = post(&app, ALERTS, &ada.access, all).await;
    let problem = problem.is_problem(400, "invalid-request");
    let fields: BTreeSet<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    let wanted = [
        "condition.operator",
        "condition.symbol",
        "condition.threshold",
        "name",
        "repeat",
    ];
    assert_eq!(fields, BTreeSet::from(wanted), "{problem}");
    assert_eq!(
        app.get(ALERTS, &ada.access).await.good(200)["data"],
        json!([])
    );
    let preview = post(&app, "/api/v1/alerts/preview", &ada.access, good)
        .await
        .good(200);
    assert_eq!(preview["candles"], 0, "{preview}");
}

pub(crate) async fn pausing_editing_and_deleting_take_effect_between_two_trades(place: Place) {
    let app = place.app().await;
    let judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    judged.prices(1, &["100"]).await;
    let body = json!({"name": "a", "condition": price_rule("crosses", "150"), "repeat": "always",
        "cooldown_seconds": 0, "hysteresis": "0"});
    let alert = create(&app, &ada, body).await;
    let path = path_of(&alert);
    judged.prices(2, &["160"]).await;
    fired(&app, &ada, &alert, 1).await;

    let paused = ask(&app, Method::POST, &format!("{path}/pause"), &ada, None)
        .await
        .good(200);
    assert_eq!(paused["state"], "paused");
    judged.prices(3, &["140", "160"]).await;
    let resumed = ask(&app, Method::POST, &format!("{path}/resume"), &ada, None)
        .await
        .good(200);
    assert_eq!(
        (&resumed["state"], &resumed["revision"]),
        (&json!("armed"), &json!(2))
    );
    assert_eq!(resumed["armed_price"], "160", "at the value there is then");
    judged.prices(5, &["140"]).await;
    let found = fired(&app, &ada, &alert, 2).await;
    assert_eq!(
        (&found[0]["trigger"]["trade_id"], &found[0]["revision"]),
        (&json!(5), &json!(2))
    );

    // A name is no other rule; a threshold is.
    let named = json!({"name": "b", "severity": "info"});
    let renamed = ask(&app, Method::PATCH, &path, &ada, Some(named))
        .await
        .good(200);
    assert_eq!(
        (&renamed["name"], &renamed["revision"]),
        (&json!("b"), &json!(2))
    );
    let edit = json!({"condition": price_rule("crosses", "130")});
    let edited = ask(&app, Method::PATCH, &path, &ada, Some(edit))
        .await
        .good(200);
    assert_eq!(
        (&edited["revision"], &edited["repeat"]),
        (&json!(3), &json!("always"))
    );
    judged.prices(6, &["155", "145", "129"]).await;
    let found = fired(&app, &ada, &alert, 3).await;
    assert_eq!(found[0]["trigger"]["trade_id"], 8, "{found:?}");

    // Redelivered trades are judged once; what follows missing ones says so.
    judged.prices(6, &["155", "145", "129"]).await;
    judged.prices(12, &["131"]).await;
    let found = fired(&app, &ada, &alert, 4).await;
    assert_eq!(
        (&found[0]["trigger"]["trade_id"], &found[0]["in_gap"]),
        (&json!(12), &json!(true))
    );

    // What may be absent can be taken away again.
    for (note, expires_at) in [("sell", "2199-01-01T00:00:00Z"), ("", "")] {
        let given = |text: &str| match text {
            "" => Value::Null,
            text => json!(text),
        };
        let edit = json!({"note": given(note), "expires_at": given(expires_at)});
        let edited = ask(&app, Method::PATCH, &path, &ada, Some(edit)).await;
        let edited = edited.good(200);
        assert_eq!(edited["note"], given(note), "{edited}");
        assert_eq!(edited["expires_at"], given(expires_at), "{edited}");
    }

    assert_eq!(
        ask(&app, Method::DELETE, &path, &ada, None).await.status,
        204
    );
    ask(&app, Method::GET, &path, &ada, None)
        .await
        .is_problem(404, "not-found");
    judged.prices(13, &["100"]).await;
    let other = json!({"name": "c", "condition": price_rule("below", "90"), "fire_if_met": true});
    create(&app, &ada, other).await;
    assert!(
        app.rows("SELECT FROM alert_events").await.is_empty(),
        "gone with their alert"
    );
    assert_eq!(app.rows("SELECT FROM alerts").await.len(), 1);
}

pub(crate) async fn what_is_somebody_elses_is_not_found(place: Place) {
    let app = place.app().await;
    let _judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    let body = json!({"name": "a", "condition": price_rule("above", "150")});
    let alert = create(&app, &ada, body).await;
    assert!(
        alert["notice"].as_str().unwrap().contains("no price yet"),
        "{alert}"
    );
    let document = app
        .send(Method::GET, "/openapi.json", None, None)
        .await
        .good(200);
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/api/v1/alerts/{id}") {
            continue;
        }
        for method in operations.as_object().unwrap().keys() {
            if !["get", "post", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            asked += 1;
            let path = path.replace("{id}", alert["id"].as_str().unwrap());
            let body = (method == Method::PATCH).then(|| json!({"name": "mine"}));
            let answer = ask(&app, method.clone(), &path, &eve, body.clone()).await;
            answer.is_problem(404, "not-found");
            let answer = app.send(method, &path, None, body.as_ref()).await;
            answer.is_problem(401, "not-signed-in");
        }
    }
    assert!(asked >= 6, "{asked}");
    assert_eq!(
        app.get(ALERTS, &eve.access).await.good(200)["data"],
        json!([])
    );
    let shown = app.get(&path_of(&alert), &ada.access).await.good(200);
    assert_eq!(
        (&shown["name"], &shown["state"]),
        (&json!("a"), &json!("armed"))
    );
}

pub(crate) async fn without_an_evaluator_nothing_is_promised(place: Place) {
    let app = place.app().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let body = json!({"name": "a", "condition": price_rule("above", "150")});
    let answer = post(&app, ALERTS, &ada.access, body).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(
        app.get(ALERTS, &ada.access).await.good(200)["data"],
        json!([])
    );
}
