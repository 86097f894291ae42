//! The market as a whole: one truth, whichever way it is asked for.

use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000_000;
const LIVE: i64 = DEFAULT_LIVE_FROM;

fn market(seed: u64, rate: f64) -> Market {
    let wanted = Wanted {
        seed,
        rate,
        weight: 150.0,
        steady: false,
        history_days: 2,
        live_from: None,
    };
    Market::new(&Epoch::new(wanted, LIVE), |_| true)
}

fn all(market: &Market, i: &Instrument, from: i64, to: i64) -> Vec<Trade> {
    let mut trades = Vec::new();
    market.for_each(i, from, to, |t| {
        trades.push(*t);
        true
    });
    trades
}

#[test]
fn ids_are_contiguous_from_one_and_times_ascend() {
    let market = market(1, 300.0);
    for index in [0, 1, 2, 92] {
        let i = &market.books[index].instrument;
        let trades = all(&market, i, market.origin(), LIVE + 10 * MINUTE);
        assert_eq!(trades[0].id, 1);
        for pair in trades.windows(2) {
            assert_eq!(pair[1].id, pair[0].id + 1, "{}", i.symbol);
            assert!(pair[1].time > pair[0].time, "{}: {pair:?}", i.symbol);
        }
        assert!(trades.iter().all(|t| t.price > 0 && t.quantity > 0));
        assert_eq!(
            market.count_before(i, LIVE + 10 * MINUTE),
            trades.len() as u64
        );
    }
}

#[test]
fn trades_look_like_a_market() {
    let market = market(4, 2_000.0);
    let btc = market.find(Venue::Binance, "BTCUSDT").expect("listed");
    let trades = all(&market, btc, LIVE, LIVE + 60 * MINUTE);
    let buys = trades.iter().filter(|t| t.taker_buys).count() as f64 / trades.len() as f64;
    assert!((0.3..0.7).contains(&buys), "{buys} of the takers buy");
    // Volume clusters: the busiest minute has well over twice the quietest one's trades.
    let counts: Vec<u64> = market
        .candles(btc, MINUTE, LIVE, LIVE + 60 * MINUTE, 0)
        .iter()
        .map(|c| c.trades)
        .collect();
    assert_eq!(counts.len(), 60);
    assert!(
        counts.iter().max() > counts.iter().min().map(|m| m * 13 / 10).as_ref(),
        "{counts:?}"
    );
    // Neighbouring trades are close: no candle-sized jumps between two trades.
    let far = trades
        .windows(2)
        .filter(|w| (w[1].price - w[0].price).abs() as f64 / w[0].price as f64 > 0.002);
    assert!(far.count() <= 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_trades_by_id_by_time_and_from_a_fresh_market(
        seed in any::<u64>(),
        index in 0usize..93,
        start in -3_000i64..3_000,
        length in 1i64..400,
    ) {
        let walked = market(seed, 900.0);
        let i = &walked.books[index].instrument;
        // Walk elsewhere first, so that tables and cursors are warm in one market only.
        all(&walked, i, LIVE - 100 * MINUTE, LIVE - 90 * MINUTE);
        let from = LIVE + start * 1_000_003;
        let to = from + length * 987_654;
        let trades = all(&walked, i, from, to);
        let fresh = market(seed, 900.0);
        prop_assert_eq!(fresh.count_before(i, from) + trades.len() as u64, fresh.count_before(i, to));
        if let Some(first) = trades.first() {
            prop_assert_eq!(first.id, fresh.count_before(i, from) + 1);
            prop_assert_eq!(&fresh.trades_from(i, first.id, trades.len(), to), &trades);
            let middle = trades[trades.len() / 2];
            prop_assert_eq!(fresh.trades_from(i, middle.id, 1, to), vec![middle]);
            prop_assert_eq!(fresh.last_before(i, middle.time + 1), Some(middle));
        }
    }

    #[test]
    fn candles_are_those_of_the_trades(seed in any::<u64>(), index in 0usize..93, skew in -90_000i64..90_000) {
        let market = market(seed, 500.0);
        let i = &market.books[index].instrument;
        let (from, to, skew) = (LIVE - 3 * MINUTE, LIVE + 3 * MINUTE, skew * 1_000);
        let candles = market.candles(i, MINUTE, from, to, skew);
        let mut trades = 0;
        for candle in &candles {
            let own: Vec<Trade> = all(&market, i, candle.open_time - skew, candle.open_time + MINUTE - skew);
            prop_assert_eq!(candle.open, own[0].price);
            prop_assert_eq!(candle.close, own[own.len() - 1].price);
            prop_assert_eq!(Some(candle.high), own.iter().map(|t| t.price).max());
            prop_assert_eq!(Some(candle.low), own.iter().map(|t| t.price).min());
            let sum: i128 = own.iter().map(|t| i128::from(t.price) * i128::from(t.quantity)).sum();
            prop_assert_eq!(candle.quote_volume, sum);
            prop_assert_eq!(candle.trades, own.len() as u64);
            trades += own.len();
        }
        prop_assert_eq!(trades, all(&market, i, from - skew, to - skew).len());
    }
}
