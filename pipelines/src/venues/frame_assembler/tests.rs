use super::*;
use crate::market::Venue;
use crate::venues::{binance::Binance, coinbase::Coinbase, kraken::Kraken};

const CONNECTION: ConnectionId = ConnectionId(40);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_723_161_240_000 + millis).unwrap()
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

fn binance_trade(symbol: &str, id: u64, time: Timestamp) -> String {
    format!(
        r#"{{"e":"trade","E":1,"s":"{symbol}","t":{id},"p":"1.5","q":"2","T":{},"m":true}}"#,
        time.millis()
    )
}

/// Everything the assembler wrote, as `connection@ms body`, partition by partition.
fn written(assembler: &mut FrameAssembler) -> Vec<String> {
    assembler
        .take()
        .into_iter()
        .flat_map(|(_, records)| records)
        .map(|record| {
            let body = match &record.body {
                Body::Trades(batches) => batches
                    .iter()
                    .map(|b| {
                        let ids: Vec<_> = b.trades.iter().map(|t| t.id.0.to_string()).collect();
                        format!("{}:{}", b.symbol, ids.join(","))
                    })
                    .collect::<Vec<_>>()
                    .join(" "),
                Body::Subscribed(symbols) => {
                    let names: Vec<_> = symbols.iter().map(Symbol::as_str).collect();
                    format!("subscribed {}", names.join(","))
                }
                Body::Disconnected { reason, .. } => reason.name().to_owned(),
                Body::Heartbeat { symbol, last_trade } => {
                    format!("heartbeat {symbol}:{}", last_trade.0)
                }
                Body::Tick => "tick".to_owned(),
                Body::Refused { symbol, reason } => format!("refused {symbol}: {reason}"),
            };
            let millis = record.received_at.since(at(0)).as_millis();
            format!("{}@{millis} {body}", record.connection.0)
        })
        .collect()
}

fn live(protocol: &dyn VenueProtocol, symbols: &[&str]) -> FrameAssembler {
    let renew = Some(Duration::from_secs(3_600));
    let mut assembler =
        FrameAssembler::live(protocol, 1, Admission::LIVE, CONNECTION, at(0), renew);
    let symbols: Vec<Symbol> = symbols.iter().map(|s| symbol(s)).collect();
    for message in protocol.session("ws://localhost", &symbols).opening {
        assembler.request(&message, at(0));
    }
    assembler
}

fn file(protocol: &dyn VenueProtocol) -> FrameAssembler {
    FrameAssembler::file(protocol, 1, Admission::FILE, CONNECTION)
}

#[test]
fn live_life_of_a_connection() {
    let mut assembler = live(&Binance, &["BTCUSDT", "ETHUSDT"]);
    assert!(!assembler.is_settled());
    assembler
        .frame(r#"{"result":null,"id":1}"#, at(100))
        .unwrap();
    assert!(assembler.is_settled());
    for (id, ms) in [(1, 200), (2, 300)] {
        assembler
            .frame(&binance_trade("BTCUSDT", id, at(ms)), at(ms))
            .unwrap();
    }
    assert_eq!(assembler.pending_trades(), 2);
    assert_eq!(assembler.pass_time(at(500)), None);
    assembler.control_frame(at(1_400));
    assert_eq!(assembler.pass_time(at(1_500)), None);
    assembler.end(DisconnectReason::Lost, at(1_600));
    assert_eq!(
        written(&mut assembler),
        [
            "40@100 subscribed BTCUSDT,ETHUSDT",
            "40@300 BTCUSDT:1,2",
            "40@1400 tick",
            "40@1600 lost",
        ]
    );
    assembler.end(DisconnectReason::Lost, at(1_700));
    assert!(written(&mut assembler).is_empty(), "a connection ends once");
}

#[test]
fn a_tick_claims_no_more_than_was_heard() {
    let mut assembler = live(&Binance, &["BTCUSDT"]);
    assembler
        .frame(r#"{"result":null,"id":1}"#, at(100))
        .unwrap();
    written(&mut assembler);
    for ms in (1_000..45_000).step_by(1_000) {
        assert_eq!(assembler.pass_time(at(ms)), None);
    }
    assert!(
        written(&mut assembler).is_empty(),
        "nothing was heard since 100 ms"
    );
    assembler.probe_answered(at(45_050));
    assert_eq!(
        assembler.pass_time(at(45_101)),
        Some(Due::Silence),
        "the feed may have stalled"
    );
    assert_eq!(written(&mut assembler), ["40@45050 tick"]);
    assembler.control_frame(at(46_200));
    assert_eq!(
        assembler.pass_time(at(46_300)),
        None,
        "a control frame is a sign of life"
    );
    assert_eq!(written(&mut assembler), ["40@46200 tick"]);
}

#[test]
fn an_unacknowledged_connection_ends_and_a_single_ignored_instrument_does_not_end_it() {
    let mut assembler = live(&Kraken, &["BTC/USD", "ETH/USD"]);
    for ms in [4_950, 9_900] {
        assembler.control_frame(at(ms));
        assert_eq!(assembler.pass_time(at(ms + 99)), None);
    }
    assembler.control_frame(at(10_001));
    assert_eq!(assembler.pass_time(at(10_001)), Some(Due::NotAcknowledged));

    assembler.frame(
        r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}"#,
        at(10_002),
    )
    .unwrap();
    written(&mut assembler);
    assert_eq!(assembler.pass_time(at(10_003)), None);
    assert_eq!(
        written(&mut assembler),
        ["40@10003 refused ETH/USD: the venue did not acknowledge it"]
    );
    assert!(assembler.is_settled());
}

#[test]
fn refusals_are_recorded_and_shown() {
    let mut assembler = live(&Kraken, &["XBT/USD"]);
    assembler.frame(
        r#"{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false,"symbol":"XBT/USD"}"#,
        at(50),
    )
    .unwrap();
    assert!(assembler.is_refused());
    let refused: Vec<_> = assembler
        .refused()
        .map(|(s, r)| (s.to_string(), r.to_owned()))
        .collect();
    assert_eq!(
        refused,
        [(
            "XBT/USD".into(),
            "Currency pair not supported XBT/USD".into()
        )]
    );
    assert_eq!(
        written(&mut assembler),
        ["40@50 refused XBT/USD: Currency pair not supported XBT/USD"]
    );
}

#[test]
fn a_trade_proves_its_subscription_and_unknown_instruments_are_refused() {
    let mut assembler = live(&Binance, &["BTCUSDT"]);
    assembler
        .frame(&binance_trade("BTCUSDT", 1, at(0)), at(10))
        .unwrap();
    assembler
        .frame(&binance_trade("DOGEUSDT", 1, at(0)), at(11))
        .unwrap();
    assembler
        .frame(&binance_trade("BTCUSDT", 2, at(60_013)), at(12))
        .unwrap();
    assembler
        .frame(&binance_trade("BTCUSDT", 3, at(60_013)), at(13))
        .unwrap();
    assembler
        .frame(r#"{"result":null,"id":1}"#, at(14))
        .unwrap();
    assembler.frame("nonsense", at(15)).unwrap_err();
    assert_eq!(
        written(&mut assembler),
        ["40@10 subscribed BTCUSDT", "40@13 BTCUSDT:1,3"]
    );
    let refused: Vec<_> = assembler.counts().refused_trades().collect();
    assert_eq!(
        refused,
        [
            ("far_future", 1),
            ("unknown_instrument", 1),
            ("too_many_instruments", 0)
        ]
    );
    assert_eq!(
        (assembler.counts().frames, assembler.counts().trades),
        (6, 2)
    );
    assert_eq!(assembler.counts().malformed, 1);
}

#[test]
fn age_and_announcement_ask_for_renewal() {
    let mut assembler = live(&Binance, &["BTCUSDT"]);
    assembler.frame(r#"{"result":null,"id":1}"#, at(0)).unwrap();
    assembler.control_frame(at(3_599_999));
    assert_eq!(assembler.pass_time(at(3_599_999)), None);
    assembler.control_frame(at(3_600_000));
    assert_eq!(assembler.pass_time(at(3_600_000)), Some(Due::Renewal));

    let mut assembler = live(&Binance, &["BTCUSDT"]);
    assembler.frame(r#"{"result":null,"id":1}"#, at(0)).unwrap();
    assembler
        .frame(r#"{"e":"serverShutdown","E":1}"#, at(1))
        .unwrap();
    assert_eq!(assembler.pass_time(at(2)), Some(Due::Renewal));
}

#[test]
fn a_file_listens_from_its_first_frame() {
    let mut assembler = file(&Binance);
    assembler
        .frame(r#"{"u":1,"s":"BTCUSDT"}"#, at(500))
        .unwrap();
    assembler
        .frame(&binance_trade("BTCUSDT", 1, at(700)), at(800))
        .unwrap();
    assembler
        .frame(&binance_trade("BTCUSDT", 2, at(5_100)), at(5_200))
        .unwrap();
    assembler
        .frame(&binance_trade("ETHUSDT", 9, at(5_100)), at(5_300))
        .unwrap();
    // The receive time goes back.
    assembler
        .frame(&binance_trade("ETHUSDT", 10, at(5_100)), at(4_000))
        .unwrap();
    assert_eq!(
        written(&mut assembler),
        [
            "40@500 subscribed BTCUSDT",
            "40@800 BTCUSDT:1",
            "40@5000 tick",
            "40@5200 BTCUSDT:2",
            "40@500 subscribed ETHUSDT",
            "40@5300 ETHUSDT:9,10",
        ]
    );
    assembler.end(DisconnectReason::EndOfFile, at(0));
    assert_eq!(written(&mut assembler), ["40@5300 end_of_file"]);
}

#[test]
fn silence_in_a_file_counts_only_with_text_heartbeats() {
    let trade = |id: u64, time: Timestamp| {
        format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":1,"qty":1,"trade_id":{id},"timestamp":"{time}"}}]}}"#
        )
    };
    let mut assembler = file(&Kraken);
    assembler.frame(&trade(1, at(0)), at(0)).unwrap();
    assembler.frame(&trade(2, at(9_000)), at(9_000)).unwrap();
    assert_eq!(
        written(&mut assembler),
        [
            "40@0 subscribed BTC/USD",
            "40@0 BTC/USD:1",
            "40@9000 tick",
            "40@9000 BTC/USD:2"
        ]
    );
    assembler
        .frame(r#"{"channel":"heartbeat"}"#, at(9_100))
        .unwrap();
    assembler.frame(&trade(3, at(14_100)), at(14_100)).unwrap();
    assembler.frame(&trade(4, at(19_101)), at(19_101)).unwrap();
    assert_eq!(
        written(&mut assembler),
        [
            "40@14000 tick",
            "40@14100 BTC/USD:3",
            "40@19100 silence",
            "41@19101 subscribed BTC/USD",
            "41@19101 BTC/USD:4",
        ]
    );
}

#[test]
fn heartbeats_are_recorded_for_subscribed_instruments() {
    let heartbeat = |product: &str| {
        format!(
            r#"{{"type":"heartbeat","sequence":9,"last_trade_id":20,"product_id":"{product}"}}"#
        )
    };
    let mut assembler = live(&Coinbase, &["BTC-USD"]);
    assembler.frame(&heartbeat("BTC-USD"), at(1)).unwrap();
    assembler.frame(
        r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD","X-USD"]}]}"#,
        at(2),
    )
    .unwrap();
    assembler.frame(&heartbeat("BTC-USD"), at(3)).unwrap();
    assembler.frame(&heartbeat("X-USD"), at(4)).unwrap();
    assert_eq!(
        written(&mut assembler),
        ["40@2 subscribed BTC-USD", "40@3 heartbeat BTC-USD:20"]
    );
}

#[test]
fn a_files_instruments_are_bounded() {
    let admission = Admission {
        instruments: crate::venues::admission::Instruments::UpTo(2),
        ..Admission::FILE
    };
    let mut assembler = FrameAssembler::file(&Binance, 1, admission, CONNECTION);
    for name in ["A", "B", "C", "A"] {
        assembler
            .frame(&binance_trade(name, 1, at(0)), at(0))
            .unwrap();
    }
    assert_eq!(assembler.counts().refused, [0, 0, 1]);
    assert_eq!(assembler.counts().trades, 3);
}

#[test]
fn records_go_to_their_instruments_partition() {
    let mut assembler = FrameAssembler::file(&Binance, 8, Admission::FILE, CONNECTION);
    for name in ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"] {
        assembler
            .frame(&binance_trade(name, 1, at(0)), at(0))
            .unwrap();
    }
    assembler.end(DisconnectReason::EndOfFile, at(1));
    for (partition, records) in assembler.take() {
        for record in &records {
            assert_eq!(record.venue, Venue::new("binance"));
            if let Body::Trades(batches) = &record.body {
                for batch in batches {
                    assert_eq!(record.instrument(&batch.symbol).partition(8), partition);
                }
            }
        }
        assert!(matches!(
            records.last().unwrap().body,
            Body::Disconnected { .. }
        ));
    }
}

#[test]
fn an_alias_is_what_was_asked_for() {
    let mut assembler = live(&Coinbase, &["BTC-USDC"]);
    let trade = |product: &str, id: u64| {
        format!(
            r#"{{"type":"match","trade_id":{id},"side":"sell","size":"1","price":"2","product_id":"{product}","time":"{}"}}"#,
            at(10)
        )
    };
    let accepted =
        r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}"#;
    assembler.frame(accepted, at(5)).unwrap();
    assert!(assembler.is_settled());
    assembler.frame(&trade("BTC-USD", 1), at(10)).unwrap();
    assembler.frame(&trade("BTC-USDC", 2), at(11)).unwrap();
    assembler.frame(&trade("ETH-USD", 3), at(12)).unwrap();
    assert_eq!(
        written(&mut assembler),
        ["40@5 subscribed BTC-USDC", "40@11 BTC-USDC:1,2"]
    );
    let strangers: Vec<&str> = assembler.strangers().iter().map(Symbol::as_str).collect();
    assert_eq!(strangers, ["ETH-USD"]);

    // Asked for both, each is its own.
    let mut assembler = live(&Coinbase, &["BTC-USD", "BTC-USDC"]);
    assembler.frame(&trade("BTC-USD", 1), at(10)).unwrap();
    assert_eq!(
        written(&mut assembler),
        ["40@10 subscribed BTC-USD", "40@10 BTC-USD:1"]
    );
}

#[test]
fn a_clock_that_was_behind_when_listening_began_is_found_once_it_is_set() {
    const BEHIND: i64 = 3_600_000;
    // A recording: what came before the clock was set is refused, and listening begins with it.
    let mut feed = file(&Binance);
    for (id, ms, behind) in [
        (1, 0, BEHIND),
        (2, 1_000, BEHIND),
        (3, 2_000, 0),
        (4, 3_000, 0),
    ] {
        feed.frame(
            &binance_trade("BTCUSDT", id, at(BEHIND + ms)),
            at(BEHIND + ms - behind),
        )
        .unwrap();
    }
    let refused = feed.counts().refused[Refusal::FarFuture.index()];
    assert_eq!((feed.counts().trades, refused), (2, 2));
    assert_eq!(
        written(&mut feed),
        [
            "41@3602000 subscribed BTCUSDT",
            "41@3602000 BTCUSDT:3",
            "41@3603000 tick",
            "41@3603000 BTCUSDT:4",
        ]
    );
    // Live, another connection takes over.
    let mut feed = live(&Binance, &["BTCUSDT"]);
    feed.frame(r#"{"result":null,"id":1}"#, at(100)).unwrap();
    feed.frame(&binance_trade("BTCUSDT", 1, at(BEHIND + 200)), at(200))
        .unwrap();
    assert_eq!(feed.pass_time(at(300)), None);
    feed.frame(
        &binance_trade("BTCUSDT", 2, at(BEHIND + 400)),
        at(BEHIND + 400),
    )
    .unwrap();
    assert_eq!(feed.pass_time(at(BEHIND + 500)), Some(Due::Renewal));
    // A venue that is ahead of us shows nothing about our clock.
    let mut feed = live(&Binance, &["BTCUSDT"]);
    feed.frame(r#"{"result":null,"id":1}"#, at(0)).unwrap();
    for ms in (0..600_000).step_by(1_000) {
        feed.frame(&binance_trade("BTCUSDT", 1, at(BEHIND + ms)), at(ms))
            .unwrap();
        assert_eq!(feed.pass_time(at(ms)), None);
    }
}

#[test]
fn an_alias_next_to_its_target_has_the_answer_and_the_trades_of_that() {
    let mut feed = live(&Coinbase, &["BTC-USD", "BTC-USDC", "ETH-USDC"]);
    let trade = |product: &str, id: u64, ms: i64| {
        format!(
            r#"{{"type":"match","trade_id":{id},"side":"sell","size":"1","price":"2","product_id":"{product}","time":"{}"}}"#,
            at(ms)
        )
    };
    let accepted =
        r#"{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}"#;
    feed.frame(accepted, at(5)).unwrap();
    feed.frame(&trade("BTC-USD", 1, 10), at(10)).unwrap();
    assert!(!feed.is_answered(), "two have no answer yet");
    let beat = |ms: i64, id: u64| {
        format!(
            r#"{{"type":"heartbeat","last_trade_id":{id},"product_id":"BTC-USD","sequence":1,"time":"{}"}}"#,
            at(ms)
        )
    };
    for second in 1..=10 {
        feed.frame(&beat(second * 1_000, 1), at(second * 1_000))
            .unwrap();
        feed.pass_time(at(second * 1_000));
    }
    written(&mut feed);
    assert_eq!(feed.pass_time(at(10_001)), None);
    feed.frame(&trade("BTC-USD", 2, 10_100), at(10_100))
        .unwrap();
    feed.frame(&beat(10_200, 2), at(10_200)).unwrap();
    assert_eq!(
        written(&mut feed),
        [
            "40@10001 subscribed BTC-USDC",
            "40@10001 refused ETH-USDC: the venue did not acknowledge it",
            "40@10100 BTC-USD:2 BTC-USDC:2",
            "40@10200 heartbeat BTC-USDC:2",
            "40@10200 heartbeat BTC-USD:2",
        ]
    );
    assert!(feed.is_settled());
    let refused: Vec<&str> = feed.refused().map(|(symbol, _)| symbol.as_str()).collect();
    assert_eq!(refused, ["ETH-USDC"]);
    for late in 11..=1_000 {
        feed.frame(&beat(late * 1_000, 2), at(late * 1_000))
            .unwrap();
    }
    feed.pass_time(at(1_000_000));
    assert!(feed.unheard().is_empty(), "{:?}", feed.unheard());
    // Should the venue name it after all, each has its own.
    written(&mut feed);
    feed.frame(&trade("BTC-USDC", 3, 1_000_100), at(1_000_100))
        .unwrap();
    feed.frame(&trade("BTC-USD", 3, 1_000_200), at(1_000_200))
        .unwrap();
    let trades = written(&mut feed).join(" ");
    assert!(trades.ends_with(" BTC-USDC:3 BTC-USD:3"), "{trades}");
}

#[test]
fn an_instrument_that_the_venue_never_names_is_unheard_of() {
    let late = 15 * 60 * 1_000;
    // Binance acknowledges whatever is asked for.
    let mut assembler = live(&Binance, &["BTCUSDT", "NOSUCHUSDT"]);
    assembler
        .frame(r#"{"result":null,"id":1}"#, at(100))
        .unwrap();
    assembler
        .frame(&binance_trade("BTCUSDT", 1, at(200)), at(200))
        .unwrap();
    assert_eq!(assembler.take_named(), [symbol("BTCUSDT")]);
    assembler.pass_time(at(late + 99));
    assert!(assembler.unheard().is_empty());
    assembler.pass_time(at(late + 100));
    assert_eq!(assembler.unheard(), [symbol("NOSUCHUSDT")]);
    assembler
        .frame(
            &binance_trade("NOSUCHUSDT", 1, at(late + 200)),
            at(late + 200),
        )
        .unwrap();
    assembler.pass_time(at(2 * late));
    assert!(assembler.unheard().is_empty());

    // Kraken's acknowledgement names the instrument: a quiet market is only quiet.
    let mut assembler = live(&Kraken, &["BTC/USD"]);
    let accepted =
        r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}"#;
    assembler.frame(accepted, at(100)).unwrap();
    assembler.pass_time(at(100 * late));
    assert!(assembler.unheard().is_empty());
}

#[test]
fn a_receive_time_that_leaps_is_no_time_that_passed() {
    let mut assembler = file(&Binance);
    let leap = 30 * 3_600 * 1_000;
    for (second, reading) in [
        (0, 0),
        (1, 1_000),
        (2, leap),
        (3, 3_000),
        (4, 4_000),
        (5, 5_000),
    ] {
        let frame = binance_trade("BTCUSDT", second, at(second as i64 * 1_000));
        assembler.frame(&frame, at(reading)).unwrap();
    }
    // A pause that the venue's clock took too has passed.
    assembler
        .frame(&binance_trade("BTCUSDT", 6, at(600_000)), at(600_000))
        .unwrap();
    assert_eq!(
        written(&mut assembler),
        [
            "40@0 subscribed BTCUSDT",
            "40@0 BTCUSDT:0",
            "40@1000 tick",
            "40@1000 BTCUSDT:1",
            "40@2000 tick",
            "40@2000 BTCUSDT:2",
            "40@3000 tick",
            "40@3000 BTCUSDT:3",
            "40@4000 tick",
            "40@4000 BTCUSDT:4",
            "40@5000 tick",
            "40@5000 BTCUSDT:5",
            "40@600000 tick",
            "40@600000 BTCUSDT:6",
        ]
    );
}

#[test]
fn a_reading_that_leaps_does_not_keep_a_dead_connection_alive() {
    let mut assembler = live(&Kraken, &["BTC/USD"]);
    assembler.frame(
        r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}"#,
        at(100),
    )
    .unwrap();
    assembler
        .frame(r#"{"channel":"heartbeat"}"#, at(3_600_000))
        .unwrap();
    assert_eq!(assembler.pass_time(at(1_000)), None);
    assert_eq!(assembler.pass_time(at(6_001)), Some(Due::Silence));
    let hour = "40@3600000";
    assert!(
        written(&mut assembler)
            .iter()
            .all(|line| !line.starts_with(hour))
    );
}
