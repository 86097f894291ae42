//! Duration of an import of 100,000 rows, detection and duplicates included: `cargo bench -p
//! coinsphere-portfolios --bench imports`.

use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_portfolios::imports::{ImportOptions, import};
use criterion::{Criterion, criterion_group, criterion_main};

const ROWS: i64 = 100_000;

fn time(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_600_000_000 + second)
}

/// Binance's history: trades of three rows a second.
fn history() -> Vec<u8> {
    let mut text = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark\n".to_owned();
    for second in 0..ROWS / 3 {
        let time = time(second * 60).format("%Y-%m-%d %H:%M:%S");
        for (word, coin, change) in [
            ("Buy", "BTC", "0.0152"),
            ("Fee", "BTC", "-0.0000152"),
            ("Buy", "EUR", "-480.472"),
        ] {
            let _ = writeln!(text, "1,{time},Spot,{word},{coin},{change},");
        }
    }
    text.into_bytes()
}

/// The same trades as the report of spot trades tells them.
fn trades() -> Vec<u8> {
    let mut text = "Date(UTC),Market,Type,Price,Amount,Total,Fee,Fee Coin\n".to_owned();
    for second in 0..ROWS / 3 {
        let time = time(second * 60).format("%Y-%m-%d %H:%M:%S");
        let _ = writeln!(text, "{time},BTCEUR,BUY,31610,0.0152,480.472,0.0000152,BTC");
    }
    text.into_bytes()
}

fn imports(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("imports");
    group.sample_size(10);
    let one = [("history.csv".to_owned(), history())];
    group.bench_function("100,000 rows of history", |bencher| {
        bencher.iter(|| import(&one, &ImportOptions::default()));
    });
    let two = [
        ("history.csv".to_owned(), history()),
        ("trades.csv".to_owned(), trades()),
    ];
    group.bench_function("the same next to 33,333 trades that repeat it", |bencher| {
        bencher.iter(|| import(&two, &ImportOptions::default()));
    });
    let outcome = import(&one, &ImportOptions::default());
    let known = outcome
        .transactions
        .into_iter()
        .map(|imported| imported.transaction)
        .collect();
    let stored = ImportOptions {
        known,
        ..ImportOptions::default()
    };
    group.bench_function("the same again when it is stored", |bencher| {
        bencher.iter(|| import(&one, &stored));
    });
    group.finish();
}

criterion_group!(benches, imports);
criterion_main!(benches);
