//! A whole report: postings, cost basis, daily values and performance of made-up histories over eight
//! years with daily prices, by every method. `cargo bench -p coinsphere-portfolios`

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;

use chrono::{Days, NaiveDate};
use coinsphere_portfolios::report::{ReportOptions, report};
use coinsphere_portfolios::{
    Computed, Decimal, Kind, Leg, Method, Scope, Transaction, TransactionFile,
};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};

const COINS: [&str; 12] = [
    "ADA", "ATOM", "AVAX", "BNB", "BTC", "DOGE", "DOT", "ETH", "LINK", "SOL", "UNI", "XRP",
];
const ACCOUNTS: [&str; 4] = ["binance", "coinbase", "kraken", "ledger"];
const DAYS: u64 = 2_922;

/// Numbers that are the same in every run (Knuth's multiplicative congruence).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn atoms(units: u64, places: u32) -> Decimal {
    Decimal::from_atoms(i128::from(units) * 10i128.pow(18 - places)).unwrap()
}

/// Trades, swaps, transfers with fees in kind, rewards, deposits and withdrawals; nothing is sold that
/// was not bought.
fn history(count: u64) -> TransactionFile {
    let mut numbers = Numbers(11);
    let mut file = TransactionFile::new("USD");
    let start = NaiveDate::from_ymd_opt(2017, 1, 1).unwrap();
    for coin in COINS {
        let mut cents = 100 + numbers.below(100_000);
        for day in 0..DAYS {
            cents = (cents * (970 + numbers.below(61)) / 1_000).clamp(50, 10_000_000);
            file.prices
                .set(coin, start + Days::new(day), atoms(cents, 2));
        }
    }
    let mut held = [[0u64; 4]; 12];
    let span = DAYS * 86_400;
    for number in 0..count {
        let time = start.and_hms_opt(0, 0, 0).unwrap().and_utc()
            + chrono::Duration::seconds(i64::try_from(number * (span - 86_400) / count).unwrap());
        let coin = usize::try_from(numbers.below(12)).unwrap();
        let account = usize::try_from(numbers.below(4)).unwrap();
        let there = held[coin][account];
        let dice = numbers.below(100);
        let amount = 1_000_000 + numbers.below(10_000_000_000);
        let part = there * (1 + numbers.below(60)) / 100;
        let row = |kind| {
            Transaction::new(
                format!("b-{number}"),
                time.fixed_offset(),
                kind,
                ACCOUNTS[account],
            )
        };
        let leg = |coin: usize, units| Some(Leg::new(COINS[coin], atoms(units, 8)));
        let dollars = Some(Leg::new("USD", atoms(1 + numbers.below(1_000_000), 2)));
        let row = if dice < 38 || part < 10_000 {
            let mut row = row(Kind::Buy);
            (row.sent, row.received) = (dollars, leg(coin, amount));
            held[coin][account] += amount;
            if dice.is_multiple_of(3) {
                row.fees.extend(leg(coin, amount / 1_000));
                held[coin][account] -= amount / 1_000;
            }
            row
        } else if dice < 60 {
            let mut row = row(Kind::Sell);
            (row.sent, row.received) = (leg(coin, part), dollars);
            row.fees
                .push(Leg::new("USD", atoms(1 + numbers.below(500), 2)));
            held[coin][account] -= part;
            row
        } else if dice < 74 {
            let other = (coin + 1) % 12;
            let mut row = row(Kind::Swap);
            (row.sent, row.received) = (leg(coin, part), leg(other, amount));
            row.value = Some(atoms(1 + numbers.below(1_000_000), 2));
            held[coin][account] -= part;
            held[other][account] += amount;
            row
        } else if dice < 85 {
            let to = (account + 1) % 4;
            let mut row = row(Kind::Transfer);
            row.to_account = Some(ACCOUNTS[to].to_owned());
            row.sent = leg(coin, part - part / 500);
            row.fees.extend(leg(coin, part / 500));
            held[coin][account] -= part;
            held[coin][to] += part - part / 500;
            row
        } else if dice < 95 {
            let mut row = row(Kind::Staking);
            row.received = leg(coin, amount / 100);
            held[coin][account] += amount / 100;
            row
        } else {
            let mut row = row(Kind::Deposit);
            row.received = dollars;
            row
        };
        file.transactions.push(row);
    }
    file
}

fn reports(criterion: &mut Criterion) {
    for count in [2_000, 20_000, 200_000] {
        let file = history(count);
        let mut group = criterion.benchmark_group(format!("report_{count}"));
        group.sample_size(10);
        for method in Method::ALL {
            let options = ReportOptions {
                history: true,
                ..ReportOptions::new(method)
            };
            group.bench_function(BenchmarkId::new(method.name(), "portfolio"), |bencher| {
                bencher.iter(|| report(black_box(&file), &options).unwrap());
            });
        }
        for method in [Method::Fifo, Method::Hifo, Method::Average] {
            let options = ReportOptions {
                scope: Scope::Account,
                history: true,
                ..ReportOptions::new(method)
            };
            group.bench_function(BenchmarkId::new(method.name(), "account"), |bencher| {
                bencher.iter(|| report(black_box(&file), &options).unwrap());
            });
        }
        group.finish();
    }
}

/// One back-dated edit twenty days before the end of a portfolio that stays computed, there and back;
/// next to it the computation from the beginning, without anything being rendered.
fn edits(criterion: &mut Criterion) {
    for count in [2_000, 20_000, 200_000] {
        let file = history(count);
        let mut group = criterion.benchmark_group(format!("edit_{count}"));
        group.sample_size(10);
        let ways = Method::ALL.map(ReportOptions::new).into_iter();
        let by_account = ReportOptions {
            scope: Scope::Account,
            ..ReportOptions::new(Method::Fifo)
        };
        for options in ways.chain([by_account]) {
            let name = format!("{}_{:?}", options.method, options.scope);
            group.bench_function(BenchmarkId::new(&name, "from the beginning"), |bencher| {
                bencher.iter_batched(
                    || file.clone(),
                    |file| Computed::new(file, options).unwrap(),
                    BatchSize::PerIteration,
                );
            });
            let mut computed = Computed::new(file.clone(), options).unwrap();
            let time = file.transactions.last().unwrap().time - chrono::Duration::days(20);
            let mut rows = file.transactions.iter();
            let bought = rows.find(|row| row.time >= time && row.kind == Kind::Buy);
            let mut row = bought.unwrap().clone();
            let mut other = row.clone();
            other.received.as_mut().unwrap().quantity = atoms(123, 2);
            group.bench_function(BenchmarkId::new(&name, "edit"), |bencher| {
                bencher.iter(|| {
                    std::mem::swap(&mut row, &mut other);
                    computed.put(vec![black_box(&row).clone()]).unwrap()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, reports, edits);
criterion_main!(benches);
