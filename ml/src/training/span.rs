//! Which candles a version is made of: the newest so many, the part of them that is held back, and
//! their fingerprint.

use sha2::{Digest, Sha256};

use super::{TrainRequest, TrainingError};
use crate::bar::Bar;
use crate::live::LiveModel;
use crate::lstm_model::LstmForecaster;
use crate::model::hex;
use crate::prepared::Prepared;
use crate::series::Series;

/// Held-back forecasts of the longest horizon at least.
const LEAST_HELD_BACK: usize = 25;

/// Held-back candles at most, unless the longest horizon needs more: what is held back is what the
/// version does not know of the newest market.
const MOST_HELD_BACK: usize = 720;

/// The candles of one training.
pub(super) struct Span {
    whole: Series,
    learned: Prepared,
}

impl Span {
    /// The newest candles, less `skipped` at their beginning.
    pub(super) fn new(request: &TrainRequest<'_>, skipped: usize) -> Result<Self, TrainingError> {
        let series = request.series;
        let most = request
            .config
            .most_candles
            .min(series.len())
            .saturating_sub(skipped);
        let whole = if most == series.len() {
            series.clone()
        } else {
            newest(request, most)?
        };
        let longest = request.horizons.last().copied().unwrap_or(1);
        let share = (whole.len() as f64 * request.config.held_back).ceil() as usize;
        let held_back = share.min(MOST_HELD_BACK).max(longest + LEAST_HELD_BACK);
        if held_back * 2 > whole.len() {
            return Err(request.candles(format!(
                "{} candles are too few: {held_back} would be held back to compare versions on",
                whole.len()
            )));
        }
        let learned = Prepared::new(whole.prefix(whole.len() - held_back));
        Ok(Self { whole, learned })
    }

    /// Every candle.
    pub(super) fn whole(&self) -> &Series {
        &self.whole
    }

    /// Those that may be learned from, with their features.
    pub(super) fn learned(&self) -> &Prepared {
        &self.learned
    }

    /// Number of candles held back.
    pub(super) fn held_back(&self) -> usize {
        self.whole.len() - self.learned.len()
    }

    /// SHA-256 over every candle: whoever trains on the same ones gets the same.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.whole.interval().name());
        for bar in self.whole.bars() {
            hash.update(bar.open_time.to_le_bytes());
            for value in [bar.open, bar.high, bar.low, bar.close, bar.volume] {
                hash.update(value.to_le_bytes());
            }
        }
        hex(&hash.finalize())
    }
}

/// The newest `most` candles as a series of their own.
fn newest(request: &TrainRequest<'_>, most: usize) -> Result<Series, TrainingError> {
    let series = request.series;
    let bars: Vec<Bar> = (series.len() - most..series.len())
        .filter(|index| !series.filled(*index))
        .map(|index| series.bars()[index])
        .collect();
    let built = Series::build(series.interval(), bars);
    let (newest, _) = built.map_err(|error| request.candles(error.to_string()))?;
    Ok(newest)
}

/// The number of candles to leave out so that blocks of the training part begin where they did for the
/// serving version: what judges one of its networks is a block that it has never learned from.
pub(super) fn out_of_step(
    request: &TrainRequest<'_>,
    serving: &LiveModel,
    network: &LstmForecaster,
) -> usize {
    let series = request.series;
    let round = network.block.max(1) * network.networks.len().max(1);
    let begins = series.len() - request.config.most_candles.min(series.len());
    let first = serving.card().training.first.timestamp_millis();
    let bars = series.bars();
    // Where the serving version's candles began, counted from where ours do.
    let ahead = match bars.binary_search_by_key(&first, |bar| bar.open_time) {
        Ok(place) => place as i64 - begins as i64,
        Err(_) => (first - bars[begins].open_time).div_euclid(request.key.interval().millis()),
    };
    usize::try_from(ahead.rem_euclid(round as i64)).unwrap_or(0)
}
