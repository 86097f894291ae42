//! Signing in with address and password.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{PooledConnection, execute, failed};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::AccountError;
use super::lockout::{self, At, Attempts};
use super::password;
use super::users::{self, Email, StoredUser};
use super::{Accounts, Tokens, User};
use crate::accounts::types::{Client, SessionId, UserId};

/// Credentials of a sign-in.
#[derive(Clone)]
pub struct Login {
    /// The address for mail.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// A code of the second factor, or a recovery code, where there is one.
    pub totp_code: Option<String>,
}

/// Somebody who has shown who they are.
pub(super) struct Identified {
    /// A connection to go on with.
    pub(super) database: PooledConnection,
    /// Who.
    pub(super) user: User,
    /// When the password was set that they have shown; none where another vouches for them.
    pub(super) password_set_at: Option<DateTime<Utc>>,
    /// True if there were so many failed attempts that further ones are delayed.
    pub(super) was_guessed_at: bool,
}

impl Accounts {
    /// Begins a session.
    ///
    /// # Errors
    /// [`AccountError::WrongCredentials`] alike for an unknown account and a wrong password;
    /// [`AccountError::Delayed`] after too many failures; or when the database is away.
    pub async fn login(&self, login: Login, client: &Client) -> Result<Tokens, AccountError> {
        let Identified {
            mut database,
            user,
            password_set_at,
            was_guessed_at,
        } = self.identified(login, client).await?;
        let transaction = database.transaction().await.map_err(failed("sign in"))?;
        let (session, tokens) = self
            .begin_session(&transaction, user.id, password_set_at, client)
            .await?;
        let is_news = self
            .notice_client(&transaction, &user, client, was_guessed_at)
            .await?;
        transaction.commit().await.map_err(failed("sign in"))?;
        self.signed_in("login", is_news, user.id, session, client);
        Ok(tokens)
    }

    /// Takes note of a session that was begun, and sends the email about it, if there is one.
    pub(super) fn signed_in(
        &self,
        how: &'static str,
        is_news: bool,
        user: UserId,
        session: SessionId,
        client: &Client,
    ) {
        if is_news {
            self.wake_outbox();
            self.note_session("login.new_client", true, user, session, client);
        }
        self.note_session(how, true, user, session, client);
    }

    /// Who signs in with this.
    pub(super) async fn identified(
        &self,
        login: Login,
        client: &Client,
    ) -> Result<Identified, AccountError> {
        let key = Email::key_of(&login.email);
        let session = self.database().await?;
        let attempts = Attempts::at_password(&key, client);
        let begun = attempts.begin(&session, self.now()).await;
        let found = users::by_email(&session, &key).await?;
        let whose = found.as_ref().map(|found| found.user.id);
        if let Err(error) = begun {
            if matches!(error, AccountError::Delayed(_)) {
                self.note("login.delayed", false, whose, client);
            }
            return Err(error);
        }
        // Nothing of the database is held while the hash is made.
        drop(session);
        // Hashing more would have no use.
        let plausible = password::is_plausible(login.password.expose_secret());
        let stored = found.as_ref().and_then(|found| found.password_hash.clone());
        let given = (login.password.clone(), stored.filter(|_| plausible));
        let verdict = self.passwords.check(given.0, given.1).await?;
        let Some(found) = found.filter(|_| verdict.matches) else {
            self.note("login.failed", false, whose, client);
            return Err(AccountError::WrongCredentials);
        };
        if verdict.outdated {
            self.upgrade_hash(&found, login.password).await?;
        }
        let StoredUser {
            user,
            password_set_at,
            password_expires_at,
            ..
        } = found;
        let session = self.database().await?;
        let was_guessed_at = lockout::delays_account(&session, &key, self.now()).await?;
        attempts.succeeded(&session).await?;
        // Only who knows the password learns this.
        if user.disabled_at.is_some() {
            self.note("login.disabled", false, Some(user.id), client);
            return Err(AccountError::Disabled);
        }
        if password_expires_at.is_some_and(|end| end <= self.now()) {
            self.note("login.password_expired", false, Some(user.id), client);
            return Err(AccountError::PasswordExpired);
        }
        let code = login.totp_code.as_deref();
        self.check_second_factor(&session, &user, At::Login, code, client)
            .await?;
        Ok(Identified {
            database: session,
            user,
            password_set_at: Some(password_set_at),
            was_guessed_at,
        })
    }

    /// Hashes the password that was shown again, unless it was changed meanwhile.
    async fn upgrade_hash(
        &self,
        found: &StoredUser,
        password: SecretString,
    ) -> Result<(), AccountError> {
        let hash = self
            .passwords
            .hash(password, self.randomness.bytes())
            .await?;
        let session = self.database().await?;
        execute(
            &session,
            "store a better hash",
            "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $3",
            &[&found.user.id.0, &hash, &found.password_hash],
        )
        .await?;
        Ok(())
    }
}
