use super::*;

fn number(whole: i64) -> Stamp {
    Stamp::Number {
        whole,
        fraction: 0.0,
    }
}

fn resolved(texts: &[&str]) -> Vec<Option<i64>> {
    let stamps: Vec<_> = texts
        .iter()
        .map(|text| Stamp::parse(text).expect("a time"))
        .collect();
    resolve(&stamps, Interval::D1).millis
}

#[test]
fn every_way_to_write_a_time_is_understood() {
    let expected = Ok(Stamp::Millis(1_640_991_660_000));
    for text in [
        "2021-12-31T23:01:00Z",
        "2021-12-31T23:01:00.000Z",
        "2021-12-31T23:01Z",
        "2021-12-31 23:01:00+00:00",
        "2022-01-01 00:01:00+0100",
        "2022-01-01T00:01:00+01:00",
        "2021-12-31T18:01-05:00",
        "2021-12-31 23:01:00.000000",
        "2021-12-31 23:01:00",
        "2021-12-31T23:01",
        "2021-12-31 23:01:00 UTC",
        "2021/12/31 23:01",
        "2021.12.31 23:01",
        "20211231 230100",
        "20211231T230100Z",
        "2021-12-31 11:01 PM",
        "Dec 31, 2021 11:01:00 PM",
        "31-Dec-2021 23:01",
        "Fri Dec 31 2021 23:01:00 GMT+0000 (Coordinated Universal Time)",
        "Sat, 01 Jan 2022 00:01:00 GMT+0100",
    ] {
        assert_eq!(Stamp::parse(text), expected, "{text}");
    }
    let day = Ok(Stamp::Millis(86_400_000));
    for text in [
        "1970-01-02",
        "1970-1-2",
        "1970/01/02",
        "Jan 02, 1970",
        "02-Jan-1970",
        "1970-01-02 12-AM",
        "1970-01-02Z",
    ] {
        assert_eq!(Stamp::parse(text), day, "{text}");
    }
}

#[test]
fn a_year_has_four_digits_and_a_time_lies_between_1970_and_2262() {
    for text in [
        "yesterday",
        "",
        "nan",
        "inf",
        "21-01-01",
        "01-01-21",
        "121-01-01",
        "1/1/21",
        "2021-13-01",
        "31/31/2021",
        "2021-01-01 25:00",
        "12021-01-01",
        "Jan 1, 21",
        "2021-01-01 10:00 EST",
    ] {
        assert_eq!(Stamp::parse(text), Err(Misread::Unknown), "{text}");
    }
    for text in [
        "1969-12-31",
        "2300-01-01",
        "0021-01-01",
        "1e300",
        "-1e300",
        "-5",
        "1e19",
        "01/02/1921",
        "99999999999999999999",
    ] {
        assert_eq!(Stamp::parse(text), Err(Misread::OutOfRange), "{text}");
    }
}

#[test]
fn the_time_of_day_may_stand_in_a_column_of_its_own() {
    let hour = Ok(Stamp::Millis(86_400_000 + 3_600_000));
    for (date, time) in [
        ("1970.01.02", "01:00"),
        ("19700102", "010000"),
        ("19700102", "10000"),
        ("1970-01-02", "100"),
        ("1970-01-02", "1970-01-02T01:00:00Z"),
    ] {
        assert_eq!(Stamp::joined(date, time), hour, "{date} {time}");
    }
    assert_eq!(
        Stamp::joined("19700102", "0"),
        Ok(Stamp::Millis(86_400_000))
    );
    assert_eq!(
        Stamp::joined("1970-01-02", "90000000"),
        Ok(number(90_000_000))
    );
}

#[test]
fn the_unit_of_numbers_is_that_of_their_size() {
    for (unit, factor) in [
        (TimeUnit::Seconds, 1),
        (TimeUnit::Milliseconds, 1_000),
        (TimeUnit::Microseconds, 1_000_000),
        (TimeUnit::Nanoseconds, 1_000_000_000),
    ] {
        // Where sizes say nothing, in 1970, the interval does.
        for start in [0, 1_500_000_000] {
            let stamps: Vec<Stamp> = (0..9)
                .map(|day| number((start + 86_400 * day) * factor))
                .collect();
            let times = resolve(&stamps, Interval::D1);
            assert_eq!((times.unit, times.changes_at), (unit, None));
            assert_eq!(times.millis[1], Some((start + 86_400) * 1_000));
        }
    }
    // Of another interval than announced: the size decides, and the series will be refused.
    let stamps = [number(1_500_000_000_000), number(1_500_000_060_000)];
    assert_eq!(resolve(&stamps, Interval::D1).unit, TimeUnit::Milliseconds);
    // A closing time of a microsecond before midnight is not midnight.
    assert_eq!(resolved(&["1735775999999999"]), [Some(1_735_775_999_999)]);
    assert_eq!(
        resolved(&["1735775999999999999"]),
        [Some(1_735_775_999_999)]
    );
    assert_eq!(resolved(&["1609459200.5"]), [Some(1_609_459_200_500)]);
}

#[test]
fn a_number_of_another_unit_is_read_by_its_own_size() {
    let day = |day: i64| 1_735_689_600 + 86_400 * day;
    let units = [1, 1_000, 1_000_000, 1_000_000_000];
    for (before, after) in units.into_iter().flat_map(|b| units.map(|a| (b, a))) {
        for change in [1, 4, 8].into_iter().filter(|_| before != after) {
            let factor = |at: i64| if at < change { before } else { after };
            let stamps: Vec<Stamp> = (0..9).map(|at| number(day(at) * factor(at))).collect();
            let times = resolve(&stamps, Interval::D1);
            let expected: Vec<_> = (0..9).map(|at| Some(day(at) * 1_000)).collect();
            assert_eq!(times.millis, expected);
            let change = usize::try_from(change).expect("small");
            assert_eq!(
                (times.unit, times.changes_at),
                (TimeUnit::Mixed, Some(change))
            );
        }
    }
}

#[test]
fn digits_of_the_calendar_and_days_of_a_spreadsheet_are_no_seconds() {
    let expected = [Some(1_612_051_200_000)];
    for text in [
        "20210131",
        "202101310000",
        "20210131000000",
        "20210131000000000",
        "44227",
    ] {
        assert_eq!(resolved(&[text]), expected, "{text}");
    }
    assert_eq!(resolved(&["44227.0416666667"]), [Some(1_612_054_800_000)]);
}

#[test]
fn day_and_month_are_told_apart_by_what_makes_dates_in_a_row() {
    let expected = [Some(1_612_051_200_000), Some(1_612_137_600_000)];
    assert_eq!(resolved(&["01/31/2021", "02/01/2021"]), expected);
    assert_eq!(resolved(&["31/01/2021", "01/02/2021"]), expected);
    assert_eq!(resolved(&["31.01.2021 00:00", "1.2.2021 0:00"]), expected);
    assert_eq!(resolved(&["31-01-2021", "01-02-2021"]), expected);
    let days = [Some(1_612_137_600_000), Some(1_612_224_000_000)];
    assert_eq!(resolved(&["01/02/2021", "02/02/2021"]), days);
    assert_eq!(resolved(&["02/01/2021", "02/02/2021"]), days);
    // Nothing tells: left out, and said.
    assert_eq!(resolved(&["01/02/2021", "05/09/2021"]), [None, None]);
    let stamp = Stamp::parse("01/02/2021").expect("a date");
    assert!(stamp.refusal().contains("which of 1/2/2021 is the day"));
}
