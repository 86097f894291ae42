//! What of a portfolio is read: nothing while nobody asks or follows, and after an edit only what comes after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Method;
use coinsphere::accounts::{Logged, Role};
use coinsphere::portfolios::Method as LotMethod;
use coinsphere::secrets::Randomness;
use coinsphere::user_portfolios::{PortfolioFigures, UserPortfolios, live};
use coinsphere_actors::push::Topic;
use coinsphere_actors::supervision::SupervisedLoop;
use coinsphere_pipelines::market::{Price, Quantity, TakerSide, Timestamp, Trade, TradeId};
use coinsphere_pipelines::store::{Store, StoreSource};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::app::Place;
use super::portfolio_figures::{
    BTC, add, btc, buy, expected, filled, id_of, import_closes, same, with_prices,
};
use super::two_factor::verified;

const PATIENCE: Duration = Duration::from_secs(20);

/// A database, and how often it was turned to.
struct Counted {
    store: Store,
    asked: AtomicU32,
}

impl StoreSource for Counted {
    fn store(&self) -> Option<Store> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Some(self.store.clone())
    }
}

fn trade(id: u64) -> Trade {
    Trade {
        id: TradeId(id),
        time: Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").unwrap(),
        price: Price::parse("70000").unwrap(),
        quantity: Quantity::parse("1").unwrap(),
        taker: TakerSide::Buy,
    }
}

pub(crate) async fn a_portfolio_that_nobody_follows_is_not_read(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, &ada.access).await;
    let id = id_of(&path);
    // The process that keeps live values.
    let source = Arc::new(Counted {
        store: app.store.clone(),
        asked: AtomicU32::new(0),
    });
    let portfolios = UserPortfolios::new(
        source.clone(),
        app.clock.clone(),
        Randomness::of_system().unwrap(),
        Arc::new(Logged),
    );
    let hub = Arc::clone(&app.state.hub);
    let figures = PortfolioFigures::new(portfolios.clone(), Arc::clone(&hub));
    let mut changes = portfolios.changes();
    let _live = SupervisedLoop::start(&app.statuses, live::NAME, live::PROGRESS, move |context| {
        let (figures, of) = (figures.clone(), context.clone());
        context.until_quit(live::run(figures, of))
    });
    let edit = async |id: &str| {
        let row = buy(id, "2026-02-28T12:00:00Z", "0.01", "700");
        add(&app, &ada.access, &path, row).await;
    };
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "nothing is heard");
        edit(&begun.elapsed().as_nanos().to_string()).await;
        if timeout(Duration::from_secs(1), changes.recv())
            .await
            .is_ok()
        {
            break;
        }
    }

    let before = source.asked.load(Ordering::SeqCst);
    edit("unheeded").await;
    let heard = timeout(PATIENCE, changes.recv()).await.unwrap().unwrap();
    assert_eq!(heard.portfolio, id);
    hub.publish_trades(&btc(), &[trade(1)]);
    // Nothing tells of nothing being done: two turns of the loop.
    sleep(Duration::from_millis(2_500)).await;
    assert_eq!(source.asked.load(Ordering::SeqCst), before);

    let mut follower = hub.connect().unwrap();
    follower.subscribe(&Topic::Portfolio(id)).unwrap();
    let mut values = Vec::new();
    while values.is_empty() {
        timeout(PATIENCE, follower.changed()).await.unwrap();
        follower.take(&mut values, 1).unwrap();
    }
    assert!(source.asked.load(Ordering::SeqCst) > before);
}

pub(crate) async fn an_edit_reads_only_what_comes_after_it(place: Place) {
    let app = place.app_with(|_| {}).await;
    let ada = verified(&app, "ada@example.org", Role::User).await;
    import_closes(&app, &btc(), &BTC).await;
    let path = filled(&app, &ada.access).await;
    app.get(&path, &ada.access).await.good(200);
    // Behind its back, something before the edit is other than it was read.
    let tampered = app
        .rows(
            "UPDATE portfolio_transactions SET body = replace(body, '30100', '20100') \
             WHERE external_id = 'first' AND body LIKE '%30100%' RETURNING number",
        )
        .await;
    assert_eq!(tampered.len(), 1);
    let list = app.get(&format!("{path}/transactions"), &ada.access).await;
    let list = list.good(200);
    let moved = &list["data"][0];
    assert_eq!(moved["id"], "moved");
    let mut body = json!({"time": "2026-02-28T10:00:00Z", "kind": "transfer", "account": "binance",
        "to_account": "wallet", "sent": {"asset": "BTC", "quantity": "0.2"},
        "fees": [{"asset": "BTC", "quantity": "0.07"}]});
    let target = format!("{path}/transactions/{}", moved["number"]);
    let put = app.send(Method::PUT, &target, Some(&ada.access), Some(&body));
    put.await.good(200);

    let figures = [
        "value",
        "unrealized",
        "realized",
        "transfer_fees",
        "net_invested",
    ];
    let tampered = with_prices(&app, &path).await;
    let mut file = tampered.clone();
    let first = file.transactions.iter_mut().find(|row| row.id == "first");
    let paid = first.unwrap().sent.as_mut().unwrap();
    paid.quantity = "30100".parse().unwrap();
    let [kept, read] = [&file, &tampered]
        .map(|file| serde_json::to_value(expected(file, LotMethod::Fifo, None)).unwrap());
    assert_ne!(kept["realized"], read["realized"]);
    let shown = app.get(&path, &ada.access).await.good(200);
    same(&shown["figures"], &kept, &figures);
    // Whoever reads all of it sees what is there.
    let other = place.app_with(|_| {}).await;
    let shown = other.get(&path, &ada.access).await.good(200);
    same(&shown["figures"], &read, &figures);
    // So does an edit from its time on.
    body["time"] = json!("2026-02-26T09:00:00Z");
    let put = app.send(Method::PUT, &target, Some(&ada.access), Some(&body));
    put.await.good(200);
    let file = with_prices(&app, &path).await;
    let read = serde_json::to_value(expected(&file, LotMethod::Fifo, None)).unwrap();
    let shown = app.get(&path, &ada.access).await.good(200);
    same(&shown["figures"], &read, &figures);
}
