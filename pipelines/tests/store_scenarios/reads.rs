//! Reading.

use coinsphere_pipelines::candles::{CandleWrite, Commit, Gap, GapReason};
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{AssetId, Interval, Timestamp};
use coinsphere_pipelines::store::{
    AssetLookup, CandleQuery, CandleSource, CloseSeries, ImportTarget, ImportedCandle, ListQuery,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Fresh, at, btc, candle, checkpoint, commit_of, minutes, writes};

fn start() -> Timestamp {
    at("2026-03-01T10:00:00Z")
}

pub(crate) async fn pages_follow_one_another(fresh: &Fresh) {
    // Across the end of a month, where plain PostgreSQL changes partition.
    let start = at("2026-02-28T23:00:00Z");
    let all: Vec<_> = (0..25).map(|n| candle(start + minutes(n * 7), n)).collect();
    fresh.write(Uuid::new_v4(), 1, &btc(), &all).await;
    let (low, high) = (all[2].open_time, all[22].open_time);
    let wanted: Vec<_> = all[2..22].to_vec();

    let mut forwards = Vec::new();
    let mut from = Some(low);
    while from.is_some() {
        let page = fresh
            .page(&btc(), Interval::Minute1, from, Some(high), 6)
            .await;
        assert!(page.candles.len() <= 6 && page.previous.is_none());
        forwards.extend(page.candles.into_iter().map(|entry| entry.candle));
        from = page.next;
    }
    assert_eq!(forwards, wanted);

    let mut backwards = Vec::new();
    let mut to = Some(high);
    while to.is_some() {
        let page = fresh.page(&btc(), Interval::Minute1, None, to, 6).await;
        assert!(page.next.is_none());
        let mut candles: Vec<_> = page.candles.into_iter().map(|entry| entry.candle).collect();
        candles.append(&mut backwards);
        backwards = candles;
        to = page.previous;
    }
    assert_eq!(backwards, all[..22]);
    let nothing = fresh
        .page(&btc(), Interval::Minute1, Some(high), Some(low), 6)
        .await;
    assert_eq!(nothing.candles, []);
}

pub(crate) async fn open_minutes_are_merged_into_every_length(fresh: &Fresh) {
    let closed: Vec<_> = (0..3)
        .map(|n| candle(start() + minutes(n), 100 + n))
        .collect();
    let open = candle(start() + minutes(4), 5_000);
    let commit = Commit {
        next_offset: Offset(1),
        closed: writes(&btc(), &closed),
        open: vec![CandleWrite {
            instrument: btc(),
            candle: open.clone(),
        }],
        checkpoints: vec![checkpoint(&btc())],
        ..Commit::default()
    };
    fresh.store.commit(Uuid::new_v4(), &commit).await.unwrap();
    for upkept in [false, true] {
        if upkept {
            fresh.keep_up().await;
        }
        for interval in Interval::ALL.into_iter().skip(1) {
            let page = fresh.page(&btc(), interval, None, None, 10).await;
            let [only] = page.candles.as_slice() else {
                panic!("{interval}: {page:?}");
            };
            assert!(only.open && !only.candle.complete);
            let stored = &only.candle;
            assert_eq!(stored.open, closed[0].open);
            assert_eq!((stored.high, stored.close), (open.high, open.close));
            assert_eq!(stored.trades, 28);
            assert_eq!(stored.volume, open.volume * Decimal::from(4));
        }
    }
}

pub(crate) async fn gaps_make_longer_candles_incomplete(fresh: &Fresh) {
    let log = Uuid::new_v4();
    // Minutes 0 and 7; minute 2 lies in a gap and has no candle at all; minute 20 closes the rest.
    let candles = [0, 7, 20].map(|n| candle(start() + minutes(n), n));
    fresh.write(log, 1, &btc(), &candles).await;
    let gap = Gap {
        instrument: btc(),
        reason: GapReason::Silence,
        from: start() + minutes(2),
        to: Some(start() + minutes(3)),
        missing: None,
        detected_at: start(),
        filled_at: None,
    };
    let commit = |offset, gap: &Gap| Commit {
        next_offset: Offset(offset),
        gaps: vec![gap.clone()],
        ..Commit::default()
    };
    fresh.store.commit(log, &commit(2, &gap)).await.unwrap();
    let complete = async |interval| {
        let page = fresh.page(&btc(), interval, Some(start()), None, 10).await;
        let flags: Vec<_> = page.candles.iter().map(|c| c.candle.complete).collect();
        (flags, page.gaps.len())
    };
    // The bucket of minute 20 is open: nothing shows that minutes 21 to 24 are over.
    assert_eq!(
        complete(Interval::Minute5).await,
        (vec![false, true, false], 1)
    );
    assert_eq!(complete(Interval::Minute1).await, (vec![true; 3], 1));
    assert_eq!(complete(Interval::Minute15).await, (vec![false, false], 1));
    let filled = Gap {
        filled_at: Some(start() + minutes(9)),
        ..gap
    };
    fresh.store.commit(log, &commit(3, &filled)).await.unwrap();
    assert_eq!(
        complete(Interval::Minute5).await,
        (vec![true, true, false], 0)
    );
}

pub(crate) async fn imports_fill_where_nothing_was_built(fresh: &Fresh) {
    let day = |n| Interval::Day1.open_of(start()) + super::days(n);
    let imported = |n, price, source: &str| ImportedCandle {
        candle: candle(day(n), price),
        interval: Interval::Day1,
        source: source.to_owned(),
    };
    let bitcoin = AssetId::new("bitcoin").unwrap();
    let id = fresh.id(&btc()).await;
    let for_asset = [
        imported(0, 1, "coingecko"),
        imported(1, 2, "coingecko"),
        imported(2, 3, "coingecko"),
    ];
    let target = ImportTarget::Asset(bitcoin.clone());
    assert_eq!(fresh.store.import(&target, &for_asset).await.unwrap(), 3);
    assert_eq!(fresh.store.import(&target, &for_asset).await.unwrap(), 0);
    let target = ImportTarget::Instrument(id);
    let for_instrument = [imported(1, 20, "file")];
    assert_eq!(
        fresh.store.import(&target, &for_instrument).await.unwrap(),
        1
    );
    fresh
        .write(Uuid::new_v4(), 1, &btc(), &[candle(day(2), 300)])
        .await;

    let read = async |asset| {
        let query = CandleQuery {
            instrument: id,
            asset,
            interval: Interval::Day1,
            from: None,
            to: None,
            limit: 10,
        };
        let page = fresh.store.candles(&query).await.unwrap();
        page.candles
            .into_iter()
            .map(|entry| (entry.candle.open * Decimal::ONE_HUNDRED, entry.source))
            .collect::<Vec<_>>()
    };
    let from = |source: &str| CandleSource::Imported(source.to_owned());
    let built = (Decimal::from(300), CandleSource::Built);
    assert_eq!(read(None).await, [(20.into(), from("file")), built.clone()]);
    assert_eq!(
        read(Some(bitcoin)).await,
        [
            (1.into(), from("coingecko")),
            (20.into(), from("file")),
            built
        ]
    );
}

pub(crate) async fn closes_of_many_series_are_read_together(fresh: &Fresh) {
    let first = Interval::Day1.open_of(start());
    let day = |n| first + super::days(n);
    let imported = |n, price, source: &str| ImportedCandle {
        candle: candle(day(n), price),
        interval: Interval::Day1,
        source: source.to_owned(),
    };
    let eth = super::key("binance", "ETHUSDT");
    let (btc_id, eth_id) = (fresh.id(&btc()).await, fresh.id(&eth).await);
    let of_asset = [imported(0, 1, "coingecko"), imported(3, 4, "coingecko")];
    let target = ImportTarget::Asset(AssetId::new("bitcoin").unwrap());
    fresh.store.import(&target, &of_asset).await.unwrap();
    let of_instrument = [imported(1, 20, "binance"), imported(2, 30, "binance")];
    let target = ImportTarget::Instrument(btc_id);
    fresh.store.import(&target, &of_instrument).await.unwrap();
    let target = ImportTarget::Instrument(eth_id);
    let of_eth = [imported(2, 7, "binance")];
    fresh.store.import(&target, &of_eth).await.unwrap();

    // Days 1 and 2 were built too; nobody knows how day 1 ended. Day 3 goes on.
    let log = Uuid::new_v4();
    let built = [
        candle(day(1) + minutes(60), 200),
        candle(day(2) + minutes(1_439), 300),
        candle(day(3) + minutes(5), 400),
    ];
    fresh.write(log, 1, &btc(), &built).await;
    let commit = Commit {
        next_offset: Offset(2),
        gaps: vec![Gap {
            instrument: btc(),
            reason: GapReason::Disconnect,
            from: day(1) + minutes(120),
            to: Some(day(2) + minutes(10)),
            missing: None,
            detected_at: start(),
            filled_at: None,
        }],
        ..Commit::default()
    };
    fresh.store.commit(log, &commit).await.unwrap();
    fresh.keep_up().await;

    let found = fresh
        .store
        .priced_assets(&["bitcoin", "nothing"], &["ETH"], &["EUR"])
        .await
        .unwrap();
    let assets: Vec<&str> = found.assets.keys().map(String::as_str).collect();
    assert_eq!(assets, ["bitcoin", "ethereum"]);
    assert_eq!(
        found.assets["bitcoin"].1[0].key,
        btc(),
        "the primary one first"
    );
    assert!(found.currencies.is_empty());

    let series = |instrument, asset: Option<&str>| CloseSeries {
        instrument,
        asset: asset.map(str::to_owned),
    };
    let asked = [
        series(Some(btc_id), Some("bitcoin")),
        series(Some(eth_id), None),
        series(None, Some("bitcoin")),
    ];
    let closes = fresh.store.daily_closes(&asked, day(0)).await.unwrap();
    let shown = |at: usize| {
        let days = closes[at].days.iter();
        days.map(|close| {
            let source = match &close.source {
                CandleSource::Built => "built",
                CandleSource::Imported(source) => source,
            };
            let after = (close.day - day(0).to_utc().date_naive()).num_days();
            (after, close.close, source.to_owned())
        })
        .collect::<Vec<_>>()
    };
    let close = |n: i64, price: i64, source: &str| {
        (
            n,
            candle(day(0), price).close.normalize(),
            source.to_owned(),
        )
    };
    assert_eq!(
        shown(0),
        [
            close(0, 1, "coingecko"),
            close(1, 20, "binance"),
            close(2, 300, "built"),
            close(3, 400, "built"),
        ]
    );
    assert_eq!(
        closes[0].newest,
        Some((day(3) + minutes(5), candle(day(0), 400).close.normalize()))
    );
    assert_eq!(shown(1), [close(2, 7, "binance")]);
    assert_eq!(closes[1].newest, None);
    assert_eq!(
        shown(2),
        [close(0, 1, "coingecko"), close(3, 4, "coingecko")]
    );
    let later = fresh.store.daily_closes(&asked[..1], day(2)).await.unwrap();
    assert_eq!(later[0].days, closes[0].days[2..]);
}

/// The newest candles have a statement of their own: what it leaves out must not be missed.
pub(crate) async fn the_newest_page_is_the_end_of_all_time(fresh: &Fresh) {
    let log = Uuid::new_v4();
    let far = at("2099-01-01T00:00:00Z");
    let newest = async |interval| {
        let page = fresh.page(&btc(), interval, None, None, 5).await;
        let of_range = fresh.page(&btc(), interval, None, Some(far), 5).await;
        assert_eq!(page, of_range, "{interval}");
        page
    };
    let gap = |from: i64, to: i64| Gap {
        instrument: btc(),
        reason: GapReason::Silence,
        from: start() + minutes(from),
        to: Some(start() + minutes(to)),
        missing: None,
        detected_at: start(),
        filled_at: None,
    };
    let all: Vec<_> = (0..60).map(|n| candle(start() + minutes(n), n)).collect();
    fresh.write(log, 1, &btc(), &all[..57]).await;
    // Minutes 50 to 56 are not yet part of longer candles, and 57 is open.
    fresh.keep_up().await;
    let commit = Commit {
        next_offset: Offset(2),
        closed: writes(&btc(), &all[57..58]),
        open: writes(&btc(), &all[58..59]),
        checkpoints: vec![checkpoint(&btc())],
        ..Commit::default()
    };
    fresh.store.commit(log, &commit).await.unwrap();
    let page = newest(Interval::Minute1).await;
    assert_eq!(page.candles.last().unwrap().candle.open, all[58].open);
    assert!(page.previous.is_some() && page.gaps.is_empty());
    newest(Interval::Minute5).await;

    // Many gaps before the page; of those that reach it one began before all others.
    let mut gaps: Vec<_> = (1..50).map(|n| gap(n, n + 1)).collect();
    gaps.extend([gap(0, 55), gap(56, 57)]);
    let commit = Commit {
        next_offset: Offset(3),
        gaps,
        ..Commit::default()
    };
    fresh.store.commit(log, &commit).await.unwrap();
    let page = newest(Interval::Minute1).await;
    let complete: Vec<_> = page.candles.iter().map(|c| c.candle.complete).collect();
    assert_eq!(complete, [false, true, false, true, false]);
    assert_eq!(page.gaps.len(), 2);
    newest(Interval::Minute5).await;
    // More that reach it than one statement reads.
    let gaps = (1..=40).map(|n| gap(-n, 58)).collect();
    let commit = Commit {
        next_offset: Offset(4),
        gaps,
        ..Commit::default()
    };
    fresh.store.commit(log, &commit).await.unwrap();
    assert_eq!(newest(Interval::Minute1).await.gaps.len(), 42);

    // Imported later than all that was built, and then in a hole between two that were.
    let id = fresh.id(&btc()).await;
    let minute = |n| ImportedCandle {
        candle: candle(start() + minutes(n), 7_000 + n),
        interval: Interval::Minute1,
        source: "file".to_owned(),
    };
    let target = ImportTarget::Instrument(id);
    fresh.store.import(&target, &[minute(70)]).await.unwrap();
    let page = newest(Interval::Minute1).await;
    assert_eq!(
        page.candles.last().unwrap().source,
        CandleSource::Imported("file".to_owned())
    );
    let commit = commit_of(5, &btc(), &[candle(start() + minutes(72), 72)]);
    fresh.store.commit(log, &commit).await.unwrap();
    fresh.store.import(&target, &[minute(71)]).await.unwrap();
    let page = newest(Interval::Minute1).await;
    let built: Vec<_> = page
        .candles
        .iter()
        .map(|c| c.source == CandleSource::Built)
        .collect();
    assert_eq!(built, [true, true, false, false, true]);
}

pub(crate) async fn the_majors_are_seeded(fresh: &Fresh) {
    let list = ListQuery {
        after: None,
        limit: 1_000,
        listed_only: true,
    };
    let assets = fresh.store.assets(&list).await.unwrap();
    assert_eq!(assets.len(), 31);
    assert!(assets.is_sorted_by_key(|asset| asset.id.clone()));
    let instruments = fresh.store.instruments(&list).await.unwrap();
    assert_eq!(instruments.len(), 93);
    let after = ListQuery {
        after: Some("kraken:UNI/USD".to_owned()),
        ..list
    };
    let rest = fresh.store.instruments(&after).await.unwrap();
    let rest: Vec<_> = rest.iter().map(|found| found.key.to_string()).collect();
    assert_eq!(rest, ["kraken:XLM/USD", "kraken:XRP/USD"]);

    let bitcoin = AssetId::new("bitcoin").unwrap();
    for text in ["bitcoin", "BTC", "btc"] {
        let found = fresh.store.asset(text).await.unwrap();
        assert!(matches!(found, AssetLookup::Found(asset) if asset.id == bitcoin));
    }
    assert_eq!(
        fresh.store.asset("nothing").await.unwrap(),
        AssetLookup::Unknown
    );
    let of = fresh.store.instruments_of(&bitcoin).await.unwrap();
    let of: Vec<_> = of.iter().map(|found| found.key.to_string()).collect();
    assert_eq!(
        of,
        ["binance:BTCUSDT", "coinbase:BTC-USD", "kraken:BTC/USD"]
    );

    let owner = fresh.session(false).await;
    owner
        .batch_execute(
            "RESET ROLE; INSERT INTO assets VALUES ('batcat', 'BTC', 'Batcat'); \
             INSERT INTO instruments (venue, symbol, base_asset, listed) \
             VALUES ('kraken', 'BATCAT/USD', 'batcat', true)",
        )
        .await
        .unwrap();
    drop(owner);
    let found = fresh.store.asset("BTC").await.unwrap();
    assert!(matches!(found, AssetLookup::Ambiguous(ids) if ids.len() == 2));
}
