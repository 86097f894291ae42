use super::*;

fn bar(place: i64, close: f64) -> Bar {
    Bar {
        open_time: place * Interval::D1.millis(),
        open: close,
        high: close * 1.01,
        low: close * 0.99,
        close,
        volume: 5.0,
    }
}

fn rows(count: i64) -> Vec<Bar> {
    (0..count).map(|i| bar(i, 100.0 + (i % 7) as f64)).collect()
}

#[test]
fn disorder_gives_the_same_series_and_is_counted() {
    let (clean, report) = Series::build(Interval::D1, rows(200)).expect("a series");
    assert_eq!(
        report,
        SeriesReport {
            rows: 200,
            ..SeriesReport::default()
        }
    );
    let mut mixed = rows(200);
    mixed.swap(20, 120);
    mixed.push(mixed[7]);
    let mut early = mixed[30];
    early.close += 0.5;
    mixed.insert(0, early);
    let (same, report) = Series::build(Interval::D1, mixed).expect("a series");
    assert_eq!(same, clean);
    assert_eq!((report.duplicates, report.conflicting), (1, 1));
    assert!(report.out_of_order >= 2, "{report:?}");
}

#[test]
fn short_holes_are_filled_and_marked_and_long_ones_split() {
    let kept = rows(300)
        .into_iter()
        .enumerate()
        .filter(|(i, _)| !(50..53).contains(i) && !(200..204).contains(i))
        .map(|(_, bar)| bar)
        .collect();
    let (series, report) = Series::build(Interval::D1, kept).expect("a series");
    assert_eq!((report.missing, report.filled, report.splits), (7, 3, 1));
    assert_eq!(series.runs(), [0..200, 200..296]);
    assert!(!series.filled(49) && series.filled(50) && series.filled(52) && !series.filled(53));
    assert_eq!(series.bars()[52].close, series.bars()[49].close);
    assert_eq!(series.bars()[52].volume, 0.0);
    assert_eq!(series.prefix(210).runs(), [0..200, 200..210]);
}

#[test]
fn what_cannot_be_a_series_is_said() {
    let refuse = |rows| {
        Series::build(Interval::D1, rows)
            .expect_err("refused")
            .to_string()
    };
    assert!(refuse(vec![]).contains("there are no candles"));
    assert!(refuse(rows(50)).contains("50 candles are too few"));
    assert!(refuse((0..200).map(|i| bar(i, 3.0)).collect()).contains("closes at 3"));
    let mut infinite = rows(200);
    infinite[17].close = f64::NAN;
    assert!(refuse(infinite).contains("candle 18 (1970-01-18"));
    let mut negative = rows(200);
    for bar in &mut negative[..20] {
        bar.low = -1.0;
    }
    assert!(refuse(negative).contains("20 of 200"));
    let hours: Vec<Bar> = rows(200)
        .into_iter()
        .map(|bar| Bar {
            open_time: bar.open_time / 24,
            ..bar
        })
        .collect();
    assert!(refuse(hours).contains("3600 s apart"));
    let mut swapped = rows(200);
    for bar in &mut swapped[50..] {
        (bar.high, bar.low) = (bar.low, bar.high);
    }
    let swapped = refuse(swapped);
    assert!(swapped.contains("150 of 200") && swapped.contains("that of candle 51"));
    let other = |bar: &Bar| Bar {
        close: bar.close * 1.001,
        ..*bar
    };
    let twice: Vec<Bar> = rows(200)
        .iter()
        .flat_map(|bar| [*bar, other(bar)])
        .collect();
    let twice = refuse(twice);
    assert!(twice.contains("200 of 400") && twice.contains("candle 2 (1970-01-01"));
    let mut between = rows(200);
    for bar in &mut between[100..] {
        bar.open_time += bar.open_time % 7 * 3_600_000;
    }
    assert!(refuse(between).contains("begin between the others' times"));
}

#[test]
fn few_impossible_rows_are_left_out_and_broken_ranges_widened() {
    let mut odd = rows(200);
    odd[10].close = 0.0;
    odd[20].high = odd[20].close * 0.999;
    odd[30].open_time += 3_600_000;
    odd[199].open_time += 50_000_000;
    let (series, report) = Series::build(Interval::D1, odd).expect("a series");
    assert_eq!((report.refused, report.widened, report.off_grid), (1, 1, 1));
    // An unfinished candle never becomes that of a day which has not begun.
    assert_eq!((report.between, series.len()), (1, 199));
    assert!(
        report
            .first_refused
            .is_some_and(|why| why.contains("candle 11"))
    );
    assert!(series.filled(10));
    assert_eq!(series.bars()[20].high, series.bars()[20].close);
}
