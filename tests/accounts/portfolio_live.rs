//! Values of portfolios on streams: they follow trades and changes, and nobody but their owner hears of them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use coinsphere::accounts::Role;
use coinsphere::portfolios::Method as LotMethod;
use coinsphere::user_portfolios::live;
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervision::SupervisedLoop;
use coinsphere_pipelines::market::{Price, Quantity, TakerSide, Timestamp, Trade, TradeId};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::app::{App, Pair, Place};
use super::portfolio_figures::{
    BTC, add, btc, buy, create, expected, filled, id_of, import_closes, same, with_prices,
};
use super::program::Program;
use super::two_factor::verified;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Stream(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Stream {
    pub(crate) async fn connect(address: std::net::SocketAddr, token: &str) -> Self {
        let url = format!("ws://{address}/api/v1/stream");
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let mut stream = Self(connect_async(request).await.unwrap().0);
        assert_eq!(stream.next().await.unwrap()["type"], "welcome");
        stream
    }

    /// The next message but pings; or the code it was closed with.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.unwrap();
            match message.unwrap().unwrap() {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] != "ping" {
                        return Ok(message);
                    }
                }
                Message::Close(Some(frame)) => return Err(frame.code.into()),
                _ => {}
            }
        }
    }

    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        let request = request.to_string();
        self.0.send(Message::text(request)).await.unwrap();
        self.next().await.unwrap()
    }

    pub(crate) async fn subscribe(&mut self, topic: &str) -> Value {
        self.ask(json!({"type": "subscribe", "topics": [topic]}))
            .await
    }

    /// The data of the next value that fits.
    async fn value(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.next().await.unwrap();
            assert_eq!(message["type"], "portfolio", "{message}");
            if fits(&message["data"]) {
                return message["data"].clone();
            }
        }
    }
}

fn trade(id: u64, price: &str) -> Trade {
    Trade {
        id: TradeId(id),
        time: Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").unwrap() + Duration::from_millis(id),
        price: Price::parse(price).unwrap(),
        quantity: Quantity::parse("1").unwrap(),
        taker: TakerSide::Buy,
    }
}

pub(crate) async fn a_live_value_follows_trades_and_is_for_its_owner(place: Place) {
    let mut app = place
        .app_with(|config| config.public_market_data = true)
        .await;
    app.keep_up().await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let eve = verified(&app, "eve@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, &ada.access).await;
    let topic = format!("portfolio:{}", id_of(&path));
    let (figures, hub) = (app.state.figures.clone(), Arc::clone(&app.state.hub));
    let _live = SupervisedLoop::start(&app.statuses, live::NAME, live::PROGRESS, move |context| {
        let (figures, of) = (figures.clone(), context.clone());
        context.until_quit(live::run(figures, of))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopping = async move {
        let _ = stopped.await;
    };
    let (state, statuses) = (app.state.clone(), app.statuses.clone());
    let serving =
        tokio::spawn(
            async move { coinsphere::http::serve(listener, state, &statuses, stopping).await },
        );

    let mut stranger = Stream::connect(address, &eve.access).await;
    assert_eq!(
        stranger.subscribe(&topic).await["code"],
        "unknown_portfolio"
    );
    for (name, scopes, code) in [
        ("without", &["market:read"][..], "not_allowed"),
        ("with", &["market:read", "portfolio:read"], ""),
    ] {
        let key = Program::make(&app, &ada, name, scopes, json!({})).await;
        let mut program = Stream::connect(address, &key.secret).await;
        let answer = program.subscribe(&topic).await;
        assert_eq!(
            answer["code"].as_str().unwrap_or_default(),
            code,
            "{answer}"
        );
    }
    assert!(hub.last_trade(&btc()).is_none());

    let mut stream = Stream::connect(address, &ada.access).await;
    assert_eq!(stream.subscribe(&topic).await["type"], "subscribed");
    let first = stream.value(|_| true).await;
    let shown = app.get(&path, &ada.access).await.good(200);
    let fields = ["value", "unrealized", "day_change", "version"];
    same(&first, &shown["figures"], &fields);

    // A trade: the total, the change of the day, and each holding.
    hub.publish_trades(&btc(), &[trade(1, "70000")]);
    let moved = stream.value(|data| data["value"] != first["value"]).await;
    let shown = app.get(&path, &ada.access).await.good(200);
    same(&moved, &shown["figures"], &fields);
    let mut file = with_prices(&app, &path).await;
    file.prices.set(
        "bitcoin",
        "2026-03-01".parse().unwrap(),
        "70000".parse().unwrap(),
    );
    let whole = serde_json::to_value(expected(&file, LotMethod::Fifo, None)).unwrap();
    same(&moved, &whole, &["value", "unrealized"]);
    let bitcoin = &moved["holdings"][1];
    assert_eq!(bitcoin["price"], "70000");
    assert_eq!(bitcoin["price_at"], "2026-03-01T12:00:00.001Z");
    same(
        bitcoin,
        &whole["remaining"][0],
        &["quantity", "value", "unrealized"],
    );
    assert_eq!(bitcoin["day_change"], moved["day_change"]);

    // However often it trades, ten a second are sent.
    let begun = Instant::now();
    let mut sent: u128 = 0;
    for id in 2..=300 {
        hub.publish_trades(&btc(), &[trade(id, &format!("{}", 70_000 + id))]);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    loop {
        let value = stream.value(|_| true).await;
        sent += 1;
        if value["holdings"][1]["price"] == "70300" {
            break;
        }
    }
    let most = begun.elapsed().as_millis() / 100 + 2;
    assert!(sent <= most, "{sent} of {most}");

    // A transaction that is made meanwhile is seen.
    add(
        &app,
        &ada.access,
        &path,
        buy("live", "2026-03-01T11:00:00Z", "0.01", "700"),
    )
    .await;
    let version = shown["version"].as_i64().unwrap() + 1;
    let changed = stream.value(|data| data["version"] == version).await;
    let shown = app.get(&path, &ada.access).await.good(200);
    same(&changed, &shown["figures"], &fields);

    // It ends with the portfolio, and with the session.
    let second = create(&app, &ada.access, json!({"name": "short"})).await;
    let second_topic = format!("portfolio:{}", id_of(&second));
    assert_eq!(stream.subscribe(&second_topic).await["type"], "subscribed");
    stream.value(|data| data["value"] == "0").await;
    app.send(Method::DELETE, &second, Some(&ada.access), None)
        .await
        .good(204);
    assert_eq!(
        stream.next().await,
        Ok(json!({"type": "ended", "topic": second_topic}))
    );
    logged_out(&app, &ada, &hub, &mut stream).await;
    stop.send(()).unwrap();
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
}

pub(crate) async fn a_change_of_another_process_is_heard(place: Place) {
    let app = place.app_with(|_| {}).await;
    let other = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let path = filled(&app, &ada.access).await;
    let id = id_of(&path);
    let figures = app.state.figures.clone();
    let _live = SupervisedLoop::start(&app.statuses, live::NAME, live::PROGRESS, move |context| {
        let (figures, of) = (figures.clone(), context.clone());
        context.until_quit(live::run(figures, of))
    });
    let mut changes = app.state.portfolios.changes();
    let begun = Instant::now();
    // Until it listens, nothing is heard.
    let heard = loop {
        assert!(begun.elapsed() < PATIENCE, "nothing is heard");
        let number = begun.elapsed().as_nanos();
        let late = buy(&number.to_string(), "2026-02-28T12:00:00Z", "0.01", "700");
        add(&other, &ada.access, &path, late).await;
        if let Ok(heard) = timeout(Duration::from_secs(1), changes.recv()).await {
            break heard.unwrap();
        }
    };
    let noon = Timestamp::parse_rfc3339("2026-02-28T12:00:00Z").unwrap();
    assert_eq!((heard.portfolio, heard.since), (id, Some(noon.nanos())));
    let shown = other.get(&path, &ada.access).await.good(200);
    assert_eq!(heard.version, shown["version"].as_i64());
    let gone = other.send(Method::DELETE, &path, Some(&ada.access), None);
    gone.await.good(204);
    let heard = timeout(PATIENCE, changes.recv()).await.unwrap().unwrap();
    assert_eq!((heard.portfolio, heard.version), (id, None));
}

/// Nothing more comes to a stream whose session has ended.
async fn logged_out(app: &App, owner: &Pair, hub: &PushHub, stream: &mut Stream) {
    let path = "/api/v1/auth/logout";
    app.send(Method::POST, path, Some(&owner.access), None)
        .await
        .good(204);
    let begun = Instant::now();
    let mut id = 1_000;
    loop {
        id += 1;
        hub.publish_trades(&btc(), &[trade(id, &format!("{}", 80_000 + id))]);
        match timeout(Duration::from_millis(200), stream.next()).await {
            Ok(Err(code)) => {
                assert_eq!(code, 4003);
                return;
            }
            _ => assert!(begun.elapsed() < Duration::from_secs(10), "it goes on"),
        }
    }
}
