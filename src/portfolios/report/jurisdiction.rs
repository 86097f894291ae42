//! Rules of states that a report follows: when a tax year begins, and whether a holding period makes a
//! difference. They change words and ranges of a report, never its gains.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

use crate::cost_basis::{Method, Term};
use crate::ledger::Day;

/// A state whose rules a report follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Jurisdiction {
    /// The United States: long-term after more than a year (26 USC 1222).
    Us,
    /// Germany: free after more than a year (section 23 EStG).
    De,
    /// The United Kingdom: no holding period, a tax year from 6 April.
    Gb,
    /// Australia: discount after twelve months between the two days (section 115-25 ITAA 1997), an income year
    /// from 1 July.
    Au,
    /// Canada: no holding period.
    Ca,
}

impl Jurisdiction {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Us, Self::De, Self::Gb, Self::Au, Self::Ca];

    /// Its ISO 3166 code, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::De => "de",
            Self::Gb => "gb",
            Self::Au => "au",
            Self::Ca => "ca",
        }
    }

    /// Its rule of terms, as a sentence.
    pub(crate) const fn term_rule(self) -> &'static str {
        match self {
            Self::Us => {
                "long-term if held for more than one year, from the day after the acquisition (26 USC 1222)"
            }
            Self::De => {
                "long if held for more than one year, after which a gain is not taxed (section 23 EStG)"
            }
            Self::Gb => "no difference by holding period",
            Self::Au => {
                "long if twelve months lie between acquisition and disposal, both days left out (section 115-25 ITAA 1997)"
            }
            Self::Ca => "no difference by holding period",
        }
    }

    /// Month and day on which its tax year begins.
    const fn year_begins(self) -> (u32, u32) {
        match self {
            Self::Gb => (4, 6),
            Self::Au => (7, 1),
            Self::Us | Self::De | Self::Ca => (1, 1),
        }
    }
}

/// The term of a lot; none where a holding period makes no difference.
pub(crate) fn term(of: Option<Jurisdiction>, acquired: Day, disposed: Day) -> Option<Term> {
    match of {
        // Twelve months between two days are more than a year by calendar, so that one rule serves all.
        None | Some(Jurisdiction::Us | Jurisdiction::De | Jurisdiction::Au) => {
            Some(Term::of(acquired, disposed))
        }
        Some(Jurisdiction::Gb | Jurisdiction::Ca) => None,
    }
}

/// The rule of terms of a report, as a sentence.
pub(crate) const fn term_rule(of: Option<Jurisdiction>) -> &'static str {
    match of {
        Some(of) => of.term_rule(),
        None => "long if held for more than one year, from the day after the acquisition",
    }
}

/// The first and last day of a tax year, the one that begins in that year of the calendar. Without a
/// jurisdiction the method `uk` has the United Kingdom's and every other the calendar's.
pub(crate) fn tax_year(
    year: i32,
    of: Option<Jurisdiction>,
    method: Method,
) -> Option<(NaiveDate, NaiveDate)> {
    if !(1970..=2199).contains(&year) {
        return None;
    }
    let default = match method {
        Method::Uk => Jurisdiction::Gb,
        _ => Jurisdiction::Us,
    };
    let (month, day) = of.unwrap_or(default).year_begins();
    let from = NaiveDate::from_ymd_opt(year, month, day)?;
    Some((from, from.with_year(year + 1)?.pred_opt()?))
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Jurisdiction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|of| of.name() == text)
            .ok_or_else(|| format!("use one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_years_begin_where_the_law_says() {
        let year = |of, method| {
            let (from, to) = tax_year(2024, of, method).expect("a year");
            format!("{from} {to}")
        };
        use Jurisdiction::{Au, De, Gb, Us};
        assert_eq!(year(None, Method::Fifo), "2024-01-01 2024-12-31");
        assert_eq!(year(None, Method::Uk), "2024-04-06 2025-04-05");
        assert_eq!(year(Some(Us), Method::Uk), "2024-01-01 2024-12-31");
        assert_eq!(year(Some(De), Method::Fifo), "2024-01-01 2024-12-31");
        assert_eq!(year(Some(Gb), Method::Fifo), "2024-04-06 2025-04-05");
        assert_eq!(year(Some(Au), Method::Fifo), "2024-07-01 2025-06-30");
        assert_eq!(tax_year(1969, Some(Us), Method::Fifo), None);
    }

    /// The example of TD 2002/10: acquired on 2 February 2001, the discount begins on 3 February 2002.
    #[test]
    fn twelve_months_lie_between_the_two_days_in_australia() {
        let day = |text: &str| Day::of(text.parse().expect("a day"));
        let of = |disposed| term(Some(Jurisdiction::Au), day("2001-02-02"), day(disposed));
        assert_eq!(of("2002-02-02"), Some(Term::Short));
        assert_eq!(of("2002-02-03"), Some(Term::Long));
        let gb = term(Some(Jurisdiction::Gb), day("2001-02-02"), day("2009-01-01"));
        assert_eq!(gb, None);
    }
}
