//! Holding periods. A period begins on the day after the acquisition and ends with the day
//! of the disposal, by calendar.

use chrono::{Datelike, NaiveDate};

use crate::ledger::Day;

/// Held for a year or less, or longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// A year or less.
    Short,
    /// More than a year.
    Long,
}

impl Term {
    /// Of a lot.
    #[must_use]
    pub fn of(acquired: Day, disposed: Day) -> Self {
        if is_long_term(acquired.date(), disposed.date()) {
            Self::Long
        } else {
            Self::Short
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
        }
    }
}

/// True when an asset was held for more than a year (26 USC 1222; also Germany's one year, section 23 EStG).
#[must_use]
pub fn is_long_term(acquired: NaiveDate, disposed: NaiveDate) -> bool {
    let Some(first) = acquired.succ_opt() else {
        return false;
    };
    // The day a year after 29 February is 1 March.
    let year_later = first
        .with_year(first.year() + 1)
        .or_else(|| NaiveDate::from_ymd_opt(first.year() + 1, 3, 1));
    year_later.is_some_and(|from| disposed >= from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_is_a_calendar_year_from_the_day_after() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        for (acquired, last_short) in [
            ("2023-01-15", "2024-01-15"),
            ("2024-01-15", "2025-01-15"),
            ("2023-02-28", "2024-02-29"),
            ("2024-02-28", "2025-02-28"),
            ("2024-02-29", "2025-02-28"),
            ("2023-12-31", "2024-12-31"),
        ] {
            let (acquired, last_short) = (day(acquired), day(last_short));
            assert!(!is_long_term(acquired, last_short), "{acquired}");
            assert!(
                is_long_term(acquired, last_short.succ_opt().expect("a day")),
                "{acquired}"
            );
        }
    }
}
