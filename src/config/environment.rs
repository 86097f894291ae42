//! From environment variables to settings: `COINSPHERE_LOG__KIND` is `log.kind`, and a few names
//! that deployments already have. How a text is read depends on what the default is.

use std::ffi::OsString;
use std::path::Path;

use figment::value::{Dict, Value};

use super::allowed::{SECRETS, allowed};
use super::error::{ConfigError, closest};

/// Names that deployments already have, and the settings they stand for. A `COINSPHERE_` name for
/// the same setting wins.
pub(super) const ALIASES: [(&str, &str); 7] = [
    ("DATABASE_URL", "database.url"),
    ("DATABASE_CONNECTION_LIMIT", "database.connection_limit"),
    ("DATABASE_CONNECT_TIMEOUT", "database.connect_timeout"),
    ("DATABASE_POOL_TIMEOUT", "database.pool_timeout"),
    ("REDIS_URL", "redis.url"),
    ("REDIS_PASSWORD", "redis.password"),
    ("TOTP_ENCRYPTION_KEY", "accounts.totp_encryption_key"),
];

/// The variable that names the configuration file; not itself a setting.
pub(super) const FILE_VARIABLE: &str = "COINSPHERE_CONFIG";

const PREFIX: &str = "COINSPHERE_";

/// One setting from one variable.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) variable: String,
    pub(super) key: String,
    pub(super) value: Value,
}

/// The variable of a setting.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// Every setting, as its dotted key, with the default.
pub(super) fn leaves(defaults: &Dict) -> Vec<(String, Value)> {
    fn walk(prefix: &str, dict: &Dict, out: &mut Vec<(String, Value)>) {
        for (name, value) in dict {
            let key = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}.{name}")
            };
            match value {
                Value::Dict(_, inner) => walk(&key, inner, out),
                leaf => out.push((key, leaf.clone())),
            }
        }
    }
    let mut out = Vec::new();
    walk("", defaults, &mut out);
    out
}

/// The settings among the variables, aliases first. Variables with an empty value are as good as
/// unset: compose files write `NAME=${NAME:-}`.
pub(super) fn settings(
    variables: &[(OsString, OsString)],
    defaults: &Dict,
) -> Result<Vec<Setting>, ConfigError> {
    let leaves = leaves(defaults);
    let mut found = Vec::new();
    for (name, text) in variables {
        let Some(name) = name.to_str() else { continue };
        if text.is_empty() {
            continue;
        }
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let ours = name.starts_with(PREFIX) && !is_reserved(name);
        let key = match alias {
            Some((_, key)) => (*key).to_owned(),
            None if ours => name[PREFIX.len()..].to_lowercase().replace("__", "."),
            None => continue,
        };
        let Some((key, default)) = leaves.iter().find(|(leaf, _)| *leaf == key) else {
            return Err(unknown(name, &leaves));
        };
        let text = text.to_str().ok_or_else(|| ConfigError::BadValue {
            key: key.clone(),
            origin: format!("environment variable {name}"),
            problem: "bytes that are not UTF-8".to_owned(),
            suggestion: None,
            allowed: allowed(key).to_owned(),
        })?;
        let setting = Setting {
            variable: name.to_owned(),
            key: key.clone(),
            value: read(key, text, default),
        };
        found.push((alias.is_none(), setting));
    }
    found.sort_by(|a, b| (a.0, &a.1.variable).cmp(&(b.0, &b.1.variable)));
    Ok(found.into_iter().map(|(_, setting)| setting).collect())
}

/// Puts secrets that stand in files into the variables: `NAME_FILE` names the file of the secret
/// `NAME` (of whichever of its names), and systemd's credentials (systemd.exec(5),
/// `LoadCredential=`) are files named like the setting, e.g. `database.url`.
pub(super) fn with_secrets(
    variables: &[(OsString, OsString)],
) -> Result<Vec<(OsString, OsString)>, ConfigError> {
    let mut all = variables.to_vec();
    let given = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name);
        found
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    };
    let credentials = given("CREDENTIALS_DIRECTORY");
    for key in SECRETS {
        let own = variable(key);
        let aliases = ALIASES.iter().filter(|(_, aliased)| *aliased == key);
        let names: Vec<&str> = aliases.map(|(alias, _)| *alias).chain([&*own]).collect();
        let mut set: Vec<String> = Vec::new();
        for name in &names {
            if given(name).is_some() {
                set.push((*name).to_owned());
            }
            let file_name = format!("{name}_FILE");
            all.retain(|(known, _)| *known != *file_name);
            if let Some(path) = given(&file_name) {
                all.push((own.clone().into(), secret_in(Path::new(path), &file_name)?));
                set.push(file_name);
            }
        }
        if let [first, .., second] = &set[..]
            && set.iter().any(|name| name.ends_with("_FILE"))
        {
            return Err(ConfigError::Conflict(format!(
                "both {first} and {second} are set: keep one of them"
            )));
        }
        if let Some(directory) = credentials
            && set.is_empty()
        {
            let path = Path::new(directory).join(key);
            if path.exists() {
                all.push((own.into(), secret_in(&path, "CREDENTIALS_DIRECTORY")?));
            }
        }
    }
    Ok(all)
}

/// A secret's file, without the line break at its end.
fn secret_in(path: &Path, variable: &str) -> Result<OsString, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::UnreadableSecret {
        variable: variable.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    Ok(text.trim_end_matches(['\n', '\r']).into())
}

fn is_reserved(name: &str) -> bool {
    name == FILE_VARIABLE
        || name == "COINSPHERE_MARKET_DATA"
        || name.starts_with("COINSPHERE_TEST_")
}

fn unknown(name: &str, leaves: &[(String, Value)]) -> ConfigError {
    let names: Vec<String> = leaves.iter().map(|(key, _)| variable(key)).collect();
    // `COINSPHERE_LOG_KIND` is nearly always meant to be `COINSPHERE_LOG__KIND`.
    let squashed = name.replace("__", "_");
    let exact = names
        .iter()
        .find(|known| known.replace("__", "_") == squashed)
        .cloned();
    ConfigError::UnknownKey {
        key: name.to_owned(),
        origin: "the environment".to_owned(),
        suggestion: exact.or_else(|| closest(name, names.iter().map(String::as_str))),
        allowed: format!(
            "{PREFIX} and a setting of coinsphere.toml.example in capitals, with `__` between section and name, e.g. {}",
            variable("log.kind")
        ),
    }
}

/// Reads a text as what the default is. A text that cannot be read stays one, so that the error
/// shows it.
fn read(key: &str, text: &str, default: &Value) -> Value {
    let list = |text: &str| -> Value {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect::<Vec<String>>()
            .into()
    };
    match default {
        Value::Num(..) => text
            .trim()
            .parse::<u64>()
            .map_or_else(|_| Value::from(text), Value::from),
        Value::Bool(..) => match text.trim() {
            "true" => Value::from(true),
            "false" => Value::from(false),
            _ => Value::from(text),
        },
        Value::Array(..) => list(text),
        _ if key.ends_with(".instruments") && text.trim() != "seeded" => list(text),
        _ => Value::from(text),
    }
}
