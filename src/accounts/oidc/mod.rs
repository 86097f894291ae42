//! Signing in by an identity provider (OpenID Connect, authorization code with PKCE): the browser goes
//! there, comes back with a code, and gets a session of ours. How it is sent there is no business of
//! this.

mod identities;
mod pending;
mod provider;
mod wire;

use chrono::TimeDelta;
use coinsphere_pipelines::store::PooledConnection;
use secrecy::{ExposeSecret as _, SecretString};

use self::identities::Account;
use self::pending::{Secrets, Waiting};
use super::browser::BrowserSession;
use super::error::AccountError;
use super::lockout::At;
use super::login::Identified;
use super::{Accounts, User};
use crate::accounts::OidcSettings;
use crate::accounts::types::Client;

pub(super) use self::pending::tidy;

/// The time for which the cookie of a sign-in that was begun is needed.
pub const SIGN_IN_LIFE: TimeDelta = pending::BEGUN;

/// The time for which a code of the second factor is waited for.
pub const SECOND_FACTOR_LIFE: TimeDelta = pending::WAITING;

/// A longer text is none of ours, or no code.
const LONGEST: usize = 4_096;

/// The provider, where one is configured.
pub(super) struct Oidc(Option<provider::Provider>);

impl Oidc {
    pub(super) fn open(settings: &OidcSettings, public_url: &str) -> Result<Self, AccountError> {
        provider::Provider::open(settings, public_url).map(Self)
    }

    fn provider(&self) -> Result<&provider::Provider, AccountError> {
        self.0
            .as_ref()
            .ok_or(AccountError::Unknown("identity provider"))
    }
}

/// A sign-in that was begun.
#[derive(Debug, Clone)]
pub struct BegunSignIn {
    /// Where the browser is to go.
    pub url: String,
    /// Secret to keep meanwhile, as a cookie.
    pub cookie: SecretString,
}

/// Parameters with which the provider sent the browser back.
#[derive(Debug, Clone, Default)]
pub struct ProviderAnswer {
    /// To be exchanged for tokens.
    pub code: Option<SecretString>,
    /// The `state` that we had sent along.
    pub state: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// Who says so (RFC 9207), where the provider says.
    pub issuer: Option<String>,
}

/// Outcome of a sign-in.
#[derive(Debug, Clone)]
pub enum FinishedSignIn {
    /// A session.
    Session(BrowserSession),
    /// A code of the second factor is needed too; the browser keeps this meanwhile, as a cookie.
    SecondFactor(SecretString),
}

impl Accounts {
    /// Name of the identity provider, where there is one.
    #[must_use]
    pub fn identity_provider(&self) -> Option<&str> {
        let configured = self.oidc.provider().is_ok();
        configured.then_some(self.settings.oidc.label.as_str())
    }

    /// Begins a sign-in by the provider, after which the browser is to go to this path of ours.
    ///
    /// # Errors
    /// When there is no provider, it or the database is away.
    pub async fn begin_sign_in(&self, return_to: &str) -> Result<BegunSignIn, AccountError> {
        let provider = self.oidc.provider()?;
        let secrets = Secrets {
            cookie: self.randomness.token(),
            state: self.randomness.token(),
        };
        let now = self.now();
        let url = provider.sign_in_url(&secrets, now).await?;
        let database = self.database().await?;
        pending::begin(&database, &secrets, return_to, now).await?;
        Ok(BegunSignIn {
            url,
            cookie: secrets.cookie.into(),
        })
    }

    /// Finishes a sign-in that the provider sent back, once. Also answers where the browser is to go.
    ///
    /// # Errors
    /// When it was not begun by this browser, was finished or took too long; when what the provider
    /// says does not hold; when the identity belongs to no account and none may be made; or when
    /// provider or database are away.
    pub async fn finish_sign_in(
        &self,
        answer: ProviderAnswer,
        cookie: Option<&str>,
        client: &Client,
    ) -> Result<(FinishedSignIn, String), AccountError> {
        let outcome = self.finish(answer, cookie, client).await;
        if let Err(AccountError::SignInRefused(_) | AccountError::Forbidden(_)) = &outcome {
            self.note("login.failed", false, None, client);
        }
        outcome
    }

    async fn finish(
        &self,
        answer: ProviderAnswer,
        cookie: Option<&str>,
        client: &Client,
    ) -> Result<(FinishedSignIn, String), AccountError> {
        let provider = self.oidc.provider()?;
        let refused = |why: &str| AccountError::SignInRefused(why.to_owned());
        let unknown = "it was not started in this browser, is finished already, or took too long: start again";
        let given = (answer.state, cookie.map(str::to_owned));
        let (Some(state), Some(cookie)) = given else {
            return Err(refused(unknown));
        };
        if state.len() > LONGEST || cookie.len() > LONGEST {
            return Err(refused(unknown));
        }
        let secrets = Secrets { cookie, state };
        let mut database = self.database().await?;
        let now = self.now();
        // Used up before anything else: what comes a second time is refused, whatever it holds.
        let return_to = pending::come_back(&database, &secrets, now).await?;
        let return_to = return_to.ok_or_else(|| refused(unknown))?;
        if answer
            .issuer
            .is_some_and(|issuer| issuer != provider.issuer())
        {
            return Err(refused("another provider answered"));
        }
        if let Some(error) = answer.error {
            // Only what looks like a code of RFC 6749, section 4.1.2.1, is repeated.
            let plain = error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            let error = if plain && error.len() <= 40 {
                &error
            } else {
                "an error"
            };
            return Err(refused(&format!("the provider says {error}")));
        }
        let code = answer
            .code
            .filter(|code| code.expose_secret().len() <= LONGEST);
        let code = code.ok_or_else(|| refused("the provider sent no code"))?;
        drop(database);
        // Nothing of the database is held while the provider is asked.
        let code = code.expose_secret().to_owned();
        let identity = provider.identity(code, &secrets, now).await?;
        database = self.database().await?;
        let Account { user, linked } = self.account_of(&mut database, &identity, client).await?;
        if user.two_factor && !self.settings.oidc.trust_second_factor {
            let cookie = self.randomness.token();
            let waiting = Waiting {
                user: user.id,
                to_link: (!linked).then_some((identity.issuer, identity.subject)),
            };
            pending::wait(&database, &cookie, &waiting, &return_to, now).await?;
            return Ok((FinishedSignIn::SecondFactor(cookie.into()), return_to));
        }
        if !linked {
            let identity = (identity.issuer.as_str(), identity.subject.as_str());
            self.link(&mut database, identity, &user, client).await?;
        }
        let begun = self.sign_in_known(database, user, client).await?;
        Ok((FinishedSignIn::Session(begun), return_to))
    }

    /// Finishes a sign-in by the provider with a code of the second factor, or a recovery code.
    ///
    /// # Errors
    /// When no code is waited for (any more), it is wrong, too many were, or the database is away.
    pub async fn finish_second_factor(
        &self,
        cookie: Option<&str>,
        code: &str,
        client: &Client,
    ) -> Result<BrowserSession, AccountError> {
        let gone = || {
            AccountError::SignInRefused(
                "no sign-in waits for a code, or it took too long: start again".to_owned(),
            )
        };
        let cookie = cookie.filter(|cookie| cookie.len() <= LONGEST);
        let cookie = cookie.ok_or_else(gone)?;
        let mut database = self.database().await?;
        let waiting = pending::waiting(&database, cookie, self.now()).await?;
        let Waiting { user, to_link } = waiting.ok_or_else(gone)?;
        let found = super::users::by_id(&database, user).await?;
        let found = found.ok_or_else(gone)?.user;
        self.check_second_factor(&database, &found, At::Login, Some(code), client)
            .await?;
        if !pending::done(&database, cookie).await? {
            return Err(gone());
        }
        if let Some((issuer, subject)) = &to_link {
            self.link(&mut database, (issuer, subject), &found, client)
                .await?;
        }
        self.sign_in_known(database, found, client).await
    }

    /// Begins the session of somebody whom the provider vouches for.
    async fn sign_in_known(
        &self,
        database: PooledConnection,
        user: User,
        client: &Client,
    ) -> Result<BrowserSession, AccountError> {
        let who = Identified {
            database,
            user,
            // No password of ours was asked for.
            password_set_at: None,
            was_guessed_at: false,
        };
        self.sign_in_browser(who, "login.provider", client).await
    }
}
