//! The values that each setting may have, and the settings that are secrets.

use super::settings::Config;

/// The allowed values of a setting, for people.
pub(super) fn allowed(key: &str) -> &'static str {
    if let Some(range) = RANGES.iter().find(|range| range.key == key) {
        return range.allowed;
    }
    let parts: Vec<&str> = key.split('.').collect();
    match parts[..] {
        ["data_dir"] => "a directory",
        ["listen"] => "an IP address and port, e.g. 127.0.0.1:3001 or [::1]:3001",
        ["roles", ..] => "a list of ingest, candles, forecasts, api, at least one",
        ["public_market_data"]
        | ["venues", _, "enabled"]
        | ["forecasts", "load_history" | "train"]
        | ["candles", "repair"] => "true, false",
        ["market", "venues", ..] => {
            "a list of venues, e.g. [\"binance\", \"kraken\"], without repeats"
        }
        ["market", "quotes", ..] => {
            "a list of tickers in upper case, e.g. [\"USDT\", \"EUR\"], without repeats"
        }
        ["forecasts", "tokens", ..] => {
            "a list of CoinGecko ids, e.g. [\"bitcoin\", \"solana\"], without repeats"
        }
        ["forecasts", "layers", ..] => {
            "one to four widths from 1 to 1024, each a text, e.g. [\"128\", \"64\", \"32\"]"
        }
        ["http", "admin_token"] => "a text of 24 to 256 visible characters",
        ["log", "kind"] => "embedded, fluvio",
        ["log", "fluvio", "endpoint"] => "host:port of the cluster, e.g. 127.0.0.1:9003",
        ["log", "fluvio", "topic"] => "a topic name: a-z, 0-9 and `-`, at most 63 characters",
        ["database", "url"] => "a URL, postgres://user:password@host:port/database",
        ["redis", "url"] => "a URL, redis://host:port or rediss://host:port",
        ["redis", "password"] => "a text",
        ["venues", _, "endpoint"] => "a URL, ws://host:port or wss://host:port",
        ["venues", _, "instruments", ..] => {
            "\"seeded\", or a list of the venue's own symbols, e.g. [\"BTCUSDT\"], without repeats"
        }
        ["redis", "prefix"] => "a text of letters, digits, `-` and `_`, at most 32 characters",
        ["http", "trusted_proxies", ..] => {
            "a list of addresses or networks, e.g. [\"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"]"
        }
        ["http", "tls_certificate" | "tls_key"] => "a PEM file",
        ["http", "cors_origins", ..] => {
            "a list of origins, e.g. [\"https://example.org\"], or [\"*\"]"
        }
        ["accounts", "registration"] => "open, invitation, closed",
        ["accounts", "keys_dir"] => "a directory",
        ["accounts", "breached_passwords"] => {
            "a file of SHA-1 hashes in ascending order, one a line"
        }
        ["accounts", "second_factor"] => "optional, admins, everybody",
        ["accounts", "issuer" | "audience"] => "a text of 1 to 200 printable characters",
        ["accounts", "public_url"] => "a URL, https://host or http://host:port",
        ["accounts", "totp_encryption_key"] => {
            "32 random bytes as base64 or hexadecimal; several separated by commas, the newest first"
        }
        ["accounts", "oidc", "issuer"] => "a URL, https://host/path; http:// on this machine only",
        ["accounts", "oidc", "client_id"] => "a text of 1 to 200 printable characters",
        ["accounts", "oidc", "client_secret"] => "a text",
        ["accounts", "oidc", "scopes", ..] => "a list of scopes, e.g. [\"email\", \"profile\"]",
        ["accounts", "oidc", "allowed_domains", ..] => "a list of domains, e.g. [\"example.org\"]",
        ["accounts", "oidc", "label"] => "a text of 1 to 60 characters",
        ["accounts", "oidc", "trust_second_factor"] => "true, false",
        ["accounts", "oidc", "ca_file"] | ["mail", "ca_file"] => "a PEM file of certificates",
        ["mail", "smtp_url"] => {
            "a URL, smtps://user:password@host, or smtp://host:port?tls=required"
        }
        ["mail", "from"] => "an email address, e.g. Coinsphere <coinsphere@example.org>",
        ["notifications", "allow_private", ..] => {
            "a list of networks with ports, e.g. [\"192.168.1.0/24:8123\", \"[fd00::/8]:443\"]"
        }
        ["logging", "filter"] => "a filter, e.g. info or info,coinsphere=debug",
        ["logging", "format"] => "text, json",
        [_] | ["log", "fluvio"] | ["venues", _] | ["accounts", "oidc"] => "a section of settings",
        _ => "see coinsphere.toml.example",
    }
}

/// The settings whose values must not be shown, and may be given in files.
pub(super) const SECRETS: [&str; 7] = [
    "database.url",
    "redis.url",
    "redis.password",
    "http.admin_token",
    "accounts.totp_encryption_key",
    "accounts.oidc.client_secret",
    "mail.smtp_url",
];

/// Returns whether the setting's value must not be shown.
pub(super) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

/// A number and its bounds.
pub(super) struct Range {
    pub(super) key: &'static str,
    allowed: &'static str,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) get: fn(&Config) -> u64,
}

macro_rules! ranges {
    ($( $key:literal, $min:literal ..= $max:literal, $unit:literal, $get:expr; )*) => {
        &[ $( Range {
            key: $key,
            allowed: concat!("a whole number from ", $min, " to ", $max, $unit),
            min: $min,
            max: $max,
            get: $get,
        } ),* ]
    };
}

/// The settings that are numbers.
pub(super) static RANGES: &[Range] = ranges! {
    "log.partitions", 1 ..= 256, "", |c| c.log.partitions.into();
    "log.retention_hours", 1 ..= 87600, " hours", |c| c.log.retention_hours;
    "log.max_bytes", 16777216 ..= 1125899906842624, " bytes", |c| c.log.max_bytes;
    "log.sync_interval_ms", 1 ..= 10000, " milliseconds", |c| c.log.sync_interval_ms;
    "database.connection_limit", 2 ..= 1000, " connections", |c| c.database.connection_limit.into();
    "database.connect_timeout", 1 ..= 300, " seconds", |c| c.database.connect_timeout;
    "database.pool_timeout", 1 ..= 300, " seconds", |c| c.database.pool_timeout;
    "candles.grace_ms", 0 ..= 600000, " milliseconds", |c| c.candles.grace_ms;
    "candles.max_ahead_seconds", 1 ..= 86400, " seconds", |c| c.candles.max_ahead_seconds;
    "forecasts.hourly_candles", 300 ..= 50000, " candles", |c| c.forecasts.hourly_candles.into();
    "forecasts.daily_candles", 300 ..= 10000, " candles", |c| c.forecasts.daily_candles.into();
    "forecasts.retrain_hours", 1 ..= 8760, " hours", |c| c.forecasts.retrain_hours;
    "forecasts.folds", 1 ..= 20, "", |c| c.forecasts.folds.into();
    "forecasts.networks", 2 ..= 16, "", |c| c.forecasts.networks.into();
    "forecasts.epochs", 1 ..= 1000, "", |c| c.forecasts.epochs.into();
    "forecasts.threads", 1 ..= 64, "", |c| c.forecasts.threads.into();
    "forecasts.keep_versions", 2 ..= 100, " versions", |c| c.forecasts.keep_versions.into();
    "http.max_connections", 8 ..= 1000000, " connections", |c| c.http.max_connections.into();
    "http.body_limit_bytes", 1024 ..= 1073741824, " bytes", |c| c.http.body_limit_bytes;
    "http.import_limit_bytes", 1024 ..= 1073741824, " bytes", |c| c.http.import_limit_bytes;
    "http.request_timeout_ms", 100 ..= 600000, " milliseconds", |c| c.http.request_timeout_ms;
    "http.shutdown_timeout_ms", 0 ..= 600000, " milliseconds", |c| c.http.shutdown_timeout_ms;
    "limits.anonymous", 1 ..= 100000000, " requests", |c| c.limits.anonymous.into();
    "limits.anonymous_seconds", 1 ..= 86400, " seconds", |c| c.limits.anonymous_seconds;
    "limits.user", 1 ..= 100000000, " requests", |c| c.limits.user.into();
    "limits.user_seconds", 1 ..= 86400, " seconds", |c| c.limits.user_seconds;
    "limits.authentication", 1 ..= 100000000, " requests", |c| c.limits.authentication.into();
    "limits.authentication_seconds", 1 ..= 86400, " seconds", |c| c.limits.authentication_seconds;
    "limits.strict", 1 ..= 100000000, " requests", |c| c.limits.strict.into();
    "limits.strict_seconds", 1 ..= 86400, " seconds", |c| c.limits.strict_seconds;
    "stream.max_clients", 1 ..= 1000000, " clients", |c| c.stream.max_clients.into();
    "stream.max_topics", 1 ..= 10000, " topics", |c| c.stream.max_topics.into();
    "stream.max_message_bytes", 1024 ..= 1048576, " bytes", |c| c.stream.max_message_bytes.into();
    "stream.queue", 16 ..= 1048576, " messages", |c| c.stream.queue.into();
    "stream.heartbeat_seconds", 1 ..= 3600, " seconds", |c| c.stream.heartbeat_seconds;
    "accounts.password_memory_kib", 8 ..= 4194304, " KiB", |c| c.accounts.password_memory_kib.into();
    "accounts.password_passes", 1 ..= 100, " passes", |c| c.accounts.password_passes.into();
    "accounts.password_lanes", 1 ..= 64, " lanes", |c| c.accounts.password_lanes.into();
    "accounts.password_threads", 0 ..= 256, " threads", |c| c.accounts.password_threads.into();
    "accounts.session_days", 1 ..= 365, " days", |c| c.accounts.session_days.into();
    "accounts.session_idle_days", 1 ..= 365, " days", |c| c.accounts.session_idle_days.into();
    "accounts.sessions_per_user", 1 ..= 10_000, "", |c| c.accounts.sessions_per_user.into();
    "accounts.signature_window_seconds", 1 ..= 600, " seconds", |c| c.accounts.signature_window_seconds.into();
    "stream.idle_seconds", 2 ..= 86400, " seconds", |c| c.stream.idle_seconds;
};
