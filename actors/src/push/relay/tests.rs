use std::time::Duration;

use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::market::{Price, Quantity, TakerSide, Timestamp, TradeId};
use coinsphere_pipelines::shared_state::InProcess;
use coinsphere_pipelines::store::{Forecast, PriceRange};

use super::super::{Client, Closed, Frame, PushLimits};
use super::wire::{decode, encode, key};
use super::*;
use crate::supervision::PartStatus;

const SOON: Duration = Duration::from_secs(10);

fn btc() -> InstrumentKey {
    key("kraken:BTC/USD").unwrap()
}

fn trade(id: u64) -> Trade {
    Trade {
        id: TradeId(id),
        time: Timestamp::from_nanos(1_723_161_255_342_123_456),
        price: Price::parse("0.000000001234567890123456789").unwrap(),
        quantity: Quantity::parse("12345678.9").unwrap(),
        taker: TakerSide::Buy,
    }
}

fn candle() -> Candle {
    Candle {
        open_time: Timestamp::from_seconds(1_723_161_240).unwrap(),
        open: "1.10".parse().unwrap(),
        high: "4".parse().unwrap(),
        low: "1".parse().unwrap(),
        close: "3".parse().unwrap(),
        volume: "1.5".parse().unwrap(),
        quote_volume: "2.5".parse().unwrap(),
        trades: 7,
        taker_buy_volume: "0.1".parse().unwrap(),
        complete: true,
    }
}

fn forecast() -> LiveForecast {
    let time = |seconds| Timestamp::from_seconds(seconds).unwrap();
    let range = |low: &str, high: &str| PriceRange {
        low: low.parse().unwrap(),
        high: high.parse().unwrap(),
    };
    LiveForecast {
        token: "bitcoin".to_owned(),
        close_time: time(1_723_161_600),
        forecast: Forecast {
            horizon: 24,
            open_time: time(1_723_158_000),
            target_time: time(1_723_248_000),
            model: "lstm-1h-7".to_owned(),
            method: "lstm".to_owned(),
            base_price: "60000.10".parse().unwrap(),
            // Needs all 17 digits.
            expected_return: 0.1 + 0.2,
            price: "60012.345678".parse().unwrap(),
            ranges: Some([range("59", "61"), range("58", "62"), range("50", "70")]),
            made_at: time(1_723_161_601),
        },
        has_skill: true,
    }
}

fn shared() -> Arc<dyn SharedState> {
    InProcess::new(SystemClock::shared(), Default::default())
}

fn statuses() -> StatusRegistry {
    StatusRegistry::new(SystemClock::shared())
}

#[test]
fn what_is_sent_arrives_exactly() {
    let pieces = vec![
        Piece::Trades(btc(), vec![trade(1), trade(u64::MAX)]),
        Piece::Candle {
            instrument: btc(),
            interval: Interval::Hour4,
            candle: candle(),
            revision: 3,
            closed: true,
        },
        Piece::Forecasts(btc(), Interval::Hour1, vec![forecast()]),
    ];
    let origin = Uuid::new_v4();
    let message = encode(origin, 9, &pieces);
    assert_eq!(decode(&message), Some((origin, 9, pieces)));
    let other = String::from_utf8(message.to_vec())
        .unwrap()
        .replace("\"version\":3", "\"version\":2");
    assert_eq!(decode(other.as_bytes()), None);
    assert_eq!(decode(b"{}"), None);
}

async fn received(client: &Client) -> Vec<Frame> {
    let mut frames = Vec::new();
    while frames.is_empty() {
        client.changed().await;
        client.take(&mut frames, usize::MAX).unwrap();
    }
    frames
}

#[tokio::test]
async fn clients_of_another_process_hear_the_same() {
    let (shared, statuses) = (shared(), statuses());
    let hubs = [(); 2].map(|()| PushHub::new(PushLimits::default()));
    hubs[1].list([btc()]);
    let _hearing = hear(
        &statuses,
        Arc::clone(&hubs[1]),
        Arc::clone(&shared),
        RelayChannel::Market,
    );
    let _telling = tell(
        &statuses,
        &hubs[0],
        Arc::clone(&shared),
        RelayChannel::Market,
    );
    let mut clients = hubs.clone().map(|hub| hub.connect().unwrap());
    for client in &mut clients {
        client
            .subscribe(&"trades:kraken:BTC/USD".parse().unwrap())
            .unwrap();
    }
    // Both tasks are at work once something has come through.
    tokio::time::timeout(SOON, async {
        while hubs[1].state().trades == 0 {
            hubs[0].publish_trades(&btc(), &[trade(1)]);
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let [here, there] = [received(&clients[0]).await, received(&clients[1]).await];
    assert_eq!(here[0].text, there[0].text);
    hubs[0].publish_candle(&btc(), Interval::Minute1, &candle(), 0, true);
    tokio::time::timeout(SOON, async {
        while hubs[1].newest_candle(&btc(), Interval::Minute1).is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(
        hubs[1].newest_candle(&btc(), Interval::Minute1),
        hubs[0].newest_candle(&btc(), Interval::Minute1)
    );
}

#[tokio::test]
async fn a_lost_message_ends_streams_rather_than_leaving_a_hole() {
    let (shared, statuses) = (shared(), statuses());
    let hub = PushHub::new(PushLimits::default());
    let _hearing = hear(
        &statuses,
        Arc::clone(&hub),
        Arc::clone(&shared),
        RelayChannel::Market,
    );
    let client = hub.connect().unwrap();
    let origin = Uuid::new_v4();
    let piece = [Piece::Trades(btc(), vec![trade(1)])];
    tokio::time::timeout(SOON, async {
        let mut number = 0;
        while hub.state().trades < 2 {
            number += 1;
            let message = encode(origin, number, &piece);
            shared
                .publish(RelayChannel::Market.name(), message)
                .await
                .unwrap();
            tokio::task::yield_now().await;
        }
        let mut frames = Vec::new();
        assert_eq!(client.take(&mut frames, 1), Ok(()), "nothing was lost yet");
        let message = encode(origin, number + 2, &piece);
        shared
            .publish(RelayChannel::Market.name(), message)
            .await
            .unwrap();
        assert_eq!(client.closed().await, Closed::Interrupted);
    })
    .await
    .unwrap();
}

/// Publishes trades until one more has come through; the client reads.
async fn come_through(from: &PushHub, to: &PushHub, client: &Client) {
    let before = to.state().trades;
    let mut number = 0;
    while to.state().trades == before {
        number += 1;
        from.publish_trades(&btc(), &[trade(number)]);
        tokio::task::yield_now().await;
        client.take(&mut Vec::new(), usize::MAX).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_panics_goes_on_and_what_was_lost_ends_streams() {
    let (shared, statuses) = (shared(), statuses());
    let heard_at = StatusRegistry::new(SystemClock::shared());
    let hubs = [(); 2].map(|()| PushHub::new(PushLimits::default()));
    hubs[1].list([btc()]);
    let _parts = [
        tell(
            &statuses,
            &hubs[0],
            Arc::clone(&shared),
            RelayChannel::Market,
        ),
        hear(
            &heard_at,
            Arc::clone(&hubs[1]),
            Arc::clone(&shared),
            RelayChannel::Market,
        ),
    ];
    let connect = || {
        let mut client = hubs[1].connect().unwrap();
        let topic = "trades:kraken:BTC/USD".parse().unwrap();
        client.subscribe(&topic).unwrap();
        client
    };
    let restarted = async |statuses: &StatusRegistry| {
        statuses.faults().inject("relay_market");
        while statuses.snapshot()["relay_market"].restarts == 0
            || statuses.snapshot()["relay_market"].status != PartStatus::Running
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let client = connect();
    come_through(&hubs[0], &hubs[1], &client).await;
    restarted(&statuses).await;
    // What was sent meanwhile waited.
    come_through(&hubs[0], &hubs[1], &client).await;
    restarted(&heard_at).await;
    assert_eq!(client.closed().await, Closed::Interrupted);
    let again = connect();
    come_through(&hubs[0], &hubs[1], &again).await;
}

#[tokio::test]
async fn forecasts_are_told_apart_from_the_market() {
    let (shared, statuses) = (shared(), statuses());
    let hubs = [(); 2].map(|()| PushHub::new(PushLimits::default()));
    // One process forecasts and hears the market, the other builds candles and hears forecasts.
    let _tasks = [
        tell(
            &statuses,
            &hubs[0],
            Arc::clone(&shared),
            RelayChannel::Forecasts,
        ),
        hear(
            &statuses,
            Arc::clone(&hubs[0]),
            Arc::clone(&shared),
            RelayChannel::Market,
        ),
        tell(
            &statuses,
            &hubs[1],
            Arc::clone(&shared),
            RelayChannel::Market,
        ),
        hear(
            &statuses,
            Arc::clone(&hubs[1]),
            Arc::clone(&shared),
            RelayChannel::Forecasts,
        ),
    ];
    let mut clients = hubs.clone().map(|hub| hub.connect().unwrap());
    for client in &mut clients {
        let topic = "forecasts:kraken:BTC/USD:1h".parse().unwrap();
        client.subscribe(&topic).unwrap();
    }
    tokio::time::timeout(SOON, async {
        while hubs[1].state().forecasts == 0 {
            hubs[0].publish_forecasts(&btc(), Interval::Hour1, &[forecast()]);
            tokio::task::yield_now().await;
        }
        while hubs[0].state().trades == 0 {
            hubs[1].publish_trades(&btc(), &[trade(1)]);
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let [here, there] = [received(&clients[0]).await, received(&clients[1]).await];
    assert_eq!(here[0].text, there[0].text);
}
