//! Changing what one signs in with: password and email address. Whoever does it proves again who they
//! are, with the password and, where there is one, the second factor.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use uuid::Uuid;

use super::error::AccountError;
use super::lockout::{At, Attempts};
use super::password;
use super::users::{self, Email, StoredUser};
use crate::accounts::types::{Client, UserId};
use crate::accounts::{Accounts, Tokens, User};
use crate::notifications::{self, EmailKind};
use crate::secrets;

/// Repeated proof of identity by a user who is signed in.
#[derive(Clone)]
pub struct Proof {
    /// The password.
    pub password: SecretString,
    /// A code of the second factor, where there is one.
    pub totp_code: Option<String>,
}

/// Changes to one's own profile.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// New display name; empty for none.
    pub display_name: Option<String>,
    /// Another address for mail.
    pub email: Option<String>,
    /// Needed to change the address.
    pub proof: Option<Proof>,
}

/// Somebody who is signed in and has proven again who they are.
pub(super) struct Proven {
    /// Who.
    pub(super) user: User,
    /// When the password was set that they have shown.
    pub(super) password_set_at: DateTime<Utc>,
}

impl Accounts {
    /// The user, if the proof is good.
    pub(super) async fn proven(
        &self,
        id: UserId,
        proof: &Proof,
        field: &'static str,
        client: &Client,
    ) -> Result<Proven, AccountError> {
        let database = self.database().await?;
        let found = users::by_id(&database, id).await?;
        let StoredUser {
            user,
            password_hash,
            password_set_at,
            ..
        } = found.ok_or(AccountError::NotSignedIn)?;
        let key = Email::key_of(&user.email);
        let attempts = Attempts::at_password(&key, client);
        attempts.begin(&database, self.now()).await?;
        drop(database);
        let checked = self.passwords.check(proof.password.clone(), password_hash);
        let matches = checked.await?.matches;
        let database = self.database().await?;
        // Whoever changed it while it was checked has ended this session too.
        let found = users::by_id(&database, id).await?;
        let is_current = found.is_some_and(|found| found.password_set_at == password_set_at);
        if !(matches && is_current) {
            self.note("proof.failed", false, Some(id), client);
            return Err(AccountError::wrong(field, "this is not your password"));
        }
        attempts.succeeded(&database).await?;
        let code = proof.totp_code.as_deref();
        self.check_second_factor(&database, &user, At::Session, code, client)
            .await?;
        Ok(Proven {
            user,
            password_set_at,
        })
    }

    /// Changes the profile. Another address becomes the user's once the link in the email sent
    /// there has been opened.
    ///
    /// # Errors
    /// When a field is wrong, the proof is missing or wrong, the address is taken, or the database
    /// is away.
    pub async fn change_profile(
        &self,
        id: UserId,
        change: ProfileChange,
        client: &Client,
    ) -> Result<User, AccountError> {
        let name = change.display_name.as_deref().map(users::display_name);
        let name = name
            .transpose()
            .map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        if let Some(text) = &change.email {
            let email = Email::parse(text).map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
            let Some(proof) = &change.proof else {
                return Err(AccountError::wrong(
                    "current_password",
                    "needed to change the email address",
                ));
            };
            let Proven { user, .. } = self.proven(id, proof, "current_password", client).await?;
            let database = self.database().await?;
            match users::by_email(&database, &email.key).await? {
                Some(other) if other.user.id != user.id => return Err(AccountError::EmailTaken),
                _ => {}
            }
            let to = (email.text.as_str(), Some(id.0));
            let email_id = self.randomness.id();
            notifications::enqueue(
                &database,
                email_id,
                EmailKind::ChangeEmail,
                to,
                Value::Null,
                self.now(),
            )
            .await?;
            self.wake_outbox();
            self.note("email.change_asked", true, Some(id), client);
        }
        if let Some(name) = name {
            let database = self.database().await?;
            execute(
                &database,
                "change a name",
                "UPDATE users SET display_name = $2 WHERE id = $1",
                &[&id.0, &name],
            )
            .await?;
            self.note("profile.changed", true, Some(id), client);
        }
        self.user(id).await
    }

    /// Changes the password. All sessions end; the answer begins a new one.
    ///
    /// # Errors
    /// When the proof or the new password is wrong, or the database is away.
    pub async fn change_password(
        &self,
        id: UserId,
        proof: &Proof,
        new: SecretString,
        client: &Client,
    ) -> Result<Tokens, AccountError> {
        let set_at = self.replace_password(id, proof, new, client).await?;
        let database = self.database().await?;
        let (_, tokens) = self
            .begin_session(&database, id, Some(set_at), client)
            .await?;
        Ok(tokens)
    }

    /// Changes the password; all sessions end. Answers when it was set.
    pub(super) async fn replace_password(
        &self,
        id: UserId,
        proof: &Proof,
        new: SecretString,
        client: &Client,
    ) -> Result<DateTime<Utc>, AccountError> {
        let proven = self.proven(id, proof, "current_password", client).await?;
        let by = By::Password(proven.password_set_at);
        let set_at = self.store_password(&proven.user, new, by).await?;
        self.note("password.changed", true, Some(id), client);
        Ok(set_at)
    }

    /// Asks for an email with a code that allows to set a new password. The answer says nothing
    /// about whether there is such an account.
    ///
    /// # Errors
    /// When the address is none, or the database is away.
    pub async fn ask_for_reset(&self, email: &str, client: &Client) -> Result<(), AccountError> {
        let email = Email::parse(email).map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        let database = self.database().await?;
        let (email_id, to) = (self.randomness.id(), (email.text.as_str(), None));
        notifications::enqueue(
            &database,
            email_id,
            EmailKind::ResetPassword,
            to,
            Value::Null,
            self.now(),
        )
        .await?;
        self.wake_outbox();
        // Whose it is, is looked up for the record alone, and takes as long without an account.
        let found = users::by_email(&database, &email.key).await?;
        let whose = found.map(|found| found.user.id);
        self.note("password.reset_asked", true, whose, client);
        Ok(())
    }

    /// Sets a new password with an email's code. All sessions end.
    ///
    /// # Errors
    /// When the code is unknown, used or too old, the password may not be one, a code of the second
    /// factor is missing or wrong, or the database is away.
    pub async fn reset_password(
        &self,
        token: &str,
        new: SecretString,
        totp_code: Option<&str>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let hash = secrets::hash(token);
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up a link",
            // Who reads an address that the user has left sets no password.
            "SELECT l.user_id FROM mail_links l JOIN users u ON u.id = l.user_id AND u.email = l.email \
             WHERE l.hash = $1 AND l.purpose = 'reset_password' \
               AND l.used_at IS NULL AND l.expires_at > $2",
            &[&hash, &self.now()],
        )
        .await?;
        let id: Uuid = rows.first().ok_or(AccountError::BadLink)?.get(0);
        let found = users::by_id(&database, UserId(id)).await?;
        let user = found.ok_or(AccountError::BadLink)?.user;
        if let Some(objection) = password::objection(new.expose_secret(), &words(&user)) {
            return Err(AccountError::wrong("password", objection));
        }
        self.check_second_factor(&database, &user, At::Reset, totp_code, client)
            .await?;
        drop(database);
        self.store_password(&user, new, By::Link(&hash)).await?;
        self.note("password.reset", true, Some(user.id), client);
        Ok(())
    }

    /// Refuses a password that is known from a breach.
    pub(super) async fn refuse_breached(
        &self,
        password: &SecretString,
        field: &'static str,
    ) -> Result<(), AccountError> {
        match self.passwords.is_breached(password).await? {
            true => Err(AccountError::wrong(field, password::BREACHED)),
            false => Ok(()),
        }
    }

    /// Stores a new password and ends all sessions, at once or not at all; answers when it was set.
    /// Emails' links that would set a password or another address are used up: a thief may have
    /// asked for them.
    async fn store_password(
        &self,
        user: &User,
        new: SecretString,
        by: By<'_>,
    ) -> Result<DateTime<Utc>, AccountError> {
        let field = by.field();
        if let Some(objection) = password::objection(new.expose_secret(), &words(user)) {
            return Err(AccountError::wrong(field, objection));
        }
        self.refuse_breached(&new, field).await?;
        let hash = self.passwords.hash(new, self.randomness.bytes()).await?;
        let now = self.now();
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("set a password"))?;
        let before = match by {
            By::Password(set_at) => Some(set_at),
            By::Link(link) => {
                self.use_reset_link(&transaction, user, link, now).await?;
                None
            }
        };
        let set = execute(
            &transaction,
            "set a password",
            "UPDATE users SET password_hash = $2, password_changed_at = $3, \
               password_expires_at = NULL \
             WHERE id = $1 AND ($4::timestamptz IS NULL OR password_changed_at = $4)",
            &[&user.id.0, &hash, &now, &before],
        )
        .await?;
        if set == 0 {
            return Err(AccountError::wrong(
                field,
                "the password was changed meanwhile",
            ));
        }
        // Emails first: one that is being sent adds its link before this, or not at all.
        for (doing, sql) in [
            (
                "drop emails with links",
                "UPDATE outbox SET dropped_at = $2, last_error = 'the password was changed' \
                 WHERE user_id = $1 AND kind = 'change_email' AND sent_at IS NULL",
            ),
            (
                "use up links",
                "UPDATE mail_links SET used_at = $2 WHERE user_id = $1 \
                 AND purpose IN ('reset_password', 'change_email') AND used_at IS NULL",
            ),
        ] {
            execute(&transaction, doing, sql, &[&user.id.0, &now]).await?;
        }
        let ended = self
            .revoke_all(&transaction, user.id, "the password was changed", now)
            .await?;
        self.write_to(&transaction, EmailKind::PasswordChanged, user, Value::Null)
            .await?;
        transaction
            .commit()
            .await
            .map_err(failed("set a password"))?;
        self.revoked(ended);
        self.wake_outbox();
        Ok(now)
    }

    /// Uses a reset's link up. Whoever got its code has the address; if nobody had shown that before,
    /// whatever was set up for the account by who registered it goes: it may have been somebody else.
    async fn use_reset_link<C: GenericClient>(
        &self,
        transaction: &C,
        user: &User,
        link: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        let used = execute(
            transaction,
            "use a link",
            "UPDATE mail_links l SET used_at = $2 FROM users u \
             WHERE l.hash = $1 AND l.used_at IS NULL AND u.id = l.user_id AND u.email = l.email",
            &[&link, &now],
        )
        .await?;
        if used == 0 {
            return Err(AccountError::BadLink);
        }
        let verified = execute(
            transaction,
            "verify an address",
            "UPDATE users SET email_verified_at = $2 WHERE id = $1 AND email_verified_at IS NULL",
            &[&user.id.0, &now],
        )
        .await?;
        if verified == 1 {
            for (doing, sql) in [
                (
                    "remove the API keys of who registered",
                    "DELETE FROM api_keys WHERE user_id = $1",
                ),
                (
                    "remove the identities of who registered",
                    "DELETE FROM user_identities WHERE user_id = $1",
                ),
            ] {
                execute(transaction, doing, sql, &[&user.id.0]).await?;
            }
        }
        Ok(())
    }
}

/// Authority to set a password.
#[derive(Clone, Copy)]
enum By<'a> {
    /// The one before, set at this time.
    Password(DateTime<Utc>),
    /// An email's link, by its hash.
    Link(&'a [u8]),
}

impl By<'_> {
    /// The request's field that the new password is in.
    const fn field(self) -> &'static str {
        match self {
            Self::Password(_) => "new_password",
            Self::Link(_) => "password",
        }
    }
}

fn words(user: &User) -> Vec<&str> {
    let name = user.display_name.as_deref();
    name.into_iter().chain([user.email.as_str()]).collect()
}
