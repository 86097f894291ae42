//! Which candles a version is made of: the newest so many, the part of them that is held back, and
//! their fingerprint.

use sha2::{Digest, Sha256};

use super::TrainingError;
use crate::bar::Bar;
use crate::model::{ModelKey, hex};
use crate::series::Series;

/// The newest `most` candles as a series, if there are more; filled candles are filled again.
pub(super) fn newest(
    key: &ModelKey,
    series: &Series,
    most: usize,
) -> Result<Option<Series>, TrainingError> {
    if series.len() <= most {
        return Ok(None);
    }
    let bars: Vec<Bar> = (series.len() - most..series.len())
        .filter(|index| !series.filled(*index))
        .map(|index| series.bars()[index])
        .collect();
    let (series, _) =
        Series::build(series.interval(), bars).map_err(|error| TrainingError::Candles {
            key: key.clone(),
            why: error.to_string(),
        })?;
    Ok(Some(series))
}

/// SHA-256 over every candle: whoever trains on the same ones gets the same.
pub(super) fn fingerprint(series: &Series) -> String {
    let mut hash = Sha256::new();
    hash.update(series.interval().name());
    for bar in series.bars() {
        hash.update(bar.open_time.to_le_bytes());
        for value in [bar.open, bar.high, bar.low, bar.close, bar.volume] {
            hash.update(value.to_le_bytes());
        }
    }
    hex(&hash.finalize())
}
