//! The predictor's interface to a model and to where models are kept. The ml crate's models
//! implement it in the program; tests have simpler ones.

use coinsphere_pipelines::market::Candle;

use crate::forecasting::series::SeriesSpec;

/// A forecast as a model makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The number of candles ahead.
    pub horizon: u32,
    /// Which of the model's methods made it.
    pub method: String,
    /// The expected log return.
    pub log_return: f64,
    /// The log returns between which the outcome lies in 50, 80 and 95 of 100 cases; absent while
    /// that is not calibrated.
    pub ranges: Option<[(f64, f64); 3]>,
    /// True if the method beat persistence beyond chance when it was evaluated.
    pub has_skill: bool,
}

/// Result of stepping a model over one closed candle.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stepped {
    /// New forecasts.
    pub forecasts: Vec<Expected>,
    /// Changes found in the errors: a reason to train again.
    pub drifts: Vec<String>,
}

/// A version of a model together with where its inference stands.
pub trait Inference: Send {
    /// The version.
    fn version(&self) -> &str;

    /// Begins again, before the first candle.
    fn reset(&mut self);

    /// Takes the next closed candle: one step, whatever came before.
    ///
    /// # Errors
    /// When the candle is impossible; nothing has changed then.
    fn step(&mut self, candle: &Candle) -> Result<Stepped, String>;

    /// Where the inference stands.
    fn save(&self) -> Vec<u8>;

    /// Goes on from what [`Inference::save`] gave.
    ///
    /// # Errors
    /// When the bytes are damaged or another version's; nothing has changed then.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), String>;
}

/// The version that serves, and one that should serve but cannot.
pub struct Serving {
    /// The model; `None` if there is none yet.
    pub model: Option<Box<dyn Inference>>,
    /// Versions that were to serve and cannot, with the reason, the newest first.
    pub refused: Vec<String>,
}

/// Where models are kept.
pub trait ModelRepository: Send + Sync + 'static {
    /// Which version is to serve: cheap, asked often. `None` if there is none.
    ///
    /// # Errors
    /// When that cannot be read.
    fn promoted(&self, spec: &SeriesSpec) -> Result<Option<String>, String>;

    /// Loads what serves: the promoted version or, where that is broken, the one before.
    ///
    /// # Errors
    /// When that cannot be read.
    fn load(&self, spec: &SeriesSpec) -> Result<Serving, String>;
}
