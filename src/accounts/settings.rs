//! Settings of accounts: who may have one, how they are protected, and by which provider they may
//! sign in.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Who may have an account, and how accounts are protected.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// Who may register.
    pub registration: RegistrationMode,
    /// Where the keys are. Without one: `keys` in the data directory.
    pub keys_dir: Option<PathBuf>,
    /// Who issues access tokens: their `iss`.
    pub issuer: String,
    /// Whom they are for: their `aud`.
    pub audience: String,
    /// Memory for hashing a password with Argon2id, in KiB.
    pub password_memory_kib: u32,
    /// Passes over that memory.
    pub password_passes: u32,
    /// Lanes of that memory.
    pub password_lanes: u32,
    /// Number of passwords hashed at once; 0 is half the cores.
    pub password_threads: u32,
    /// A file of hashes of passwords that are known from breaches, which nobody may use.
    pub breached_passwords: Option<PathBuf>,
    /// Who must have a second factor.
    pub second_factor: SecondFactorRule,
    /// The time for which a session lasts, however often it is refreshed, in days.
    pub session_days: u32,
    /// A session that is not refreshed for this long ends, in days.
    pub session_idle_days: u32,
    /// The number of sessions an account may have; a further one ends the one that went unused for longest.
    pub sessions_per_user: u32,
    /// Tolerance for a signed request's time, in seconds.
    pub signature_window_seconds: u32,
    /// Where users reach the server, for links in emails. Without one: the address it listens on.
    pub public_url: Option<String>,
    /// Keys for the secrets of second factors, the newest first. Without one: a file.
    #[serde(serialize_with = "crate::secrets::never_serialized")]
    pub totp_encryption_key: Option<SecretString>,
    /// The identity provider that users may sign in by.
    pub oidc: OidcSettings,
}

/// An identity provider (OpenID Connect).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    /// Its issuer's URL. Without one, there is no signing in by a provider.
    pub issuer: Option<String>,
    /// As which client it knows us.
    pub client_id: Option<String>,
    /// The secret that it shares with us, if it does.
    #[serde(serialize_with = "crate::secrets::never_serialized")]
    pub client_secret: Option<SecretString>,
    /// The scopes it is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The domains of email addresses that may sign in by it; all if there are none.
    pub allowed_domains: Vec<String>,
    /// Its name on a page.
    pub label: String,
    /// True if who signs in by it needs no code of our second factor.
    pub trust_second_factor: bool,
    /// Certificates of authorities that its own may be issued by, besides the well-known ones.
    pub ca_file: Option<PathBuf>,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: None,
            client_secret: None,
            scopes: ["email", "profile"].map(str::to_owned).to_vec(),
            allowed_domains: Vec::new(),
            label: "SSO".to_owned(),
            trust_second_factor: false,
            ca_file: None,
        }
    }
}

/// Who must have a second factor. Whoever lacks one may do nothing else than set it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactorRule {
    /// Nobody: everybody may.
    Optional,
    /// Admins.
    Admins,
    /// Everybody.
    Everybody,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Everybody.
    Open,
    /// Who was invited.
    Invitation,
    /// Nobody: accounts are made on the command line.
    Closed,
}

impl Default for AccountSettings {
    fn default() -> Self {
        // Argon2id as OWASP's Password Storage Cheat Sheet has it: 19 MiB, 2 passes, 1 lane.
        Self {
            registration: RegistrationMode::Open,
            keys_dir: None,
            issuer: "coinsphere".to_owned(),
            audience: "coinsphere-api".to_owned(),
            password_memory_kib: 19_456,
            password_passes: 2,
            password_lanes: 1,
            password_threads: 0,
            breached_passwords: None,
            second_factor: SecondFactorRule::Optional,
            session_days: 30,
            session_idle_days: 14,
            sessions_per_user: 100,
            signature_window_seconds: 60,
            public_url: None,
            totp_encryption_key: None,
            oidc: OidcSettings::default(),
        }
    }
}
