//! Precedence, and every error's words.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use figment::value::Value;
use secrecy::ExposeSecret;

use super::environment::{ALIASES, leaves, variable};
use super::*;
use crate::market::Instruments;

const TOML_EXAMPLE: &str = include_str!("../../coinsphere.toml.example");
const ENV_EXAMPLE: &str = include_str!("../../.env.example");

/// Sources of a process with only HOME set.
fn bare() -> Sources {
    Sources {
        variables: vec![("HOME".into(), "/home/someone".into())],
        // Never the file that happens to lie in the working directory.
        file: Some(PathBuf::from("/dev/null")),
        ..Sources::default()
    }
}

fn with_env(variables: &[(&str, &str)]) -> Sources {
    let mut sources = bare();
    let pairs = variables.iter().map(|(k, v)| (k.into(), v.into()));
    sources.variables.extend(pairs);
    sources
}

fn file_with(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn with_file(path: &Path) -> Sources {
    Sources {
        file: Some(path.to_owned()),
        ..bare()
    }
}

fn error_of_env(name: &str, value: &str) -> String {
    Config::load(&with_env(&[(name, value)]))
        .map(|config| format!("accepted as {config:?}"))
        .unwrap_or_else(|error| error.to_string())
}

fn error_of_file(text: &str) -> String {
    let file = file_with(text);
    Config::load(&with_file(file.path()))
        .map(|config| format!("accepted as {config:?}"))
        .unwrap_or_else(|error| error.to_string())
        .replace(&file.path().display().to_string(), "FILE")
}

fn keys() -> Vec<String> {
    let defaults = Config::with_data_dir("d".into());
    let tree = Value::serialize(&defaults).unwrap().into_dict().unwrap();
    leaves(&tree).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn the_defaults_are_safe_and_in_the_home_directory() {
    let config = Config::load(&bare()).unwrap();
    assert_eq!(
        config.data_dir,
        Path::new("/home/someone/.local/share/coinsphere")
    );
    assert_eq!(config.listen.to_string(), "127.0.0.1:3001");
    assert!(!config.public_market_data);
    assert!(config.database.url.is_none());
    assert_eq!(config.venues.len(), 3);

    let demo = Sources {
        profile: Profile::Demo,
        ..bare()
    };
    let config = Config::load(&demo).unwrap();
    assert!(config.public_market_data);
    assert!(config.data_dir.ends_with("coinsphere-demo"));

    let mut xdg = bare();
    xdg.variables.push(("XDG_DATA_HOME".into(), "/data".into()));
    assert_eq!(
        Config::load(&xdg).unwrap().data_dir,
        Path::new("/data/coinsphere")
    );
}

#[test]
fn without_a_home_a_data_directory_must_be_named() {
    let mut sources = bare();
    sources.variables.clear();
    let error = Config::load(&sources).unwrap_err();
    assert!(matches!(error, ConfigError::NoDataDir), "{error}");
    sources.flags.data_dir = Some("here".into());
    assert_eq!(Config::load(&sources).unwrap().data_dir, Path::new("here"));
}

#[test]
fn later_layers_win() {
    let file = file_with(
        "listen = \"127.0.0.1:1\"\nroles = [\"api\"]\n[log]\npartitions = 1\nretention_hours = 1\n\
         [database]\nconnection_limit = 31\n",
    );
    let mut sources = with_file(file.path());
    for (name, value) in [
        ("COINSPHERE_LISTEN", "127.0.0.1:2"),
        ("COINSPHERE_LOG__PARTITIONS", "2"),
        ("DATABASE_CONNECTION_LIMIT", "32"),
        ("COINSPHERE_DATABASE__CONNECTION_LIMIT", "33"),
        ("DATABASE_POOL_TIMEOUT", "34"),
    ] {
        sources.variables.push((name.into(), value.into()));
    }
    sources.flags.listen = Some("127.0.0.1:3".parse().unwrap());
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.listen.port(), 3, "flag over environment over file");
    assert_eq!(config.log.partitions, 2, "environment over file");
    assert_eq!(config.log.retention_hours, 1, "file over default");
    assert_eq!(config.log.max_bytes, 10 << 30, "default");
    assert_eq!(config.roles, [Role::Api], "a list replaces, never extends");
    assert_eq!(config.database.connection_limit, 33, "own name over alias");
    assert_eq!(config.database.pool_timeout, 34, "alias over default");
}

#[test]
fn the_file_is_named_by_the_environment_too() {
    let file = file_with("[log]\npartitions = 9\n");
    let mut sources = bare();
    sources.file = None;
    let path = file.path().as_os_str().to_owned();
    sources.variables.push(("COINSPHERE_CONFIG".into(), path));
    assert_eq!(Config::load(&sources).unwrap().log.partitions, 9);

    let error = Config::load(&with_file(Path::new("/nowhere.toml"))).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read the configuration file /nowhere.toml: "),
        "{error}"
    );
}

#[test]
fn variables_are_read_as_what_the_default_is() {
    let config = Config::load(&with_env(&[
        ("REDIS_PASSWORD", "0123"),
        ("COINSPHERE_PUBLIC_MARKET_DATA", "true"),
        ("COINSPHERE_ROLES", "api, candles"),
        ("COINSPHERE_VENUES__KRAKEN__INSTRUMENTS", "BTC/USD,ETH/USD"),
        ("COINSPHERE_VENUES__BINANCE__ENABLED", "false"),
        ("COINSPHERE_VENUES__COINBASE__ENDPOINT", "ws://127.0.0.1:1"),
        ("COINSPHERE_LOG__FLUVIO__TOPIC", "17"),
        ("DATABASE_CONNECT_TIMEOUT", ""),
    ]))
    .unwrap();
    assert_eq!(
        config.redis.password.unwrap().expose_secret(),
        "0123",
        "a text that looks like a number stays as it is"
    );
    assert!(config.public_market_data);
    assert_eq!(config.roles, [Role::Api, Role::Candles]);
    let Instruments::Only(symbols) = &config.venues["kraken"].instruments else {
        panic!("still seeded");
    };
    assert_eq!(symbols[1].as_str(), "ETH/USD");
    assert!(!config.venues["binance"].enabled);
    assert!(
        config.venues["coinbase"].enabled,
        "merged with the defaults"
    );
    assert_eq!(config.log.fluvio.topic, "17");
    assert_eq!(
        config.database.connect_timeout, 5,
        "empty is as good as unset"
    );
}

#[test]
fn variables_of_tests_and_of_others_are_not_settings() {
    Config::load(&with_env(&[
        ("COINSPHERE_TEST_FLUVIO", "127.0.0.1:9003"),
        ("COINSPHERE_MARKET_DATA", "/data"),
        ("TOTP_ENCRYPTION_KEY", "x"),
        ("PATH", "/bin"),
    ]))
    .unwrap();
}

#[test]
fn a_wrong_variable_is_named_with_what_was_meant() {
    let message = error_of_env("COINSPHERE_LOG_KIND", "embedded");
    assert!(
        message.starts_with(
            "unknown setting \"COINSPHERE_LOG_KIND\" in the environment; did you mean \"COINSPHERE_LOG__KIND\"?; allowed here: "
        ),
        "{message}"
    );
    let message = error_of_env("COINSPHERE_LISTN", "x");
    assert!(
        message.contains("did you mean \"COINSPHERE_LISTEN\"?"),
        "{message}"
    );
    let message = error_of_env("COINSPHERE_VENUES__BITMEX__ENABLED", "true");
    assert!(message.contains("unknown setting"), "{message}");
}

#[test]
fn a_wrong_key_in_the_file_is_named_with_what_is_allowed() {
    assert_eq!(
        error_of_file("[log]\npartitons = 4\n"),
        "unknown setting \"log.partitons\" in configuration file FILE; did you mean \"partitions\"?; \
         allowed here: kind, partitions, retention_hours, max_bytes, sync_interval_ms, fluvio"
    );
    assert_eq!(
        error_of_file("[venues.binanse]\nenabled = true\n"),
        "unknown setting \"venues.binanse\" in configuration file FILE; did you mean \"binance\"?; \
         allowed here: binance, coinbase, kraken"
    );
    let message = error_of_file("nonsense = 1\n");
    assert!(message.contains("\"nonsense\""), "{message}");
    let message = error_of_file("[venues.kraken]\nendpont = \"ws://x\"\n");
    assert!(message.contains("\"venues.kraken.endpont\""), "{message}");
    let message = error_of_file("[log\n");
    assert!(
        message.starts_with("the configuration file FILE is not valid TOML: ")
            && message.contains("line 1"),
        "{message}"
    );
}

#[test]
fn a_wrong_value_is_named_with_where_it_came_from_and_what_is_allowed() {
    assert_eq!(
        error_of_env("COINSPHERE_LOG__KIND", "embeded"),
        "log.kind cannot be \"embeded\" (set in environment variable COINSPHERE_LOG__KIND); \
         did you mean \"embedded\"?; allowed: embedded, fluvio"
    );
    assert_eq!(
        error_of_env("DATABASE_CONNECTION_LIMIT", "many"),
        "database.connection_limit cannot be \"many\" (set in environment variable \
         DATABASE_CONNECTION_LIMIT); allowed: a whole number from 2 to 1000 connections"
    );
    assert_eq!(
        error_of_file("listen = \"localhost\"\n"),
        "listen cannot be \"localhost\" (set in configuration file FILE); allowed: \
         an IP address and port, e.g. 127.0.0.1:3001 or [::1]:3001"
    );
    assert_eq!(
        error_of_file("[log]\npartitions = 0\n"),
        "log.partitions cannot be 0 (set in configuration file FILE); allowed: \
         a whole number from 1 to 256"
    );
    assert_eq!(
        error_of_file("[log]\npartitions = -1\n"),
        "log.partitions cannot be -1 (set in configuration file FILE); allowed: \
         a whole number from 1 to 256"
    );
    for (name, value, wanted) in [
        ("COINSPHERE_PUBLIC_MARKET_DATA", "yes", "\"yes\""),
        (
            "COINSPHERE_ROLES",
            "ingest,alerts",
            "ingest, candles, forecasts, api",
        ),
        ("COINSPHERE_ROLES", "api,api", "repeats"),
        (
            "COINSPHERE_HTTP__REQUEST_TIMEOUT_MS",
            "5",
            "from 100 to 600000",
        ),
        ("COINSPHERE_HTTP__REQUEST_TIMEOUT_MS", "10s", "\"10s\""),
        ("COINSPHERE_HTTP__CORS_ORIGINS", "example.org", "origins"),
        ("COINSPHERE_LOGGING__FILTER", "info,=", "logging.filter"),
        ("COINSPHERE_LOGGING__FORMAT", "xml", "text, json"),
        ("COINSPHERE_VENUES__KRAKEN__ENDPOINT", "http://x", "wss://"),
        (
            "COINSPHERE_VENUES__KRAKEN__INSTRUMENTS",
            "BTC/USD,XBT/USD",
            "repeats",
        ),
        (
            "COINSPHERE_VENUES__BINANCE__INSTRUMENTS",
            "ETHUSDT,btcusdt",
            "did you mean BTCUSDT?",
        ),
        (
            "COINSPHERE_VENUES__COINBASE__INSTRUMENTS",
            "BTC/USD",
            "did you mean BTC-USD?",
        ),
        ("COINSPHERE_VENUES__KRAKEN__INSTRUMENTS", "A B", "symbols"),
        ("COINSPHERE_FORECASTS__TOKENS", "Bitcoin", "CoinGecko ids"),
        ("COINSPHERE_FORECASTS__TOKENS", "solana,solana", "repeats"),
        ("COINSPHERE_FORECASTS__LAYERS", "128,0", "widths"),
        ("COINSPHERE_HTTP__ADMIN_TOKEN", "short", "not shown"),
        ("COINSPHERE_LOG__FLUVIO__TOPIC", "Trades", "topic name"),
        ("COINSPHERE_STREAM__IDLE_SECONDS", "10", "heartbeat_seconds"),
    ] {
        let message = error_of_env(name, value);
        assert!(message.contains(wanted), "{name}={value}: {message}");
        assert!(
            !message.starts_with("accepted"),
            "{name}={value}: {message}"
        );
    }
    let message = error_of_file("[venues.kraken]\ninstruments = \"all\"\n");
    assert!(
        message.contains("venues.kraken.instruments cannot be \"all\""),
        "{message}"
    );
}

/// Accounts guard what is not public.
#[test]
fn beyond_loopback_without_public_market_data() {
    let config = Config::load(&with_env(&[("COINSPHERE_LISTEN", "0.0.0.0:3001")])).unwrap();
    assert!(!config.public_market_data);
}

#[test]
fn hashing_parameters_must_go_together() {
    let message = error_of_file("[accounts]\npassword_memory_kib = 64\npassword_lanes = 9\n");
    assert!(message.contains("at least 8 times"), "{message}");
    let message = error_of_env("COINSPHERE_ACCOUNTS__ISSUER", "two words");
    assert!(message.contains("accounts.issuer"), "{message}");
}

#[test]
fn an_identity_provider_is_whole_and_encrypted() {
    let with = |more: &str| {
        let text = format!("[accounts.oidc]\nclient_id = \"us\"\n{more}\n");
        Config::load(&with_file(file_with(&text).path())).map_err(|error| error.to_string())
    };
    for good in [
        "issuer = \"https://id.example/realms/home\"",
        "issuer = \"http://127.0.0.1:8080/\"",
        "issuer = \"http://localhost:8080\"",
    ] {
        with(good).unwrap();
    }
    for (bad, named) in [
        ("", "accounts.oidc.client_id go together"),
        ("issuer = \"http://id.example\"", "accounts.oidc.issuer"),
        (
            "issuer = \"http://127.0.0.1.example\"",
            "accounts.oidc.issuer",
        ),
        (
            "issuer = \"https://id.example\"\nscopes = [\"a b\"]",
            "accounts.oidc.scopes",
        ),
        (
            "issuer = \"https://id.example\"\nallowed_domains = [\"@example.org\"]",
            "accounts.oidc.allowed_domains",
        ),
        (
            "issuer = \"https://id.example\"\nlabel = \" \"",
            "accounts.oidc.label",
        ),
    ] {
        let message = with(bad).unwrap_err();
        assert!(message.contains(named), "{bad}: {message}");
    }
    let secret = file_with("hunter2\n");
    let config = Config::load(&with_env(&[(
        "COINSPHERE_ACCOUNTS__OIDC__CLIENT_SECRET_FILE",
        &secret.path().display().to_string(),
    )]))
    .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let secret = config.accounts.oidc.client_secret.unwrap();
    assert_eq!(secret.expose_secret(), "hunter2");
}

#[test]
fn secrets_are_never_shown() {
    let config = Config::load(&with_env(&[
        ("DATABASE_URL", "postgres://u:hunter2@h/d"),
        ("REDIS_URL", "redis://:hunter2@h"),
        ("REDIS_PASSWORD", "hunter2"),
    ]))
    .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!format!("{:?}", Value::serialize(&config)).contains("hunter2"));

    for message in [
        error_of_env("DATABASE_URL", "mysql://u:hunter2@h/d"),
        error_of_env("REDIS_URL", "hunter2"),
        error_of_file("[redis]\npassword = [\"hunter2\"]\n"),
        error_of_file("[redis]\nurl = 42\n"),
    ] {
        assert!(message.contains("not shown"), "{message}");
        assert!(
            !message.contains("hunter2") && !message.contains("42"),
            "{message}"
        );
    }
}

/// Settings without a default stand as `#name = …`; comments have a space after the `#`.
fn uncommented(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(|l| line(l) + "\n").collect()
}

fn env_file(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('=').unwrap())
        .collect()
}

#[test]
fn the_examples_are_the_defaults() {
    let defaults = format!("{:?}", Config::load(&bare()).unwrap());
    let file = file_with(TOML_EXAMPLE);
    let from_file = Config::load(&with_file(file.path())).unwrap();
    assert_eq!(format!("{from_file:?}"), defaults);
    let from_env = Config::load(&with_env(&env_file(ENV_EXAMPLE))).unwrap();
    assert_eq!(format!("{from_env:?}"), defaults);
}

#[test]
fn the_examples_have_every_setting() {
    let whole = uncommented(TOML_EXAMPLE);
    let file = file_with(&whole);
    Config::load(&with_file(file.path())).unwrap();
    let tree: Value = figment::Figment::from(
        <figment::providers::Toml as figment::providers::Format>::string(&whole),
    )
    .extract()
    .unwrap();
    let written: Vec<String> = leaves(&tree.into_dict().unwrap())
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    let env_text = uncommented(ENV_EXAMPLE);
    let variables = env_file(&env_text);
    for key in keys() {
        assert!(
            written.contains(&key),
            "coinsphere.toml.example lacks {key}"
        );
        let alias = ALIASES.iter().find(|(_, aliased)| *aliased == key);
        let name = alias.map_or_else(|| variable(&key), |(alias, _)| (*alias).to_owned());
        assert!(
            variables.iter().any(|(variable, _)| *variable == name),
            ".env.example lacks {name}"
        );
        assert!(
            !super::allowed::allowed(&key).contains("coinsphere.toml.example"),
            "nothing says what {key} may be"
        );
    }
    let configured: Vec<_> = variables
        .into_iter()
        .filter(|(name, _)| *name != "COINSPHERE_CONFIG")
        .collect();
    Config::load(&with_env(&configured)).unwrap();
}

#[test]
fn secrets_may_stand_in_files() {
    let url = file_with("postgres://a:b@h:5432/c\n");
    let password = file_with("p w\n");
    let path = |file: &tempfile::NamedTempFile| file.path().display().to_string();
    let config = Config::load(&with_env(&[
        ("DATABASE_URL_FILE", &path(&url)),
        ("COINSPHERE_REDIS__PASSWORD_FILE", &path(&password)),
    ]))
    .unwrap();
    assert_eq!(
        config.database.url.unwrap().expose_secret(),
        "postgres://a:b@h:5432/c"
    );
    assert_eq!(config.redis.password.unwrap().expose_secret(), "p w");

    let message = error_of_env("REDIS_URL_FILE", "/nowhere/secret");
    assert!(
        message.starts_with("cannot read the secret in /nowhere/secret (named by REDIS_URL_FILE)"),
        "{message}"
    );
    let both = Config::load(&with_env(&[
        ("REDIS_PASSWORD", "x"),
        ("REDIS_PASSWORD_FILE", &path(&password)),
    ]));
    let message = both.unwrap_err().to_string();
    assert!(message.contains("REDIS_PASSWORD_FILE"), "{message}");
    // Only secrets are read from files.
    let message = error_of_env("COINSPHERE_LISTEN_FILE", &path(&password));
    assert!(message.contains("unknown setting"), "{message}");
}

#[test]
fn secrets_may_be_systemd_credentials() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("redis.password"), "from systemd\n").unwrap();
    let credentials = directory.path().display().to_string();
    let with = |more: &[(&str, &str)]| {
        let mut variables = vec![("CREDENTIALS_DIRECTORY", &*credentials)];
        variables.extend(more);
        let config = Config::load(&with_env(&variables)).unwrap();
        config.redis.password.unwrap().expose_secret().to_owned()
    };
    assert_eq!(with(&[]), "from systemd");
    assert_eq!(
        with(&[("REDIS_PASSWORD", "own")]),
        "own",
        "the environment wins"
    );
}

#[test]
fn an_https_certificate_needs_its_key() {
    let message = error_of_env("COINSPHERE_HTTP__TLS_CERTIFICATE", "/c.pem");
    assert!(message.contains("http.tls_key"), "{message}");
}

#[test]
fn proxies_are_addresses_or_networks() {
    let config = Config::load(&with_env(&[(
        "COINSPHERE_HTTP__TRUSTED_PROXIES",
        "127.0.0.1,10.0.0.0/8",
    )]))
    .unwrap();
    assert_eq!(config.http.trusted_proxies.len(), 2);
    let message = error_of_env("COINSPHERE_HTTP__TRUSTED_PROXIES", "proxy.example");
    assert!(
        message.contains("proxy.example") && message.contains("10.0.0.0/8"),
        "{message}"
    );
}
