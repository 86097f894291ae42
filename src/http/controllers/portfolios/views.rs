//! The shapes that several answers share, and refusals as clients may see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::respond::problem::{FieldError, Kind, Problem};
use crate::portfolios::imports::ImportOutcome;
use crate::portfolios::{FeesInKind, Method, Scope, Tz};
use crate::user_portfolios::{Portfolio, PortfolioError, WrongField, fees_name, scope_name};

/// The most refusals of an import that a problem names.
const NAMED: usize = 100;

/// A portfolio: its settings, and how much is in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Portfolio)]
pub(in crate::http) struct PortfolioView {
    /// The portfolio.
    pub(in crate::http) id: Uuid,
    /// Its name.
    #[schema(example = "Long term")]
    pub(in crate::http) name: String,
    /// The IANA time zone that decides days and tax years.
    #[schema(example = "Europe/London")]
    pub(in crate::http) time_zone: &'static str,
    /// The currency of values, costs and prices: the code of a currency, or a token's id.
    #[schema(example = "GBP")]
    pub(in crate::http) currency: String,
    /// Method that chooses the lots of a disposal: `fifo`, `lifo`, `hifo`, `average`, `uk` or `specific`.
    #[schema(example = "uk")]
    pub(in crate::http) method: &'static str,
    /// Scope of lots: the whole `portfolio`, or the `account` of the disposal.
    #[schema(example = "portfolio")]
    pub(in crate::http) scope: &'static str,
    /// Rule for fees in coins: `dispose` at market value, or `at_cost`.
    #[schema(example = "dispose")]
    pub(in crate::http) fees_in_kind: &'static str,
    /// Grows with every change.
    #[schema(example = 42)]
    pub(in crate::http) version: i64,
    /// Number of its transactions.
    #[schema(example = 1900)]
    pub(in crate::http) transactions: i64,
    /// Time of creation.
    pub(in crate::http) created_at: DateTime<Utc>,
}

impl From<Portfolio> for PortfolioView {
    fn from(portfolio: Portfolio) -> Self {
        let settings = portfolio.settings;
        Self {
            id: portfolio.id,
            name: portfolio.name,
            time_zone: settings.time_zone.name(),
            currency: settings.currency,
            method: settings.method.name(),
            scope: scope_name(settings.scope),
            fees_in_kind: fees_name(settings.fees_in_kind),
            version: portfolio.version,
            transactions: portfolio.transactions,
            created_at: portfolio.created_at,
        }
    }
}

/// Reads texts of a body, and collects what is wrong with them.
#[derive(Debug, Default)]
pub(in crate::http) struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// Reads one that is there.
    pub(super) fn read<T>(
        &mut self,
        field: &str,
        text: Option<&str>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(text?) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.refuse(field, detail);
                None
            }
        }
    }

    /// Notes that one is wrong.
    pub(super) fn refuse(&mut self, field: &str, detail: impl Into<String>) {
        self.errors.push(FieldError {
            field: field.to_owned(),
            detail: detail.into(),
        });
    }

    /// Fails if any was wrong.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.errors.truncate(NAMED);
        match self.errors.is_empty() {
            true => Ok(()),
            false => Err(Problem::invalid(self.errors)),
        }
    }
}

/// A time zone by its IANA name.
pub(super) fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse()
        .map_err(|_| "use an IANA time zone, such as Europe/London".to_owned())
}

/// A method by name.
pub(super) fn method(text: &str) -> Result<Method, String> {
    text.parse()
}

/// A scope by name.
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    [Scope::Portfolio, Scope::Account]
        .into_iter()
        .find(|scope| scope_name(*scope) == text)
        .ok_or_else(|| "use portfolio or account".to_owned())
}

/// A rule of fees in coins by name.
pub(super) fn fees_in_kind(text: &str) -> Result<FeesInKind, String> {
    [FeesInKind::Dispose, FeesInKind::AtCost]
        .into_iter()
        .find(|fees| fees_name(*fees) == text)
        .ok_or_else(|| "use dispose or at_cost".to_owned())
}

/// The id of something in a path: what is none names nothing.
pub(in crate::http) fn id(text: &str, what: &'static str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| PortfolioError::Unknown(what).into())
}

impl From<PortfolioError> for Problem {
    /// Causes within us stay in our log.
    fn from(error: PortfolioError) -> Self {
        match error {
            PortfolioError::Invalid(wrong) => {
                let error = |WrongField { field, detail }| FieldError { field, detail };
                Self::invalid(wrong.into_iter().map(error).collect())
            }
            PortfolioError::Unknown(what) => {
                Self::new(Kind::NotFound).with_detail(format!("there is no such {what}"))
            }
            PortfolioError::Conflict(why) => Self::new(Kind::Conflict).with_detail(why),
            error @ (PortfolioError::NotComputable(_) | PortfolioError::NoReport(_)) => {
                Self::new(Kind::Conflict).with_detail(error.to_string())
            }
            PortfolioError::ImportRefused(outcome) => import_refused(&outcome),
            error if error.is_retriable() => {
                tracing::warn!(%error, "cannot answer a request");
                Self::new(Kind::Unavailable)
                    .with_detail("the database is unavailable; try again soon")
            }
            error => {
                tracing::error!(%error, "cannot answer a request");
                Self::new(Kind::Internal)
            }
        }
    }
}

/// Names rows and tickers, up to a bound.
fn import_refused(outcome: &ImportOutcome) -> Problem {
    let unknown = outcome.files.iter().filter(|file| file.format == "unknown");
    let unknown = unknown.map(|file| FieldError {
        field: shortened(&file.name),
        detail: file.notes.join(", "),
    });
    let rows = outcome.refused().map(|(file, refusal)| {
        let row = refusal.row.map(|row| format!(", row {row}"));
        let column = refusal.column.as_deref();
        let column = column.map(|column| format!(", column {column}"));
        FieldError {
            field: format!(
                "{}{}{}",
                shortened(file),
                row.unwrap_or_default(),
                column.unwrap_or_default()
            ),
            detail: refusal.reason.clone(),
        }
    });
    let tickers = outcome.questions.iter().map(|question| FieldError {
        field: format!("tickers.{}:{}", question.venue, question.ticker),
        detail: match question.candidates.is_empty() {
            true => "no token has this symbol: name an asset".to_owned(),
            false => format!("it means one of {}", question.candidates.join(", ")),
        },
    });
    let errors: Vec<FieldError> = tickers.chain(unknown).chain(rows).take(NAMED).collect();
    Problem::new(Kind::ImportRefused)
        .with_detail(format!(
            "nothing was stored: {} rows are refused, {} tickers are open; a dry run shows all of them",
            outcome.refused().count(),
            outcome.questions.len()
        ))
        .with_errors(errors)
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}
