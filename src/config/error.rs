//! Errors of a configuration, in words that let the reader correct it.

use std::path::PathBuf;

use figment::Metadata;
use figment::error::{Actual, Kind};

use super::allowed::{allowed, is_secret};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file of a secret cannot be read.
    #[error("cannot read the secret in {} (named by {variable}): {source}", path.display())]
    UnreadableSecret {
        /// The variable that names it.
        variable: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {} is not valid TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// There is no such setting.
    #[error("unknown setting {key:?} in {origin}{}; allowed here: {allowed}", did_you_mean(.suggestion))]
    UnknownKey {
        /// The key as it was written.
        key: String,
        /// The file or the environment.
        origin: String,
        /// The allowed key that looks most like it.
        suggestion: Option<String>,
        /// The values allowed in its place.
        allowed: String,
    },
    /// A setting has a value that it cannot have.
    #[error("{key} cannot be {problem} (set in {origin}){}; allowed: {allowed}", did_you_mean(.suggestion))]
    BadValue {
        /// The setting.
        key: String,
        /// Where the value came from.
        origin: String,
        /// The value, or what is wrong with it; never a secret.
        problem: String,
        /// The allowed value that looks most like it.
        suggestion: Option<String>,
        /// The values allowed.
        allowed: String,
    },
    /// Settings that are fine alone do not go together.
    #[error("{0}")]
    Conflict(String),
    /// Nothing says where to keep data.
    #[error(
        "no data directory: neither HOME nor XDG_DATA_HOME is set; name one with --data-dir, data_dir or COINSPHERE_DATA_DIR"
    )]
    NoDataDir,
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map(|name| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}

/// The candidate that looks most like `wrong`, if one looks enough like it to be meant.
pub(super) fn closest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

impl ConfigError {
    /// Puts figment's finding into our words.
    pub(super) fn from_figment(error: figment::Error, layers: &figment::Figment) -> Self {
        let key = error.path.join(".");
        let origin = origin_of(error.metadata.as_ref());
        let bad = |problem: String, suggestion| Self::BadValue {
            allowed: allowed(&key).to_owned(),
            key: key.clone(),
            origin: origin.clone(),
            problem: if is_secret(&key) {
                "this (a secret, not shown)".to_owned()
            } else {
                problem
            },
            suggestion,
        };
        match error.kind {
            Kind::UnknownField(field, fields) => Self::UnknownKey {
                suggestion: closest(&field, fields.iter().copied()),
                key,
                origin,
                allowed: fields.join(", "),
            },
            Kind::UnknownVariant(variant, variants) => bad(
                format!("{variant:?}"),
                closest(&variant, variants.iter().copied()),
            ),
            Kind::InvalidType(found, _) | Kind::InvalidValue(found, _) => bad(shown(&found), None),
            Kind::ISizeOutOfRange(number) => bad(number.to_string(), None),
            Kind::USizeOutOfRange(number) => bad(number.to_string(), None),
            Kind::Message(reason) if key.is_empty() => Self::Conflict(reason),
            other => {
                let value = layers
                    .find_value(&key)
                    .map(|value| shown(&value.to_actual()));
                bad(value.unwrap_or_else(|_| other.to_string()), None)
            }
        }
    }
}

/// Where a value came from, for people.
pub(super) fn origin_of(metadata: Option<&Metadata>) -> String {
    let ours = ["configuration file ", "environment variable ", "flag "];
    metadata
        .map(|metadata| metadata.name.as_ref())
        .filter(|name| ours.iter().any(|prefix| name.starts_with(prefix)))
        .unwrap_or("the defaults")
        .to_owned()
}

fn shown(found: &Actual) -> String {
    match found {
        Actual::Str(text) => format!("{text:?}"),
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a section".to_owned(),
        other => other.to_string(),
    }
}
