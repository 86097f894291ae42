//! Candles as the HTTP API answers them, and the check that nothing in them is silently wrong.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::bars::{Bar, nanoseconds, rfc3339};
use super::http;

/// A candle of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) bar: Bar,
    pub(crate) complete: bool,
    pub(crate) revision: u64,
}

/// A gap of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Nanoseconds since the Unix epoch.
    pub(crate) from: i64,
    /// `i64::MAX` while it lasts.
    pub(crate) to: i64,
    pub(crate) reason: String,
    pub(crate) missing: Option<(u64, u64)>,
}

/// An instrument's candles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Series {
    pub(crate) candles: Vec<Listed>,
    pub(crate) gaps: Vec<Gap>,
}

impl Series {
    /// Everything since `from` (seconds since the Unix epoch), page by page.
    pub(crate) fn read(
        address: SocketAddr,
        (venue, symbol): (&str, &str),
        interval: &str,
        from: i64,
    ) -> Result<Self, String> {
        let symbol = symbol.replace('/', "%2F");
        let base = format!(
            "/api/v1/instruments/{venue}/{symbol}/candles?interval={interval}&limit=5000&from={}",
            rfc3339(from)
        );
        let mut series = Self::default();
        let mut path = base.clone();
        loop {
            let page = http::get(address, &path)?;
            let rows = page["data"].as_array().expect("a list of candles");
            series.candles.extend(rows.iter().map(|row| Listed {
                bar: Bar::of(row),
                complete: row["complete"].as_bool().expect("a flag"),
                revision: row["revision"].as_u64().expect("a number"),
            }));
            for gap in page["coverage"]["gaps"].as_array().expect("a list of gaps") {
                let gap = Gap::of(gap);
                if !series.gaps.contains(&gap) {
                    series.gaps.push(gap);
                }
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("{base}&cursor={cursor}"),
                None => return Ok(series),
            }
        }
    }

    pub(crate) fn bars(&self) -> Vec<Bar> {
        self.candles
            .iter()
            .map(|listed| listed.bar.clone())
            .collect()
    }

    /// True when a gap touches the minute.
    pub(crate) fn is_touched(&self, open_time: i64) -> bool {
        let start = open_time * 1_000_000_000;
        let end = start + 60_000_000_000;
        self.gaps.iter().any(|gap| gap.from < end && gap.to > start)
    }

    /// The ids that the gaps name.
    pub(crate) fn missing_ids(&self) -> BTreeSet<u64> {
        let named = self
            .gaps
            .iter()
            .filter(|gap| gap.reason == "missing_trades");
        named
            .filter_map(|gap| gap.missing)
            .flat_map(|(first, last)| first..=last)
            .collect()
    }

    /// Compares the closed minutes up to `until` with what the venue traded: a minute that no gap
    /// touches is complete and equal, any other is incomplete, and the ids named as missing are as
    /// many as are missing in it. Answers how many minutes were (untouched, touched).
    pub(crate) fn check(&self, truth: &[Value], until: i64) -> Result<(usize, usize), String> {
        let missing = self.missing_ids();
        let (mut untouched, mut touched) = (0, 0);
        let Some(first) = self.candles.first().map(|listed| listed.bar.open_time) else {
            return Err("there are no candles".to_owned());
        };
        for row in truth {
            let expected = Bar::of(row);
            let minute = rfc3339(expected.open_time);
            if expected.open_time < first || expected.open_time >= until {
                continue;
            }
            let ids =
                row["first_id"].as_u64().expect("an id")..=row["last_id"].as_u64().expect("an id");
            let found = self
                .candles
                .iter()
                .find(|listed| listed.bar.open_time == expected.open_time);
            let has = found.map_or(0, |listed| listed.bar.trades);
            if !self.is_touched(expected.open_time) {
                let found =
                    found.ok_or_else(|| format!("{minute} is absent, and no gap says why"))?;
                if found.bar != expected {
                    return Err(format!(
                        "{minute} is touched by no gap and differs:\n   found {:?}\nexpected {expected:?}",
                        found.bar
                    ));
                }
                if !found.complete {
                    return Err(format!("{minute} is touched by no gap and not complete"));
                }
                untouched += 1;
                continue;
            }
            touched += 1;
            if found.is_some_and(|listed| listed.complete) {
                return Err(format!("{minute} is touched by a gap and complete"));
            }
            if expected.open_time == first {
                // What came before the first trade heard has no ids to name it by.
                continue;
            }
            let named = missing.range(ids).count() as u64;
            if has + named != expected.trades {
                return Err(format!(
                    "{minute}: {has} trades and {named} ids named as missing are not {} trades; gaps {:?}",
                    expected.trades, self.gaps
                ));
            }
        }
        Ok((untouched, touched))
    }
}

impl Gap {
    fn of(row: &Value) -> Self {
        let missing = row["first_missing_trade"]
            .as_u64()
            .zip(row["last_missing_trade"].as_u64());
        Self {
            from: nanoseconds(row["from"].as_str().expect("a time")),
            to: row["to"].as_str().map_or(i64::MAX, nanoseconds),
            reason: row["reason"].as_str().expect("a reason").to_owned(),
            missing,
        }
    }
}
