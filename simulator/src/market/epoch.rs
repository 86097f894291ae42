//! The market's origin, kept in a small file so that the same id is the same trade before and
//! after a restart: `simulator.json` in the data directory, written at the first start.
//!
//! It holds the seed and the segments of time with their rates. Starting again with another rate
//! appends a segment that begins with the next minute; what was traded before stays as it was.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::count::Pace;

const FILE: &str = "simulator.json";
const VERSION: u32 = 1;
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 86_400_000_000;
/// Millionths of a trade a second of every instrument in the time before the simulator's first
/// start: five a minute, so that years of history are cheap to make.
const HISTORY_RATE: u64 = 83_333;
/// Days of that; before them trades are sparser still.
const DENSE_DAYS: u32 = 120;
/// Millionths of a trade a second in the time before: one a minute, so that a request for years of
/// daily candles is answered in a second or two.
const EARLY_RATE: u64 = 16_667;
/// When the market went live if nothing says otherwise: 2026-01-01T00:00:00Z, in µs.
pub(crate) const DEFAULT_LIVE_FROM: i64 = 1_767_225_600_000_000;

/// Failure of an operation on the market's file.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// The file cannot be read or written.
    #[error(
        "cannot keep the market's origin in {path}: {source}; check that the directory is writable"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not one of ours.
    #[error(
        "cannot read the market's origin from {path}: {reason}; move the file away to start a new market"
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A stretch of time with one rate, which lasts until the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) from: DateTime<Utc>,
    /// Millionths of a trade a second: of all instruments together when there is a weight, else
    /// of each one. Whole numbers, because a float that comes back from text one bit off would
    /// make another market.
    rate_millionths: u64,
    /// Total weight of the instruments among which the rate is divided, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight_millionths: Option<u64>,
    /// True if the rate is the same at every hour.
    #[serde(default)]
    steady: bool,
}

impl Segment {
    /// The pace of an instrument of this weight.
    pub(crate) fn pace_of(&self, weight: f64) -> Pace {
        let rate = self.rate_millionths as f64 / 1e6;
        let total = self.weight_millionths.map(|total| total as f64 / 1e6);
        Pace {
            rate: total.map_or(rate, |total| rate * weight / total),
            steady: self.steady,
        }
    }

    fn wanted(wanted: Wanted, from: i64) -> Self {
        Self {
            from: time(from),
            rate_millionths: millionths(wanted.rate),
            weight_millionths: Some(millionths(wanted.weight)),
            steady: wanted.steady,
        }
    }
}

fn millionths(x: f64) -> u64 {
    ((x * 1e6).round() as u64).max(1)
}

/// Where ids and prices start from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    version: u32,
    pub(crate) seed: u64,
    pub(crate) segments: Vec<Segment>,
}

/// Settings of a fresh market.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) seed: u64,
    pub(crate) rate: f64,
    /// Total weight of the chosen instruments.
    pub(crate) weight: f64,
    pub(crate) steady: bool,
    pub(crate) history_days: u32,
    /// µs; `None`: now, when there is a directory to remember it in, else the fixed default.
    pub(crate) live_from: Option<i64>,
}

impl Epoch {
    /// A market as wanted, live from the minute that contains `live_from` (µs).
    pub(crate) fn new(wanted: Wanted, live_from: i64) -> Self {
        let live = live_from.div_euclid(MINUTE_US) * MINUTE_US;
        let mut segments = Vec::new();
        let mut history = |days: u32, rate| {
            let from = (live - i64::from(days) * DAY_US).div_euclid(DAY_US) * DAY_US;
            segments.push(Segment {
                from: time(from),
                rate_millionths: rate,
                weight_millionths: None,
                steady: false,
            });
        };
        if wanted.history_days > DENSE_DAYS {
            history(wanted.history_days, EARLY_RATE);
        }
        if wanted.history_days > 0 {
            history(wanted.history_days.min(DENSE_DAYS), HISTORY_RATE);
        }
        segments.push(Segment::wanted(wanted, live));
        Self {
            version: VERSION,
            seed: wanted.seed,
            segments,
        }
    }

    /// The market kept in `dir`, made there if there is none yet. `now` in µs.
    pub(crate) fn open(dir: &Path, wanted: Wanted, now: i64) -> Result<Self, EpochError> {
        let path = dir.join(FILE);
        let io = |source| EpochError::Io {
            path: path.clone(),
            source,
        };
        let kept = match fs::read_to_string(&path) {
            Ok(text) => Some(parse(&path, &text)?),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(io(e)),
        };
        let epoch = match &kept {
            None => Self::new(wanted, wanted.live_from.unwrap_or(now)),
            Some(kept) => kept.clone().at_rate(wanted, now),
        };
        if epoch.seed != wanted.seed {
            tracing::warn!(kept = epoch.seed, asked = wanted.seed, path = %path.display(),
                "the market keeps the seed it was made with");
        }
        if kept.as_ref() != Some(&epoch) {
            fs::create_dir_all(dir).map_err(io)?;
            epoch.write(&path).map_err(io)?;
        }
        Ok(epoch)
    }

    fn at_rate(mut self, wanted: Wanted, now: i64) -> Self {
        let from = (now.div_euclid(MINUTE_US) + 1) * MINUTE_US;
        let next = Segment::wanted(wanted, from);
        let same = self.segments.last().is_some_and(|last| {
            Segment {
                from: next.from,
                ..last.clone()
            } == next
        });
        if !same {
            // A segment that has not begun yet has no trades that anyone could have seen.
            self.segments.retain(|s| s.from.timestamp_micros() < from);
            self.segments.push(next);
        }
        self
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let fresh = path.with_extension("json.new");
        let mut file = fs::File::create(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    }
}

fn parse(path: &Path, text: &str) -> Result<Epoch, EpochError> {
    let invalid = |reason: String| EpochError::Invalid {
        path: path.to_owned(),
        reason,
    };
    let epoch: Epoch = serde_json::from_str(text).map_err(|e| invalid(e.to_string()))?;
    if epoch.version != VERSION {
        return Err(invalid(format!(
            "version {} is not {VERSION}",
            epoch.version
        )));
    }
    let aligned = |s: &Segment| {
        s.from.timestamp_micros() % MINUTE_US == 0
            && s.rate_millionths > 0
            && s.weight_millionths != Some(0)
    };
    let ascending = epoch.segments.windows(2).all(|w| w[0].from < w[1].from);
    if epoch.segments.is_empty() || !ascending || !epoch.segments.iter().all(aligned) {
        return Err(invalid(
            "its segments are not whole ascending minutes with rates".into(),
        ));
    }
    Ok(epoch)
}

fn time(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(seed: u64, rate: f64) -> Wanted {
        Wanted {
            seed,
            rate,
            weight: 161.3 + 0.1 + 0.2,
            steady: false,
            history_days: 3,
            live_from: None,
        }
    }

    #[test]
    fn a_restart_reads_what_the_first_start_wrote() {
        let dir = tempfile::tempdir().expect("a directory");
        let now = DEFAULT_LIVE_FROM + 90_000_000;
        let first = Epoch::open(dir.path(), wanted(7, 100.0), now).expect("made");
        assert_eq!(first.segments.len(), 2);
        let again = Epoch::open(dir.path(), wanted(8, 100.0), now + DAY_US).expect("read");
        assert_eq!(again, first, "the seed and the origin stay");
        let faster = Epoch::open(dir.path(), wanted(7, 500.0), now + DAY_US).expect("read");
        assert_eq!(faster.segments[..2], first.segments[..]);
        assert_eq!(faster.segments.len(), 3);
        assert!(faster.segments[2].from.timestamp_micros() > now + DAY_US);
    }

    #[test]
    fn a_foreign_file_is_refused_with_its_name() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join(FILE), "{}").expect("written");
        let error = Epoch::open(dir.path(), wanted(7, 1.0), 0).expect_err("refused");
        assert!(error.to_string().contains(FILE), "{error}");
    }
}
