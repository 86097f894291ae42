//! Performance: what the money did, day by day and over a range. Ratios are floating-point numbers made
//! of exact amounts; a figure that has no meaning is a reason, never a wild percentage.

pub mod returns;
pub mod risk;
pub mod series;
pub mod xirr;

pub use returns::{Linked, link_daily, max_drawdown, modified_dietz, simple_return};
pub(crate) use series::values_between;
pub use series::{DayValue, TooLarge, daily_values};
pub use xirr::{Xirr, xirr};

/// Why a figure is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoFigure {
    /// Nothing was ever invested in the range.
    #[error("no capital was invested")]
    NoCapital,
    /// All flows are of one day.
    #[error("all flows are on one day: a rate needs time")]
    OneDay,
    /// Money went only in, or only out, and nothing is left or was there.
    #[error("the flows never change their sign: no rate explains them")]
    NoChangeOfSign,
    /// Everything is gone.
    #[error("everything was lost: the rate is -100 %")]
    TotalLoss,
    /// No rate solves it.
    #[error("no rate within reach explains the flows")]
    NoRoot,
    /// A holding has no price.
    #[error("something that is held has no price")]
    NoPrice,
    /// A flow has no value.
    #[error("a deposit or withdrawal has no known value")]
    NoFlowValue,
    /// Fewer than two returns.
    #[error("fewer than two daily returns")]
    TooFewReturns,
    /// The returns do not vary.
    #[error("the daily returns do not vary")]
    Flat,
    /// The benchmark has no price.
    #[error("the benchmark has no price on a day that needs one")]
    BenchmarkUnpriced,
    /// A benchmark with the same flows would have had nothing left.
    #[error("more was withdrawn than the same money would have become")]
    BenchmarkEmpty,
    /// No return was below the risk-free rate.
    #[error("no day had a loss")]
    NoDownside,
}

/// A ratio or the reason for which there is none.
pub type Figure = Result<f64, NoFigure>;
