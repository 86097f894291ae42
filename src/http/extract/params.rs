//! Reads query parameters: every wrong one is named, unknown and repeated ones are refused.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::DateTime;
use coinsphere_pipelines::market::{Timestamp, Venue};
use coinsphere_pipelines::venues;

use crate::http::respond::problem::{FieldError, Problem};

/// A request's query parameters, each to be taken once.
#[derive(Debug)]
pub(in crate::http) struct Params {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|_| {
                Problem::invalid(vec![FieldError {
                    field: "query".to_owned(),
                    detail: "the query string is not of the form name=value&name=value".to_owned(),
                }])
            })?;
        Ok(Self {
            pairs,
            known: Vec::new(),
            errors: Vec::new(),
        })
    }
}

impl Params {
    /// Returns whether a parameter is given, right or wrong, and has not been taken yet.
    pub(in crate::http) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    /// Takes a parameter; `None` when it is absent or wrong (then [`Params::finish`] fails).
    /// `read` says what is allowed when it refuses.
    pub(in crate::http) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        let at = self.pairs.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.pairs.remove(at);
        if self.pairs.iter().any(|(key, _)| key == name) {
            self.pairs.retain(|(key, _)| key != name);
            self.refuse(name, "given more than once");
            return None;
        }
        match read(&value) {
            Ok(value) => Some(value),
            Err(allowed) => {
                let shown: String = value.chars().take(60).collect();
                self.refuse(name, format!("cannot be {shown:?}: {allowed}"));
                None
            }
        }
    }

    /// Takes a parameter that must be there; `None` when it is absent or wrong (then [`Params::finish`] fails).
    pub(in crate::http) fn take_required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.pairs.iter().any(|(key, _)| key == name) {
            self.known.push(name);
            self.refuse(name, "it is required");
            return None;
        }
        self.take(name, read)
    }

    /// Notes that a parameter is wrong.
    pub(in crate::http) fn refuse(&mut self, name: &str, detail: impl Into<String>) {
        self.errors.push(FieldError {
            field: name.to_owned(),
            detail: detail.into(),
        });
    }

    /// Fails if anything was wrong or is left over.
    pub(in crate::http) fn finish(mut self) -> Result<(), Problem> {
        let left: Vec<String> = self.pairs.drain(..).map(|(name, _)| name).collect();
        for name in left {
            let allowed = match self.known[..] {
                [] => "there are none here".to_owned(),
                _ => format!("allowed are {}", self.known.join(", ")),
            };
            let shown: String = name.chars().take(60).collect();
            self.refuse(&shown, format!("unknown parameter: {allowed}"));
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.errors))
        }
    }
}

/// A whole number from 1 to `max`.
pub(in crate::http) fn limit(max: usize) -> impl FnOnce(&str) -> Result<usize, String> {
    move |text| {
        text.parse()
            .ok()
            .filter(|limit| (1..=max).contains(limit))
            .ok_or_else(|| format!("use a whole number from 1 to {max}"))
    }
}

/// A time, RFC 3339. A `+` that was not escaped arrives as a space.
pub(in crate::http) fn time(text: &str) -> Result<Timestamp, String> {
    let text = text.replace(' ', "+");
    Timestamp::parse_rfc3339(&text).map_err(|_| {
        if DateTime::parse_from_rfc3339(&text).is_ok() {
            format!(
                "it is out of range: use a time from {} to {}",
                Timestamp::MIN,
                Timestamp::MAX
            )
        } else {
            "use a time as RFC 3339, e.g. 2024-08-08T23:54:00Z".to_owned()
        }
    })
}

/// A venue by name.
pub(in crate::http) fn venue(text: &str) -> Result<Venue, String> {
    venues::named(text).ok_or_else(|| format!("use one of {}", venue_names()))
}

pub(in crate::http) fn venue_names() -> String {
    let names: Vec<_> = venues::ALL.iter().map(|v| v.venue().name()).collect();
    names.join(", ")
}
