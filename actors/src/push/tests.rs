//! Messages that clients get or miss, and their cost, without a socket.

use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::market::{
    Candle, InstrumentKey, Interval, Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId,
    Venue,
};
use rust_decimal::Decimal;

use super::*;

fn instrument(symbol: &str) -> InstrumentKey {
    InstrumentKey::new(Venue::new("binance"), Symbol::new(symbol).unwrap())
}

fn trade(id: u64) -> Trade {
    Trade {
        id: TradeId(id),
        time: Timestamp::from_millis(1_723_161_255_342).unwrap(),
        price: Price::parse("61837.63").unwrap(),
        quantity: Quantity::parse("0.00044780").unwrap(),
        taker: TakerSide::Sell,
    }
}

fn candle(minute: i64, close: &str) -> Candle {
    let close: Decimal = close.parse().unwrap();
    Candle {
        open_time: Timestamp::from_seconds(1_723_161_240 + 60 * minute).unwrap(),
        open: close,
        high: close,
        low: close,
        close,
        volume: "1.50".parse().unwrap(),
        quote_volume: "3".parse().unwrap(),
        trades: 2,
        taker_buy_volume: "0.00".parse().unwrap(),
        complete: false,
    }
}

fn client_of(hub: &Arc<PushHub>, topics: &[&str]) -> Client {
    let mut client = hub.connect().unwrap();
    for topic in topics {
        client.subscribe(&topic.parse().unwrap()).unwrap();
    }
    client
}

fn texts(client: &Client) -> Vec<String> {
    let mut frames = Vec::new();
    client.take(&mut frames, usize::MAX).unwrap();
    let text = |frame: Frame| String::from_utf8(frame.text.to_vec()).unwrap();
    frames.into_iter().map(text).collect()
}

#[test]
fn subscribers_get_the_documented_messages_and_others_nothing() {
    let hub = PushHub::new(PushLimits::default());
    let both = client_of(
        &hub,
        &["trades:binance:BTCUSDT", "candles:binance:BTCUSDT:1m"],
    );
    let other = client_of(
        &hub,
        &["trades:binance:ETHUSDT", "candles:binance:BTCUSDT:5m"],
    );
    let btc = instrument("BTCUSDT");
    hub.publish_trades(&btc, &[trade(7)]);
    hub.publish_candle(&btc, Interval::Minute1, &candle(0, "61837.630"), 1, true);
    assert_eq!(
        texts(&both),
        [
            r#"{"type":"candle","topic":"candles:binance:BTCUSDT:1m","closed":true,"data":{"open_time":"2024-08-08T23:54:00Z","open":"61837.63","high":"61837.63","low":"61837.63","close":"61837.63","volume":"1.5","quote_volume":"3","trades":2,"taker_buy_volume":"0","complete":false,"revision":1}}"#,
            r#"{"type":"trades","topic":"trades:binance:BTCUSDT","data":[{"id":7,"time":"2024-08-08T23:54:15.342Z","price":"61837.63","quantity":"0.0004478","taker_side":"sell"}]}"#,
        ]
    );
    assert!(texts(&both).is_empty(), "taken once");
    assert!(texts(&other).is_empty());
}

#[test]
fn a_message_is_serialised_once_for_all() {
    let hub = PushHub::new(PushLimits::default());
    let clients: Vec<_> = (0..3)
        .map(|_| client_of(&hub, &["trades:binance:BTCUSDT"]))
        .collect();
    hub.publish_trades(&instrument("BTCUSDT"), &[trade(1)]);
    let addresses: Vec<_> = clients
        .iter()
        .map(|client| {
            let mut frames = Vec::new();
            client.take(&mut frames, 1).unwrap();
            frames[0].text.as_ptr()
        })
        .collect();
    assert!(addresses.iter().all(|address| *address == addresses[0]));
}

#[test]
fn the_newest_candle_comes_at_once_on_subscribing() {
    let hub = PushHub::new(PushLimits::default());
    let btc = instrument("BTCUSDT");
    hub.publish_candle(&btc, Interval::Minute1, &candle(1, "2"), 0, false);
    hub.publish_candle(&btc, Interval::Minute1, &candle(0, "1"), 3, true);
    let client = client_of(&hub, &["candles:binance:BTCUSDT:1m"]);
    let texts = texts(&client);
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains(r#""close":"2""#), "{texts:?}");
    let newest = hub.newest_candle(&btc, Interval::Minute1).unwrap();
    assert_eq!(
        newest.candle,
        candle(1, "2"),
        "an old correction is not the newest"
    );
    assert!(hub.newest_candle(&btc, Interval::Day1).is_none());
}

#[test]
fn open_candles_are_coalesced_and_closed_ones_survive() {
    let hub = PushHub::new(PushLimits::default());
    let btc = instrument("BTCUSDT");
    let client = client_of(&hub, &["candles:binance:BTCUSDT:1m"]);
    for close in ["1", "2", "3"] {
        hub.publish_candle(&btc, Interval::Minute1, &candle(0, close), 0, false);
    }
    hub.publish_candle(&btc, Interval::Minute1, &candle(0, "4"), 0, true);
    hub.publish_candle(&btc, Interval::Minute1, &candle(1, "5"), 0, false);
    hub.publish_candle(&btc, Interval::Minute1, &candle(1, "6"), 0, false);
    let closes: Vec<_> = texts(&client)
        .iter()
        .map(|text| text.split(r#""close":""#).nth(1).unwrap()[..1].to_owned())
        .collect();
    assert_eq!(closes, ["4", "6"]);
    assert_eq!(hub.state().coalesced, 4);
}

#[test]
fn closed_candles_beyond_the_bound_are_dropped_and_the_client_learns_of_it() {
    let hub = PushHub::new(PushLimits::default());
    let client = client_of(&hub, &["candles:binance:BTCUSDT:1m"]);
    for minute in 0..11 {
        let candle = candle(minute, "1");
        hub.publish_candle(&instrument("BTCUSDT"), Interval::Minute1, &candle, 0, true);
    }
    let texts = texts(&client);
    assert_eq!(
        texts[0],
        r#"{"type":"skipped","topic":"candles:binance:BTCUSDT:1m","skipped":3}"#
    );
    assert_eq!(texts.len(), 9);
}

#[test]
fn a_client_that_takes_no_trades_is_closed_and_costs_no_memory() {
    let limits = PushLimits {
        queue: 4,
        ..PushLimits::default()
    };
    let hub = PushHub::new(limits);
    let btc = instrument("BTCUSDT");
    let slow = client_of(&hub, &["trades:binance:BTCUSDT"]);
    let quick = client_of(&hub, &["trades:binance:BTCUSDT"]);
    for id in 0..5 {
        hub.publish_trades(&btc, &[trade(id)]);
        assert_eq!(texts(&quick).len(), 1);
    }
    let mut frames = Vec::new();
    assert_eq!(slow.take(&mut frames, 100), Err(Closed::TooSlow));
    assert!(frames.is_empty());
    assert_eq!(hub.state().too_slow, 1);
    hub.publish_trades(&btc, &[trade(5)]);
    assert_eq!(
        hub.state().messages,
        4 + 6,
        "nothing more for the closed one"
    );
}

#[test]
fn the_queue_is_bounded_in_bytes_too() {
    let limits = PushLimits {
        queue_bytes: 10_000,
        ..PushLimits::default()
    };
    let hub = PushHub::new(limits);
    let client = client_of(&hub, &["trades:binance:BTCUSDT"]);
    let burst: Vec<_> = (0..300).map(trade).collect();
    hub.publish_trades(&instrument("BTCUSDT"), &burst);
    assert_eq!(client.take(&mut Vec::new(), 1), Err(Closed::TooSlow));
}

#[test]
fn a_burst_is_split_and_kept_in_order() {
    let hub = PushHub::new(PushLimits::default());
    let client = client_of(&hub, &["trades:binance:BTCUSDT"]);
    let burst: Vec<_> = (0..600).map(trade).collect();
    hub.publish_trades(&instrument("BTCUSDT"), &burst);
    let mut ids = Vec::new();
    for text in texts(&client) {
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        let data = message["data"].as_array().unwrap();
        assert!(data.len() <= 256);
        ids.extend(data.iter().map(|trade| trade["id"].as_u64().unwrap()));
    }
    assert_eq!(ids, (0..600).collect::<Vec<_>>());
}

#[test]
fn unsubscribing_and_leaving_leave_nothing_behind() {
    let hub = PushHub::new(PushLimits::default());
    let btc = instrument("BTCUSDT");
    let mut client = client_of(
        &hub,
        &["candles:binance:BTCUSDT:1m", "trades:binance:BTCUSDT"],
    );
    hub.publish_candle(&btc, Interval::Minute1, &candle(0, "1"), 0, false);
    let topic = "candles:binance:BTCUSDT:1m".parse().unwrap();
    assert!(client.unsubscribe(&topic));
    assert!(!client.unsubscribe(&topic));
    assert!(texts(&client).is_empty(), "what waited is forgotten");
    drop(client);
    let state = hub.state();
    assert_eq!((state.clients, state.subscriptions), (0, 0));
    hub.publish_trades(&btc, &[trade(1)]);
    assert_eq!(hub.state().messages, 1);
}

#[test]
fn limits_are_kept() {
    let limits = PushLimits {
        clients: 1,
        topics: 1,
        ..PushLimits::default()
    };
    let hub = PushHub::new(limits);
    let mut client = client_of(&hub, &["trades:binance:BTCUSDT"]);
    assert!(hub.connect().is_none());
    let again = "trades:binance:BTCUSDT".parse().unwrap();
    assert_eq!(client.subscribe(&again), Ok(()), "again is no other topic");
    let second = "trades:binance:ETHUSDT".parse().unwrap();
    assert_eq!(
        client.subscribe(&second),
        Err(SubscribeError::TooManyTopics)
    );
    drop(client);
    assert!(hub.connect().is_some());
    assert_eq!(hub.state().refused, 1);
}

#[test]
fn unknown_instruments_are_refused_once_the_known_are_listed() {
    let hub = PushHub::new(PushLimits::default());
    hub.list([instrument("BTCUSDT")]);
    let mut client = client_of(&hub, &["trades:binance:BTCUSDT"]);
    let unlisted = "candles:binance:DOGEUSDT:1m".parse().unwrap();
    assert_eq!(
        client.subscribe(&unlisted),
        Err(SubscribeError::UnknownInstrument)
    );
    hub.publish_candle(
        &instrument("DOGEUSDT"),
        Interval::Minute1,
        &candle(0, "1"),
        0,
        false,
    );
    assert_eq!(
        client.subscribe(&unlisted),
        Ok(()),
        "published, so it exists"
    );
}

#[tokio::test]
async fn a_waiting_client_is_woken_by_messages_and_by_the_end() {
    let hub = PushHub::new(PushLimits::default());
    let client = client_of(&hub, &["trades:binance:BTCUSDT"]);
    let wait = async |client: &Client| {
        tokio::time::timeout(Duration::from_secs(10), client.changed())
            .await
            .unwrap();
    };
    hub.publish_trades(&instrument("BTCUSDT"), &[trade(1)]);
    wait(&client).await;
    assert_eq!(texts(&client).len(), 1);
    hub.close();
    assert_eq!(client.closed().await, Closed::GoingAway);
    assert!(hub.connect().is_none(), "closing takes in no more");
}

const PORTFOLIO: &str = "portfolio:0195f5e2-6a6b-7c3e-9d43-6a2f6b1f0c11";

#[test]
fn a_portfolio_has_its_newest_value_and_nobody_who_does_not_follow_it() {
    let hub = PushHub::new(PushLimits::default());
    let Topic::Portfolio(id) = PORTFOLIO.parse().unwrap() else {
        panic!("not a portfolio");
    };
    hub.publish_portfolio(id, &"nobody hears this");
    let client = client_of(&hub, &[PORTFOLIO]);
    assert_eq!(hub.followed_portfolios(), [id]);
    assert!(texts(&client).is_empty());
    for value in ["1", "2"] {
        hub.publish_portfolio(id, &std::collections::BTreeMap::from([("value", value)]));
    }
    let message = format!(r#"{{"type":"portfolio","topic":"{PORTFOLIO}","data":{{"value":"2"}}}}"#);
    assert_eq!(texts(&client), [message.as_str()]);
    let second = client_of(&hub, &[PORTFOLIO]);
    assert_eq!(texts(&second), [message], "at once");
    drop(second);
    assert_eq!(hub.state().subscriptions, 1);
    hub.end_portfolio(id);
    let ended = format!(r#"{{"type":"ended","topic":"{PORTFOLIO}"}}"#);
    assert_eq!(texts(&client), [ended]);
    assert!(hub.followed_portfolios().is_empty());
    drop(client);
    assert_eq!(hub.state().subscriptions, 0);
}

#[tokio::test]
async fn who_follows_prices_gets_the_newest_of_each_instrument() {
    let hub = PushHub::new(PushLimits::default());
    let (btc, eth) = (instrument("BTCUSDT"), instrument("ETHUSDT"));
    let at = |id: u64, millis: i64, price: &str| Trade {
        time: Timestamp::from_millis(millis).unwrap(),
        price: Price::parse(price).unwrap(),
        ..trade(id)
    };
    let follower = hub.follow_prices();
    follower.follow([btc.clone()].into());
    hub.publish_trades(&eth, &[at(1, 1_000, "5")]);
    assert!(follower.take().is_empty());
    hub.publish_trades(
        &btc,
        &[at(1, 1_000, "10"), at(2, 3_000, "12"), at(3, 2_000, "11")],
    );
    hub.publish_trades(&btc, &[at(4, 2_500, "9")]);
    tokio::time::timeout(Duration::from_secs(5), follower.changed())
        .await
        .unwrap();
    let newest = LastTrade {
        price: Price::parse("12").unwrap(),
        time: Timestamp::from_millis(3_000).unwrap(),
    };
    assert_eq!(
        follower.take(),
        [(btc.clone(), newest)],
        "a late trade is none"
    );
    assert!(follower.take().is_empty(), "taken once");
    assert_eq!(hub.last_trade(&btc), Some(newest));
    assert_eq!(
        hub.last_trade(&eth).map(|trade| trade.price.to_string()),
        Some("5".to_owned())
    );
}
