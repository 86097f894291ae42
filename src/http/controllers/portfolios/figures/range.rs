//! A range of days in the query of a request.

use chrono::NaiveDate;

use crate::http::extract::params::Params;

/// A day as `2026-03-01`.
pub(super) fn day(text: &str) -> Result<NaiveDate, String> {
    let is_plain = text.len() == 10 && !text.starts_with(['+', '-']);
    let day = is_plain.then(|| text.parse().ok()).flatten();
    day.ok_or_else(|| "use a day such as 2026-03-01".to_owned())
}

/// The currency to show amounts in, by its name, if one is asked for.
pub(in crate::http) fn currency(params: &mut Params) -> Option<String> {
    params.take("currency", |text| match text.chars().count() {
        1..=128 => Ok(text.to_owned()),
        _ => Err("use the code of a currency, such as EUR, or the id of a token".to_owned()),
    })
}

/// The first and last day that are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DayRange {
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
}

impl DayRange {
    /// Takes `from` and `to`; both are part of the range.
    pub(super) fn take(params: &mut Params) -> Self {
        let range = Self {
            from: params.take("from", day),
            to: params.take("to", day),
        };
        if range.from.zip(range.to).is_some_and(|(from, to)| from > to) {
            params.refuse("to", "it must not be before from");
        }
        range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_one_way() {
        assert_eq!(
            day("2026-03-01"),
            Ok(NaiveDate::from_ymd_opt(2026, 3, 1).unwrap())
        );
        for wrong in [
            "",
            "2026-3-1",
            "2026-02-30",
            "20260301",
            "2026-03-01T00:00:00Z",
            "+026-03-01",
        ] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }
}
