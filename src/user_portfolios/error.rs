//! Errors of portfolios: refusals, and failures of the database.

use coinsphere_pipelines::store::StoreError;

use crate::portfolios::computed::ChangeError;
use crate::portfolios::imports::ImportOutcome;
use crate::portfolios::report::ReportError;

/// A field of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// The field, by its path: `transactions[3].sent.asset`.
    pub field: String,
    /// The fault, and the allowed values.
    pub detail: String,
}

/// Errors of portfolios: refusals, and failures of the database.
#[derive(Debug, thiserror::Error)]
pub enum PortfolioError {
    /// Fields have values that they cannot have.
    #[error("the request is not valid: {}", .0.iter().map(|wrong| wrong.field.as_str()).collect::<Vec<_>>().join(", "))]
    Invalid(Vec<WrongField>),
    /// There is none, or it is somebody else's: never said which.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// It is so already, or a bound is reached.
    #[error("{0}")]
    Conflict(String),
    /// Rows of an import are refused, or tickers are open: nothing was stored.
    #[error("the import is refused: {} rows, {} tickers", .0.refused().count(), .0.questions.len())]
    ImportRefused(Box<ImportOutcome>),
    /// Its transactions contradict one another, or a number does not fit.
    #[error("the portfolio cannot be computed: {0}")]
    NotComputable(#[from] ChangeError),
    /// A report of it cannot be made, or its amounts not be shown in that currency.
    #[error("it cannot be computed: {0}")]
    NoReport(#[from] ReportError),
    /// The database has not been reached.
    #[error("the database is unavailable")]
    Unavailable,
    /// The database refused or went away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading files, or computing, was cut off.
    #[error("the work was cut off: {0}")]
    Interrupted(String),
}

impl PortfolioError {
    /// An error in one field.
    pub(super) fn wrong(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![WrongField {
            field: field.into(),
            detail: detail.into(),
        }])
    }

    /// True if the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::Store(error) => error.is_retriable(),
            _ => false,
        }
    }
}
