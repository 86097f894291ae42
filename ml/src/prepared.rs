//! A series with the features of each of its candles, and the outcomes to forecast.

use crate::features::{FeatureRow, FeatureStream};
use crate::series::Series;

/// A series and what models see of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    series: Series,
    rows: Vec<Option<FeatureRow>>,
    /// Which run each candle is in.
    run_of: Vec<usize>,
}

impl Prepared {
    /// Computes the features of every candle from it and those before it.
    #[must_use]
    pub fn new(series: Series) -> Self {
        let mut rows = Vec::with_capacity(series.len());
        let mut run_of = Vec::with_capacity(series.len());
        for (place, run) in series.runs().iter().enumerate() {
            let mut stream = FeatureStream::new(series.interval());
            for bar in &series.bars()[run.clone()] {
                rows.push(stream.push(bar));
                run_of.push(place);
            }
        }
        Self {
            series,
            rows,
            run_of,
        }
    }

    /// The candles.
    #[must_use]
    pub const fn series(&self) -> &Series {
        &self.series
    }

    /// Number of candles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A model's inputs at each close; nothing while a stretch warms up.
    #[must_use]
    pub fn rows(&self) -> &[Option<FeatureRow>] {
        &self.rows
    }

    /// The log return from candle `index` to the one `horizon` later; nothing where either is
    /// missing or a hole lies between.
    #[must_use]
    pub fn log_return(&self, index: usize, horizon: usize) -> Option<f64> {
        let end = index + horizon;
        if end >= self.len()
            || self.run_of[index] != self.run_of[end]
            || self.series.filled(index)
            || self.series.filled(end)
        {
            return None;
        }
        let bars = self.series.bars();
        Some((bars[end].close / bars[index].close).ln())
    }

    /// Returns whether a forecast can be made at this close: its features are known, and it really traded.
    #[must_use]
    pub fn is_origin(&self, index: usize) -> bool {
        self.rows[index].is_some() && !self.series.filled(index)
    }

    /// Standard deviation expected over `horizon` candles at this close, were returns independent.
    #[must_use]
    pub fn scale(&self, index: usize, horizon: usize) -> Option<f64> {
        self.rows[index].map(|row| row.volatility * (horizon as f64).sqrt())
    }

    /// The outcome in units of [`Self::scale`]: what models learn.
    #[must_use]
    pub fn target(&self, index: usize, horizon: usize) -> Option<f64> {
        Some(self.log_return(index, horizon)? / self.scale(index, horizon)?)
    }
}
