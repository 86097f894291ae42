//! The models that a network must beat: simple, fast, and hard to beat on a market.

mod ets;
mod linear;

pub use ets::{Ets, EtsState, fit as fit_auto_ets};
pub use linear::{Linear, fit as fit_linear};

use std::ops::Range;

use crate::fit_error::{FitError, ModelName};
use crate::fitted::Fitted;
use crate::prepared::Prepared;

/// The mean log return of a candle over the training part.
///
/// # Errors
/// When the part holds no return.
pub fn fit_drift(data: &Prepared, train: Range<usize>) -> Result<Fitted, FitError> {
    let returns: Vec<f64> = (train.start..train.end.saturating_sub(1))
        .filter_map(|index| data.log_return(index, 1))
        .collect();
    if returns.is_empty() {
        return Err(FitError::TooShort {
            model: ModelName::Drift,
            found: 0,
            needed: 1,
        });
    }
    let mean = returns.iter().sum::<f64>() / returns.len() as f64;
    Ok(Fitted::Drift(mean))
}
