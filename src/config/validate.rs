//! What each setting may be, and the rules that types cannot carry. Knows nothing of where values
//! come from: the caller says.

use coinsphere_pipelines::market::{AssetId, Symbol};
use coinsphere_pipelines::venues;
use secrecy::ExposeSecret;

use super::error::{ConfigError, closest};
use super::settings::{Config, LogKind, Role};

/// What a setting may be, for people.
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
        | ["forecasts", "load_history" | "train"] => "true, false",
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
        ["mail", "from"] => "a mail address, e.g. Coinsphere <coinsphere@example.org>",
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

/// Whether the setting's value must not be shown.
pub(super) fn is_secret(key: &str) -> bool {
    SECRETS.contains(&key)
}

struct Range {
    key: &'static str,
    allowed: &'static str,
    min: u64,
    max: u64,
    get: fn(&Config) -> u64,
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

static RANGES: &[Range] = ranges! {
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

/// Checks what types cannot carry. `origin` says where a key's value came from.
pub(super) fn check(
    config: &Config,
    origin: impl Fn(&str) -> String,
    cluster_compiled_in: bool,
) -> Result<(), ConfigError> {
    let bad = |key: &str, problem: String| ConfigError::BadValue {
        key: key.to_owned(),
        origin: origin(key),
        problem,
        suggestion: None,
        allowed: allowed(key).to_owned(),
    };
    for range in RANGES {
        let value = (range.get)(config);
        if !(range.min..=range.max).contains(&value) {
            return Err(bad(range.key, value.to_string()));
        }
    }
    check_venues(config, &origin, &bad)?;
    if config.data_dir.as_os_str().is_empty() {
        return Err(bad("data_dir", "empty".to_owned()));
    }
    let roles = config.roles.len();
    if roles == 0 {
        return Err(bad("roles", "empty".to_owned()));
    }
    let alone = config.has_role(Role::Ingest) && !config.has_role(Role::Candles);
    if alone && config.log.kind == LogKind::Embedded {
        let text = "ingest without candles, on the embedded log, which only one process can use";
        return Err(bad("roles", text.to_owned()));
    }
    if (1..roles).any(|i| config.roles[..i].contains(&config.roles[i])) {
        return Err(bad("roles", "a list with repeats".to_owned()));
    }
    for (key, url, schemes) in [
        (
            "database.url",
            &config.database.url,
            &["postgres", "postgresql"][..],
        ),
        ("redis.url", &config.redis.url, &["redis", "rediss"][..]),
    ] {
        if let Some(url) = url
            && !has_scheme(url.expose_secret(), schemes)
        {
            return Err(bad(key, "this (a secret, not shown)".to_owned()));
        }
    }
    check_market(config, &bad)?;
    check_forecasts(config, &bad)?;
    if let Some(token) = &config.http.admin_token {
        let token = token.expose_secret();
        let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !(24..=256).contains(&token.len()) || !visible {
            return Err(bad(
                "http.admin_token",
                "this (a secret, not shown)".to_owned(),
            ));
        }
    }
    for web in &config.http.cors_origins {
        let lone_star = web == "*" && config.http.cors_origins.len() == 1;
        let is_origin = has_scheme(web, &["http", "https"])
            && web
                .split("://")
                .nth(1)
                .is_some_and(|host| !host.contains('/'));
        if !lone_star && !is_origin {
            return Err(bad("http.cors_origins", format!("{web:?}")));
        }
    }
    let prefix = &config.redis.prefix;
    let prefix_byte = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if prefix.is_empty() || prefix.len() > 32 || !prefix.bytes().all(prefix_byte) {
        return Err(bad("redis.prefix", format!("{prefix:?}")));
    }
    if config.http.tls_certificate.is_some() != config.http.tls_key.is_some() {
        return Err(ConfigError::Conflict(
            "http.tls_certificate and http.tls_key go together: set both for HTTPS, or neither"
                .to_owned(),
        ));
    }
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&config.logging.filter) {
        let problem = format!("{:?} ({error})", config.logging.filter);
        return Err(bad("logging.filter", problem));
    }
    let topic = &config.log.fluvio.topic;
    let topic_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if topic.is_empty() || topic.len() > 63 || !topic.bytes().all(topic_byte) {
        return Err(bad("log.fluvio.topic", format!("{topic:?}")));
    }
    if config.log.kind == LogKind::Fluvio && !cluster_compiled_in {
        return Err(ConfigError::Conflict(format!(
            "log.kind is \"fluvio\" (set in {}), but this program was built without it: build with --features fluvio, or use \"embedded\"",
            origin("log.kind")
        )));
    }
    if config.stream.idle_seconds <= config.stream.heartbeat_seconds {
        return Err(ConfigError::Conflict(format!(
            "stream.idle_seconds ({}) must be longer than stream.heartbeat_seconds ({}): a client answers heartbeats only",
            config.stream.idle_seconds, config.stream.heartbeat_seconds
        )));
    }
    for (key, text) in [
        ("accounts.issuer", &config.accounts.issuer),
        ("accounts.audience", &config.accounts.audience),
    ] {
        let printable = text.bytes().all(|b| b.is_ascii_graphic());
        if text.is_empty() || text.len() > 200 || !printable {
            return Err(bad(key, format!("{text:?}")));
        }
    }
    if let Some(url) = &config.accounts.public_url
        && !has_scheme(url, &["http", "https"])
    {
        return Err(bad("accounts.public_url", format!("{url:?}")));
    }
    check_oidc(config, &bad)?;
    if let Some(url) = &config.mail.smtp_url
        && !has_scheme(url.expose_secret(), &["smtp", "smtps"])
    {
        return Err(bad(
            "mail.smtp_url",
            "this (a secret, not shown)".to_owned(),
        ));
    }
    if config
        .mail
        .from
        .parse::<lettre::message::Mailbox>()
        .is_err()
    {
        return Err(bad("mail.from", format!("{:?}", config.mail.from)));
    }
    if config.accounts.password_memory_kib < 8 * config.accounts.password_lanes {
        return Err(ConfigError::Conflict(format!(
            "accounts.password_memory_kib ({}) must be at least 8 times accounts.password_lanes ({})",
            config.accounts.password_memory_kib, config.accounts.password_lanes
        )));
    }
    Ok(())
}

fn check_market(
    config: &Config,
    bad: &impl Fn(&str, String) -> ConfigError,
) -> Result<(), ConfigError> {
    let repeats = |list: &[String]| (1..list.len()).any(|i| list[..i].contains(&list[i]));
    let unknown = |name: &&String| venues::named(name).is_none();
    if let Some(wrong) = config.market.venues.iter().find(unknown) {
        return Err(bad("market.venues", format!("{wrong:?}")));
    }
    let ticker = |text: &str| {
        (1..=20).contains(&text.chars().count())
            && !text
                .chars()
                .any(|c| c.is_lowercase() || c.is_whitespace() || c.is_control())
    };
    if let Some(wrong) = config.market.quotes.iter().find(|quote| !ticker(quote)) {
        return Err(bad("market.quotes", format!("{wrong:?}")));
    }
    for (key, list) in [
        ("market.venues", &config.market.venues),
        ("market.quotes", &config.market.quotes),
    ] {
        if repeats(list) {
            return Err(bad(key, "a list with repeats".to_owned()));
        }
    }
    Ok(())
}

fn check_forecasts(
    config: &Config,
    bad: &impl Fn(&str, String) -> ConfigError,
) -> Result<(), ConfigError> {
    let tokens = &config.forecasts.tokens;
    if let Some(wrong) = tokens.iter().find(|token| AssetId::new(token).is_err()) {
        return Err(bad("forecasts.tokens", format!("{wrong:?}")));
    }
    if (1..tokens.len()).any(|i| tokens[..i].contains(&tokens[i])) {
        return Err(bad("forecasts.tokens", "a list with repeats".to_owned()));
    }
    if config.forecasts.widths().is_none() {
        let layers = format!("{:?}", config.forecasts.layers);
        return Err(bad("forecasts.layers", layers));
    }
    Ok(())
}

fn check_oidc(
    config: &Config,
    bad: &impl Fn(&str, String) -> ConfigError,
) -> Result<(), ConfigError> {
    let oidc = &config.accounts.oidc;
    if let Some(issuer) = &oidc.issuer {
        // Where it is may be read along by nobody; what it says decides who signs in.
        let rest = issuer.strip_prefix("http://");
        let host = rest.and_then(|rest| rest.split(['/', ':']).next());
        let here = host.is_some_and(|host| {
            host == "localhost"
                || host
                    .parse::<std::net::Ipv4Addr>()
                    .is_ok_and(|ip| ip.is_loopback())
        });
        if !(has_scheme(issuer, &["https"]) || here) || issuer.len() > 500 {
            return Err(bad("accounts.oidc.issuer", format!("{issuer:?}")));
        }
    }
    if oidc.issuer.is_some() != oidc.client_id.is_some() {
        return Err(ConfigError::Conflict(
            "accounts.oidc.issuer and accounts.oidc.client_id go together: set both to let users sign in by an identity provider, or neither"
                .to_owned(),
        ));
    }
    let printable =
        |text: &str| (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if let Some(id) = oidc.client_id.as_deref().filter(|id| !printable(id)) {
        return Err(bad("accounts.oidc.client_id", format!("{id:?}")));
    }
    if let Some(scope) = oidc.scopes.iter().find(|scope| !printable(scope)) {
        return Err(bad("accounts.oidc.scopes", format!("{scope:?}")));
    }
    let is_domain = |text: &&String| printable(text) && !text.contains(['@', '/', '*']);
    if let Some(domain) = oidc.allowed_domains.iter().find(|one| !is_domain(one)) {
        return Err(bad("accounts.oidc.allowed_domains", format!("{domain:?}")));
    }
    let label = oidc.label.trim();
    if label.is_empty() || label.chars().count() > 60 || label.chars().any(char::is_control) {
        return Err(bad("accounts.oidc.label", format!("{:?}", oidc.label)));
    }
    Ok(())
}

fn check_venues(
    config: &Config,
    origin: &impl Fn(&str) -> String,
    bad: &impl Fn(&str, String) -> ConfigError,
) -> Result<(), ConfigError> {
    let known = || venues::ALL.iter().map(|protocol| protocol.venue().name());
    for (name, venue) in &config.venues {
        let key = format!("venues.{name}");
        let Some(protocol) = venues::protocol(name) else {
            return Err(ConfigError::UnknownKey {
                origin: origin(&key),
                suggestion: closest(name, known()),
                allowed: known().collect::<Vec<_>>().join(", "),
                key,
            });
        };
        if let Some(endpoint) = &venue.endpoint
            && !has_scheme(endpoint, &["ws", "wss"])
        {
            return Err(bad(&format!("{key}.endpoint"), format!("{endpoint:?}")));
        }
        let super::Instruments::Only(symbols) = &venue.instruments else {
            continue;
        };
        let key = format!("{key}.instruments");
        let spelled: Result<Vec<Symbol>, _> = symbols
            .iter()
            .map(|symbol| protocol.spelling(symbol))
            .collect();
        let spelled = spelled.map_err(|wrong| {
            ConfigError::Conflict(format!("{key} (set in {}): {wrong}", origin(&key)))
        })?;
        if (1..spelled.len()).any(|i| spelled[..i].contains(&spelled[i])) {
            return Err(bad(&key, "a list with repeats".to_owned()));
        }
    }
    Ok(())
}

fn has_scheme(url: &str, schemes: &[&str]) -> bool {
    url.split_once("://")
        .is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty())
}
