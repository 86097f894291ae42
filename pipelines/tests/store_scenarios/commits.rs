//! Writing.

use coinsphere_pipelines::candles::{CandleWrite, Checkpoint, Commit, Gap, GapReason};
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{Interval, Timestamp, TradeId};
use coinsphere_pipelines::store::{GapQuery, StoreError};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Fresh, at, btc, candle, checkpoint, commit_of, key, minutes, writes};

pub(crate) async fn repeating_a_commit_changes_nothing(fresh: &Fresh) {
    let log = Uuid::new_v4();
    let start = at("2026-03-01T23:58:00Z");
    let candles: Vec<_> = (0..5)
        .map(|n| candle(start + minutes(n), 100 + n))
        .collect();
    let commit = commit_of(9, &btc(), &candles);
    let first = fresh.store.commit(log, &commit).await.unwrap();
    assert_eq!(first.changed.len(), 5);
    assert!(first.changed.iter().all(|changed| changed.revision == 0));
    let before = fresh.everything(&btc(), Interval::Minute1).await;
    let second = fresh.store.commit(log, &commit).await.unwrap();
    assert_eq!(second.changed, []);
    assert_eq!(fresh.everything(&btc(), Interval::Minute1).await, before);
    let stored: Vec<_> = before.into_iter().map(|entry| entry.candle).collect();
    assert_eq!(stored, candles);
}

pub(crate) async fn revisions_count_different_content_only(fresh: &Fresh) {
    let log = Uuid::new_v4();
    let minute = at("2026-03-01T10:00:00Z");
    let original = candle(minute, 100);
    fresh
        .write(log, 1, &btc(), std::slice::from_ref(&original))
        .await;

    let mut same_number = original.clone();
    same_number.volume = Decimal::new(123_456_700, 10);
    let unchanged = commit_of(2, &btc(), &[same_number]);
    let outcome = fresh.store.commit(log, &unchanged).await.unwrap();
    assert_eq!(outcome.changed, [], "trailing zeros are no difference");

    let mut corrected = original.clone();
    corrected.complete = false;
    for (offset, trades) in [(3, 8), (4, 9)] {
        corrected.trades = trades;
        let commit = commit_of(offset, &btc(), std::slice::from_ref(&corrected));
        let outcome = fresh.store.commit(log, &commit).await.unwrap();
        let revisions: Vec<_> = outcome.changed.iter().map(|c| c.revision).collect();
        assert_eq!(revisions, [u32::try_from(offset).unwrap() - 2]);
    }
    let stored = fresh.everything(&btc(), Interval::Minute1).await;
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].revision, &stored[0].candle), (2, &corrected));
}

pub(crate) async fn the_last_word_on_a_minute_counts(fresh: &Fresh) {
    let minute = at("2026-03-01T10:00:00Z");
    let commit = commit_of(1, &btc(), &[candle(minute, 1), candle(minute, 2)]);
    fresh.store.commit(Uuid::new_v4(), &commit).await.unwrap();
    let stored = fresh.everything(&btc(), Interval::Minute1).await;
    assert_eq!(stored[0].candle, candle(minute, 2));
    assert_eq!(stored[0].revision, 0);
}

pub(crate) async fn an_older_offset_is_refused(fresh: &Fresh) {
    let log = Uuid::new_v4();
    let minute = at("2026-03-01T10:00:00Z");
    fresh.write(log, 10, &btc(), &[candle(minute, 1)]).await;
    let older = commit_of(9, &btc(), &[candle(minute, 2)]);
    let error = fresh.store.commit(log, &older).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Stale {
                stored: Offset(10),
                offered: Offset(9),
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.is_retriable());
    let stored = fresh.everything(&btc(), Interval::Minute1).await;
    assert_eq!(
        stored[0].candle,
        candle(minute, 1),
        "nothing of it was written"
    );
    // Another log, and another partition of this one, count on their own.
    fresh.store.commit(Uuid::new_v4(), &older).await.unwrap();
    let other_partition = Commit {
        partition: 1,
        ..older
    };
    fresh.store.commit(log, &other_partition).await.unwrap();
}

pub(crate) async fn open_candles_are_replaced_for_the_checkpointed(fresh: &Fresh) {
    let log = Uuid::new_v4();
    let (btc, eth) = (btc(), key("binance", "ETHUSDT"));
    let minute = at("2026-03-01T10:00:00Z");
    let open = |key, time, price| CandleWrite {
        instrument: key,
        candle: candle(time, price),
    };
    let first = Commit {
        open: vec![
            open(btc.clone(), minute, 1),
            open(btc.clone(), minute + minutes(1), 2),
            open(eth.clone(), minute, 3),
        ],
        checkpoints: vec![checkpoint(&btc), checkpoint(&eth)],
        ..Commit::default()
    };
    fresh.store.commit(log, &first).await.unwrap();
    // The first minute of BTC closes; ETH is not part of this commit.
    let second = Commit {
        next_offset: Offset(1),
        closed: writes(&btc, &[candle(minute, 1)]),
        open: vec![open(btc.clone(), minute + minutes(1), 4)],
        checkpoints: vec![checkpoint(&btc)],
        ..Commit::default()
    };
    fresh.store.commit(log, &second).await.unwrap();
    let stored = fresh.everything(&btc, Interval::Minute1).await;
    let seen: Vec<_> = stored
        .iter()
        .map(|entry| (entry.candle.open, entry.open, entry.candle.complete))
        .collect();
    let price = |cents| Decimal::new(cents, 2);
    assert_eq!(seen, [(price(1), false, true), (price(4), true, false)]);
    let stored = fresh.everything(&eth, Interval::Minute1).await;
    assert_eq!(stored.len(), 1);
    assert!(stored[0].open);
    // Nothing open any more.
    let third = Commit {
        next_offset: Offset(2),
        checkpoints: vec![checkpoint(&eth)],
        ..Commit::default()
    };
    fresh.store.commit(log, &third).await.unwrap();
    assert_eq!(fresh.everything(&eth, Interval::Minute1).await, []);
}

pub(crate) async fn gaps_are_kept_by_identity(fresh: &Fresh) {
    let log = Uuid::new_v4();
    let start = at("2026-03-01T10:00:00.000000001Z");
    let missing = Gap {
        instrument: btc(),
        reason: GapReason::MissingTrades,
        from: start,
        to: Some(start + std::time::Duration::from_millis(5)),
        missing: Some((TradeId(7), TradeId(u64::MAX))),
        detected_at: start,
        filled_at: None,
    };
    let lasting = Gap {
        reason: GapReason::Disconnect,
        to: None,
        missing: None,
        ..missing.clone()
    };
    let commit = |offset, gaps: &[&Gap]| Commit {
        next_offset: Offset(offset),
        gaps: gaps.iter().map(|gap| (*gap).clone()).collect(),
        ..Commit::default()
    };
    let first = commit(1, &[&missing, &lasting, &missing]);
    fresh.store.commit(log, &first).await.unwrap();
    let query = GapQuery {
        instrument: fresh.id(&btc()).await,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        with_filled: false,
        limit: 100,
    };
    let stored = fresh.store.gaps(&query).await.unwrap();
    assert_eq!(stored.len(), 2);
    let seen = stored
        .iter()
        .find(|gap| gap.reason == missing.reason)
        .unwrap();
    assert_eq!(seen.missing, missing.missing);
    assert_eq!(seen.from, at("2026-03-01T10:00:00Z"), "rounded down");
    assert_eq!(
        seen.to,
        Some(at("2026-03-01T10:00:00.005001Z")),
        "rounded up"
    );

    let filled = Gap {
        filled_at: Some(start + minutes(5)),
        ..missing.clone()
    };
    let ended = Gap {
        to: Some(start + minutes(3)),
        ..lasting.clone()
    };
    fresh
        .store
        .commit(log, &commit(2, &[&filled, &ended]))
        .await
        .unwrap();
    let unfilled = fresh.store.gaps(&query).await.unwrap();
    assert_eq!(unfilled.len(), 1);
    assert_eq!(unfilled[0].to, Some(at("2026-03-01T10:03:00.000001Z")));
    let with_filled = GapQuery {
        with_filled: true,
        ..query.clone()
    };
    assert_eq!(fresh.store.gaps(&with_filled).await.unwrap().len(), 2);
    // Before and after, nothing overlaps.
    let before = GapQuery {
        to: at("2026-03-01T10:00:00Z"),
        ..query.clone()
    };
    assert_eq!(fresh.store.gaps(&before).await.unwrap(), []);
    let after = GapQuery {
        from: at("2026-03-01T10:04:00Z"),
        ..query
    };
    assert_eq!(fresh.store.gaps(&after).await.unwrap(), []);
}

pub(crate) async fn a_restart_finds_offset_and_states(fresh: &Fresh) {
    let log = Uuid::new_v4();
    assert_eq!(fresh.store.load(log, 3).await.unwrap().next_offset, None);
    let state = Checkpoint {
        instrument: btc(),
        last_trade_id: Some(TradeId(u64::MAX)),
        closed_until: Some(at("2024-08-09T00:00:00Z")),
        state: b"{\"a\":\"\xc3\xa9\"}".to_vec(),
    };
    let commit = Commit {
        partition: 3,
        next_offset: Offset(77),
        checkpoints: vec![checkpoint(&btc()), state.clone()],
        ..Commit::default()
    };
    fresh.store.commit(log, &commit).await.unwrap();
    let resume = fresh.store.load(log, 3).await.unwrap();
    assert_eq!(resume.next_offset, Some(Offset(77)));
    assert_eq!(resume.checkpoints, [state]);
    let elsewhere = fresh.store.load(Uuid::new_v4(), 3).await.unwrap();
    assert_eq!(elsewhere.next_offset, None);
    assert_eq!(elsewhere.checkpoints.len(), 1);
}

pub(crate) async fn unheard_of_instruments_are_added(fresh: &Fresh) {
    let pair = key("coinbase", "LINK-BTC");
    let minute = at("2021-04-17T10:00:00Z");
    fresh
        .write(Uuid::new_v4(), 1, &pair, &[candle(minute, 1)])
        .await;
    let added = fresh.store.instrument(&pair).await.unwrap().unwrap();
    assert!(!added.listed);
    assert_eq!(added.base.as_deref(), Some("LINK"));
    assert_eq!(added.quote.as_deref(), Some("BTC"));
    assert_eq!(fresh.everything(&pair, Interval::Minute1).await.len(), 1);
}

/// The store must take whatever the candle builder hands it: a value it refuses would be offered
/// again for ever.
pub(crate) async fn extreme_values_are_stored(fresh: &Fresh) {
    let tiny = Decimal::from_i128_with_scale(1, 28);
    for (offset, time) in [
        "1700-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2200-12-31T23:59:00Z",
    ]
    .into_iter()
    .enumerate()
    {
        let mut extreme = candle(at(time), 1);
        extreme.open = Decimal::MAX;
        extreme.high = Decimal::MAX;
        extreme.low = tiny;
        extreme.close = tiny;
        extreme.trades = u64::MAX;
        let offset = offset as u64 + 1;
        fresh
            .write(Uuid::new_v4(), offset, &btc(), &[extreme])
            .await;
    }
    let stored = fresh.everything(&btc(), Interval::Minute1).await;
    assert_eq!(stored.len(), 3);
    assert_eq!(stored[0].candle.high, Decimal::MAX);
    assert_eq!(stored[0].candle.low, tiny);
}
