//! The rules that types cannot carry. Knows nothing of where values come from: the caller says.

use coinsphere_pipelines::log::LogKind;
use coinsphere_pipelines::market::{AssetId, Symbol};
use coinsphere_pipelines::venues;
use secrecy::ExposeSecret;

use super::allowed::{RANGES, allowed};
use super::error::{ConfigError, closest};
use super::settings::{Config, Role};
use crate::market::Instruments;

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
        let Instruments::Only(symbols) = &venue.instruments else {
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
