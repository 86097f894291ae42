//! Signing in with address and password.

use coinsphere_pipelines::store::{Session as DatabaseSession, execute};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::AccountError;
use super::lockout::Attempts;
use super::password;
use super::users::{self, Email, StoredUser};
use super::{Accounts, Client, Tokens, UserId};

/// What somebody signs in with.
#[derive(Debug, Clone)]
pub struct Login {
    /// The address for mail.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// A code of the second factor, or a recovery code, where there is one.
    pub totp_code: Option<String>,
}

impl Accounts {
    /// Begins a session.
    ///
    /// # Errors
    /// [`AccountError::WrongCredentials`] alike for an unknown account and a wrong password;
    /// [`AccountError::Delayed`] after too many failures; or when the database is away.
    pub async fn login(&self, login: Login, client: &Client) -> Result<Tokens, AccountError> {
        let (database, user) = self.identified(login, client).await?;
        let (session, tokens) = self.begin_session(&database, user, client).await?;
        self.note_about("login", true, user, session, client);
        Ok(tokens)
    }

    /// Who signs in with this; also a connection to go on with.
    pub(super) async fn identified(
        &self,
        login: Login,
        client: &Client,
    ) -> Result<(DatabaseSession, UserId), AccountError> {
        let key = Email::key_of(&login.email);
        let session = self.database().await?;
        let attempts = Attempts::at_password(&key, client.address.as_deref());
        if let Err(error) = attempts.begin(&session, self.now()).await {
            self.note("login.delayed", false, None, client);
            return Err(error);
        }
        let found = users::by_email(&session, &key).await?;
        // Nothing of the database is held while the hash is made.
        drop(session);
        let (user, stored) = match found {
            Some(StoredUser {
                user,
                password_hash,
            }) => (Some(user), password_hash),
            None => (None, None),
        };
        // More would only be hashed in vain.
        let plausible = login.password.expose_secret().chars().count() <= password::LONGEST;
        let stored = stored.filter(|_| plausible);
        let verdict = self.passwords.check(login.password.clone(), stored).await?;
        let Some(user) = user.filter(|_| verdict.matches) else {
            self.note("login.failed", false, None, client);
            return Err(AccountError::WrongCredentials);
        };
        let session = self.database().await?;
        attempts.succeeded(&session).await?;
        let code = login.totp_code.as_deref();
        self.check_second_factor(&session, &user, code, client)
            .await?;
        if verdict.outdated {
            self.upgrade_hash(&session, user.id, login.password).await?;
        }
        Ok((session, user.id))
    }

    async fn upgrade_hash(
        &self,
        session: &DatabaseSession,
        user: UserId,
        password: SecretString,
    ) -> Result<(), AccountError> {
        let hash = self.passwords.hash(password, self.entropy.bytes()).await?;
        execute(
            session,
            "store a better hash",
            "UPDATE users SET password_hash = $2 WHERE id = $1",
            &[&user.0, &hash],
        )
        .await?;
        Ok(())
    }
}
