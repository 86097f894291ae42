//! Accounts: who may sign in, how they prove it, and what they may do. It knows PostgreSQL and
//! cryptography, and nothing of HTTP: handlers call it and shape the answers.

mod access_token;
mod administration;
mod api_keys;
mod audit_trail;
mod breached;
mod browser;
mod credentials;
mod csrf;
mod deletion;
mod derivation_secret;
mod emails;
mod error;
mod events;
mod invitations;
mod key_access;
mod known_clients;
mod lockout;
mod login;
mod oidc;
mod operator;
mod password;
mod public_key;
mod registration;
mod revocation;
mod sessions;
mod settings;
mod setup;
mod signing_keys;
mod totp;
mod two_factor;
mod types;
mod user_data;
mod users;
mod verification;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use coinsphere_actors::supervision::LoopContext;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::PooledConnection;
use jsonwebtoken::jwk::JwkSet;
use uuid::Uuid;

use self::access_token::AccessTokens;
use self::csrf::CsrfKey;
use self::derivation_secret::DerivationSecret;
use self::oidc::Oidc;
use self::password::Passwords;
use self::revocation::Revocations;
use self::signing_keys::{NOTICED_WITHIN, SigningKeys};
use crate::notifications::{EmailChannel, MailSettings, OutboxWorker};
use crate::secrets::KeyFiles;
use crate::secrets::{KeyNames, SecretCipher};
use crate::user_data::UserData;
use coinsphere_pipelines::store::StoreSource;

pub use self::access_token::Access;
pub use self::administration::UserChange;
pub use self::api_keys::{ApiKey, KeyHolder, NewKey, Scope};
pub use self::audit_trail::AuditTrail;
pub use self::browser::{BROWSER_SESSION_LIFE, BrowserAccess, BrowserSession, CookieVerdict};
pub use self::credentials::{ProfileChange, Proof};
pub use self::error::{AccountError, Wrong};
pub use self::events::{Logged, SecurityEvent, SecurityEvents};
pub use self::invitations::Invitation;
pub use self::key_access::KeyAccess;
pub use self::login::Login;
pub use self::oidc::{
    BegunSignIn, FinishedSignIn, ProviderAnswer, SECOND_FACTOR_LIFE, SIGN_IN_LIFE,
};
pub use self::operator::Imported;
pub use self::public_key::PublicKey;
pub use self::registration::Registration;
pub use self::sessions::{SessionView, Tokens};
pub use self::settings::{AccountSettings, OidcSettings, RegistrationMode, SecondFactorRule};
pub use self::two_factor::Enrolment;
pub use self::types::{Client, ListPlace, Role, SessionId, UserId};
pub use self::user_data::AccountUserData;
pub use self::users::User;
pub use crate::secrets::Randomness;

/// The keys that seal the secrets of second factors.
const TOTP_KEYS: KeyNames = KeyNames {
    file: "totp.key",
    setting: "accounts.totp_encryption_key",
};

/// The time for which an access token is valid.
pub const ACCESS_TOKEN_LIFE: TimeDelta = TimeDelta::minutes(15);

/// Everything about accounts.
pub struct Accounts {
    settings: AccountSettings,
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
    randomness: Randomness,
    events: Arc<dyn SecurityEvents>,
    passwords: Passwords,
    access: AccessTokens,
    derivation: DerivationSecret,
    csrf: CsrfKey,
    cipher: SecretCipher,
    revocations: Revocations,
    oidc: Oidc,
    outbox_worker: OutboxWorker,
    user_data: Vec<Arc<dyn UserData>>,
    public_url: String,
}

/// Dependencies of the accounts.
pub struct AccountDeps {
    /// As configured.
    pub settings: AccountSettings,
    /// Settings for sending mail.
    pub mail: MailSettings,
    /// Where users reach the server, for links in emails.
    pub public_url: String,
    /// The database.
    pub source: Arc<dyn StoreSource>,
    /// The clock.
    pub clock: SharedClock,
    /// Secret randomness.
    pub randomness: Randomness,
    /// Takes note of what happens.
    pub events: Arc<dyn SecurityEvents>,
    /// Data that every feature keeps of users.
    pub user_data: Vec<Arc<dyn UserData>>,
}

impl Accounts {
    /// Reads the keys of `data_dir` (or of the configured directory), making those that are missing.
    ///
    /// # Errors
    /// When the keys cannot be read or made.
    pub fn open(parts: AccountDeps, data_dir: &Path) -> Result<Self, AccountError> {
        let AccountDeps {
            settings,
            mail,
            public_url,
            source,
            clock,
            randomness,
            events,
            user_data,
        } = parts;
        let public_url = public_url.trim_end_matches('/').to_owned();
        let now = wall_time(&clock);
        let directory = settings
            .keys_dir
            .clone()
            .unwrap_or_else(|| data_dir.join("keys"));
        let files = KeyFiles::open(&directory)?;
        let derivation = DerivationSecret::open(&files, &randomness)?;
        let csrf = CsrfKey::open(&files, &randomness)?;
        let configured = settings.totp_encryption_key.as_ref();
        let cipher = SecretCipher::open(TOTP_KEYS, configured, &files, &randomness)?;
        let keys = SigningKeys::open(files, now)?;
        Ok(Self {
            passwords: Passwords::new(&settings, &randomness)?,
            access: AccessTokens::new(keys, &settings.issuer, &settings.audience),
            derivation,
            csrf,
            cipher,
            revocations: Revocations::default(),
            outbox_worker: OutboxWorker::new(
                Arc::clone(&source),
                EmailChannel::new(&mail, data_dir)?,
                public_url.clone(),
            ),
            user_data,
            oidc: Oidc::open(&settings.oidc, &public_url)?,
            public_url,
            settings,
            source,
            clock,
            randomness,
            events,
        })
    }

    /// Listens for the sessions that other processes revoke, until dropped.
    pub(crate) async fn keep_revocations(&self, context: &LoopContext) {
        /// The time to wait before listening again.
        const RETRY: Duration = Duration::from_millis(500);
        loop {
            if let Some(store) = self.source.store() {
                let listening = self.revocations.listen(&store, || self.now(), context);
                let outcome = listening.await;
                let error = outcome.err().map(|error| error.to_string());
                tracing::warn!(
                    error,
                    "revoked sessions are not heard of: asking the database for each request"
                );
            }
            context.degraded(
                "revoked sessions are not heard of: each request asks the database".to_owned(),
            );
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Removes what nobody asks for any more, until dropped.
    pub(crate) async fn keep_tidy(&self, context: &LoopContext) {
        /// Interval between rounds, and the delay after one that failed.
        const ROUND: Duration = Duration::from_secs(600);
        const RETRY: Duration = Duration::from_secs(30);
        loop {
            let next = match self.tidy().await {
                Ok(()) => {
                    context.running();
                    ROUND
                }
                Err(error) => {
                    tracing::warn!(%error, "old sessions and failures were not removed");
                    context.degraded(format!("old sessions were not removed: {error}"));
                    RETRY
                }
            };
            tokio::time::sleep(next).await;
        }
    }

    async fn tidy(&self) -> Result<(), AccountError> {
        let (session, now) = (self.database().await?, self.now());
        users::rekey_addresses(&session).await?;
        sessions::tidy(&session, now).await?;
        lockout::tidy(&session, now).await?;
        key_access::tidy(&session, now).await?;
        known_clients::tidy(&session, now).await?;
        oidc::tidy(&session, now).await?;
        drop(session);
        self.tidy_mail().await
    }

    /// Reads the signing keys again that other processes may have changed, until dropped.
    pub(crate) async fn keep_keys(&self, context: &LoopContext) {
        // The keys were read when the accounts were opened.
        context.running();
        loop {
            tokio::time::sleep(NOTICED_WITHIN).await;
            match self.access.keys().read_again(self.now()) {
                Ok(_) => context.running(),
                Err(error) => {
                    tracing::error!(%error, "cannot read the signing keys again");
                    context.degraded(format!("cannot read the signing keys again: {error}"));
                }
            }
        }
    }

    /// Returns whether revocations made by other processes are heard as they happen.
    #[must_use]
    pub fn hears_revocations(&self) -> bool {
        self.revocations.is_live()
    }

    /// The public keys of access tokens.
    #[must_use]
    pub fn public_keys(&self) -> JwkSet {
        self.access.keys().ring().public(self.now())
    }

    /// Makes a new key for access tokens; answers its id.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub fn rotate_signing_key(&self) -> Result<String, AccountError> {
        self.access.keys().rotate(self.now())
    }

    fn now(&self) -> DateTime<Utc> {
        wall_time(&self.clock)
    }

    async fn database(&self) -> Result<PooledConnection, AccountError> {
        let store = self.source.store().ok_or(AccountError::Unavailable)?;
        Ok(store.session().await?)
    }

    fn note(&self, what: &'static str, done: bool, user: Option<UserId>, client: &Client) {
        self.note_about(what, done, user, None, client);
    }

    /// Like [`Accounts::note`], of one of the user's sessions or keys.
    fn note_about(
        &self,
        what: &'static str,
        done: bool,
        user: Option<UserId>,
        subject: Option<Uuid>,
        client: &Client,
    ) {
        self.events.note(SecurityEvent {
            what,
            done,
            user: user.map(|user| user.0),
            by: None,
            subject,
            from: client.address.clone(),
        });
    }

    /// Takes note of what a user did in, or to, a session.
    fn note_session(
        &self,
        what: &'static str,
        done: bool,
        user: UserId,
        session: SessionId,
        client: &Client,
    ) {
        self.note_about(what, done, Some(user), Some(session.0), client);
    }

    /// The clock's time, and how far a signed request's may be from it.
    #[must_use]
    pub fn signature_window(&self) -> (DateTime<Utc>, TimeDelta) {
        let seconds = self.settings.signature_window_seconds;
        (self.now(), TimeDelta::seconds(seconds.into()))
    }

    /// Returns whether users reach the server by HTTPS, as far as the configured URL says.
    #[must_use]
    pub fn is_reached_by_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// The clock's time, as fine as the database keeps it.
fn wall_time(clock: &SharedClock) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(clock.now().nanos()).trunc_subsecs(6)
}

crate::secrets::hidden_debug!(
    Accounts,
    BrowserSession,
    Enrolment,
    Invitation,
    Login,
    Proof,
    Registration,
    Tokens
);
