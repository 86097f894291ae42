//! Puts the layers on top of one another and remembers where each value came from.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Provider};

use super::environment::{self, FILE_VARIABLE};
use super::error::{ConfigError, origin_of};
use super::settings::{Config, Role};
use super::validate;

/// Which defaults apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// The live venues.
    #[default]
    Live,
    /// The simulated market: market data is public, and is kept in a directory of its own so that
    /// it never mixes with the real.
    Demo,
}

/// Settings from the command line; `None` where one is not given.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--roles`
    pub roles: Option<Vec<Role>>,
}

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Which defaults.
    pub profile: Profile,
    /// `--config`. Without it `COINSPHERE_CONFIG`, else `coinsphere.toml` in the working directory
    /// if there is one.
    pub file: Option<PathBuf>,
    /// The environment's variables.
    pub variables: Vec<(OsString, OsString)>,
    /// The command line.
    pub flags: Flags,
}

impl Sources {
    /// The process's own environment with these flags.
    #[must_use]
    pub fn of_process(profile: Profile, file: Option<PathBuf>, flags: Flags) -> Self {
        Self {
            profile,
            file,
            variables: std::env::vars_os().collect(),
            flags,
        }
    }

    fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value)
    }

    /// `$XDG_DATA_HOME/coinsphere`, else `~/.local/share/coinsphere` (XDG Base Directory
    /// Specification: a relative `XDG_DATA_HOME` is to be ignored).
    fn default_data_dir(&self) -> Option<PathBuf> {
        let name = match self.profile {
            Profile::Live => "coinsphere",
            Profile::Demo => "coinsphere-demo",
        };
        let base = self
            .variable("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(Path::new(self.variable("HOME")?).join(".local/share")))?;
        Some(base.join(name))
    }

    fn config_file(&self) -> Option<PathBuf> {
        let named = self.file.clone();
        named
            .or_else(|| self.variable(FILE_VARIABLE).map(PathBuf::from))
            .or_else(|| Some(PathBuf::from("coinsphere.toml")).filter(|path| path.exists()))
    }
}

/// Settings with a name for where they came from.
struct Layer {
    origin: String,
    content: Map<figment::Profile, Dict>,
}

impl Layer {
    fn of_one(origin: String, key: &str, value: Value) -> Self {
        // A key has at least one part, so nesting under it gives a dictionary.
        let dict = figment::util::nest(key, value)
            .into_dict()
            .unwrap_or_default();
        Self {
            origin,
            content: figment::Profile::Default.collect(dict),
        }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, figment::Error> {
        Ok(self.content.clone())
    }
}

/// Requests that a demo answers one address within the time that the configuration names.
const DEMO_ANONYMOUS: u32 = 100_000;

impl Config {
    /// Puts the layers together and checks the result.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown, a value is not allowed, or settings do not
    /// go together.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let data_dir = sources.default_data_dir();
        let mut defaults = Self::with_data_dir(data_dir.unwrap_or_default());
        if sources.profile == Profile::Demo {
            defaults.public_market_data = true;
            // Whoever tries a demo, and every page of it, comes from one address.
            defaults.limits.anonymous = DEMO_ANONYMOUS;
            // Six models within the first minutes.
            defaults.forecasts.folds = 3;
            defaults.forecasts.networks = 2;
            defaults.forecasts.epochs = 20;
        }
        let tree = Value::serialize(&defaults)
            .ok()
            .and_then(Value::into_dict)
            .ok_or_else(|| ConfigError::Conflict("the defaults are no tree of settings".into()))?;

        let variables = environment::with_secrets(&sources.variables)?;
        let mut figment = Figment::from(Serialized::defaults(&defaults));
        let file = sources.config_file();
        if let Some(path) = &file {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
                path: path.clone(),
                source,
            })?;
            let content = Toml::string(&text)
                .data()
                .map_err(|error| ConfigError::Syntax {
                    path: path.clone(),
                    reason: error.kind.to_string().trim_end().to_owned(),
                })?;
            figment = figment.merge(Layer {
                origin: format!("configuration file {}", path.display()),
                content,
            });
        }
        for setting in environment::settings(&variables, &tree)? {
            let origin = format!("environment variable {}", setting.variable);
            figment = figment.merge(Layer::of_one(origin, &setting.key, setting.value));
        }
        for layer in flag_layers(&sources.flags)? {
            figment = figment.merge(layer);
        }

        let config: Self = figment
            .extract()
            .map_err(|error| ConfigError::from_figment(error, &figment))?;
        let origin = |key: &str| origin_of(figment.find_metadata(key));
        if config.data_dir.as_os_str().is_empty() && origin("data_dir") == "the defaults" {
            return Err(ConfigError::NoDataDir);
        }
        validate::check(&config, origin, cfg!(feature = "fluvio"))?;
        Ok(config)
    }
}

fn flag_layers(flags: &Flags) -> Result<Vec<Layer>, ConfigError> {
    let values = [
        (
            "--data-dir",
            "data_dir",
            flags.data_dir.as_ref().map(Value::serialize),
        ),
        (
            "--listen",
            "listen",
            flags.listen.as_ref().map(Value::serialize),
        ),
        (
            "--roles",
            "roles",
            flags.roles.as_ref().map(Value::serialize),
        ),
    ];
    let mut layers = Vec::new();
    for (flag, key, value) in values {
        if let Some(value) = value {
            let value = value.map_err(|error| ConfigError::Conflict(format!("{flag}: {error}")))?;
            layers.push(Layer::of_one(format!("flag {flag}"), key, value));
        }
    }
    Ok(layers)
}
