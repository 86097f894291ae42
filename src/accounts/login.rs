//! Signing in with address and password.

use coinsphere_pipelines::store::{execute, failed};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::AccountError;
use super::lockout::{self, Attempts};
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
        let mut session = self.database().await?;
        let was_guessed_at = lockout::delays_account(&session, &key, self.now()).await?;
        attempts.succeeded(&session).await?;
        // Only who knows the password learns this.
        if user.disabled_at.is_some() {
            self.note("login.disabled", false, Some(user.id), client);
            return Err(AccountError::Disabled);
        }
        let code = login.totp_code.as_deref();
        self.check_second_factor(&session, &user, code, client)
            .await?;
        if verdict.outdated {
            self.upgrade_hash(&session, user.id, login.password).await?;
        }
        let transaction = session.transaction().await.map_err(failed("sign in"))?;
        let tokens = self.begin_session(&transaction, user.id, client).await?;
        let is_news = self
            .notice_client(&transaction, &user, client, was_guessed_at)
            .await?;
        transaction.commit().await.map_err(failed("sign in"))?;
        if is_news {
            self.post();
            self.note("login.new_client", true, Some(user.id), client);
        }
        self.note("login", true, Some(user.id), client);
        Ok(tokens)
    }

    async fn upgrade_hash(
        &self,
        session: &coinsphere_pipelines::store::Session,
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
