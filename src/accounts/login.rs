//! Signing in with address and password.

use coinsphere_pipelines::store::{Session as DatabaseSession, execute, failed};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::AccountError;
use super::lockout::{self, Attempts};
use super::password;
use super::users::{self, Email, StoredUser};
use super::{Accounts, Client, SessionId, Tokens, User, UserId};

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

/// Somebody who has shown who they are.
pub(super) struct Identified {
    /// A connection to go on with.
    pub(super) database: DatabaseSession,
    /// Who.
    pub(super) user: User,
    /// Whether there were so many failed attempts that further ones are delayed.
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
            was_guessed_at,
        } = self.identified(login, client).await?;
        let transaction = database.transaction().await.map_err(failed("sign in"))?;
        let (session, tokens) = self.begin_session(&transaction, user.id, client).await?;
        let is_news = self
            .notice_client(&transaction, &user, client, was_guessed_at)
            .await?;
        transaction.commit().await.map_err(failed("sign in"))?;
        self.signed_in("login", is_news, user.id, session, client);
        Ok(tokens)
    }

    /// Takes note of a session that was begun, and sends the letter about it, if there is one.
    pub(super) fn signed_in(
        &self,
        how: &'static str,
        is_news: bool,
        user: UserId,
        session: SessionId,
        client: &Client,
    ) {
        if is_news {
            self.post();
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
        Ok(Identified {
            database: session,
            user,
            was_guessed_at,
        })
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
