//! Changing what one signs in with: password and mail address. Whoever does it proves anew who they
//! are, with the password and, where there is one, the second factor.

use coinsphere_pipelines::store::{execute, failed, query};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use uuid::Uuid;

use super::error::AccountError;
use super::lockout::Attempts;
use super::mail::{self, Kind};
use super::password;
use super::users::{self, Email, StoredUser};
use super::{Accounts, Client, Tokens, User, UserId, secrets};

/// What somebody who is signed in proves anew who they are with.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The password.
    pub password: SecretString,
    /// A code of the second factor, where there is one.
    pub totp_code: Option<String>,
}

/// What is to be changed about oneself.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// What to be called; empty for nothing.
    pub display_name: Option<String>,
    /// Another address for mail.
    pub email: Option<String>,
    /// Needed to change the address.
    pub proof: Option<Proof>,
}

impl Accounts {
    /// The user, if the proof is good.
    pub(super) async fn proven(
        &self,
        id: UserId,
        proof: &Proof,
        field: &'static str,
        client: &Client,
    ) -> Result<User, AccountError> {
        let database = self.database().await?;
        let found = users::by_id(&database, id).await?;
        let StoredUser {
            user,
            password_hash,
        } = found.ok_or(AccountError::NotSignedIn)?;
        let key = Email::key_of(&user.email);
        let attempts = Attempts::at_password(&key, client.address.as_deref());
        attempts.begin(&database, self.now()).await?;
        drop(database);
        let checked = self.passwords.check(proof.password.clone(), password_hash);
        if !checked.await?.matches {
            self.note("proof.failed", false, Some(id), client);
            return Err(AccountError::wrong(field, "this is not your password"));
        }
        let database = self.database().await?;
        attempts.succeeded(&database).await?;
        self.check_second_factor(&database, &user, proof.totp_code.as_deref(), client)
            .await?;
        Ok(user)
    }

    /// Changes the profile. Another address becomes the user's once the link in the letter sent
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
                    "needed to change the mail address",
                ));
            };
            let user = self.proven(id, proof, "current_password", client).await?;
            let database = self.database().await?;
            match users::by_email(&database, &email.key).await? {
                Some(other) if other.user.id != user.id => return Err(AccountError::EmailTaken),
                _ => {}
            }
            let to = (email.text.as_str(), Some(id));
            let letter = self.entropy.id();
            mail::enqueue(
                &database,
                letter,
                Kind::ChangeEmail,
                to,
                Value::Null,
                self.now(),
            )
            .await?;
            self.post();
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
        self.replace_password(id, proof, new, client).await?;
        let database = self.database().await?;
        let (_, tokens) = self.begin_session(&database, id, client).await?;
        Ok(tokens)
    }

    /// Changes the password; all sessions end.
    pub(super) async fn replace_password(
        &self,
        id: UserId,
        proof: &Proof,
        new: SecretString,
        client: &Client,
    ) -> Result<(), AccountError> {
        let user = self.proven(id, proof, "current_password", client).await?;
        self.store_password(&user, new, "new_password", None)
            .await?;
        self.note("password.changed", true, Some(id), client);
        Ok(())
    }

    /// Asks for a letter with a code that allows to set a new password. The answer says nothing
    /// about whether there is such an account.
    ///
    /// # Errors
    /// When the address is none, or the database is away.
    pub async fn ask_for_reset(&self, email: &str, client: &Client) -> Result<(), AccountError> {
        let email = Email::parse(email).map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        let database = self.database().await?;
        let (letter, to) = (self.entropy.id(), (email.text.as_str(), None));
        mail::enqueue(
            &database,
            letter,
            Kind::ResetPassword,
            to,
            Value::Null,
            self.now(),
        )
        .await?;
        self.post();
        self.note("password.reset_asked", true, None, client);
        Ok(())
    }

    /// Sets a new password with a letter's code. All sessions end.
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
            "SELECT user_id FROM mail_links WHERE hash = $1 AND purpose = 'reset_password' \
             AND used_at IS NULL AND expires_at > $2",
            &[&hash, &self.now()],
        )
        .await?;
        let id: Uuid = rows.first().ok_or(AccountError::BadLink)?.get(0);
        let found = users::by_id(&database, UserId(id)).await?;
        let user = found.ok_or(AccountError::BadLink)?.user;
        if let Some(objection) = password::objection(new.expose_secret(), &words(&user)) {
            return Err(AccountError::wrong("password", objection));
        }
        self.check_second_factor(&database, &user, totp_code, client)
            .await?;
        drop(database);
        self.store_password(&user, new, "password", Some(&hash))
            .await?;
        self.note("password.reset", true, Some(user.id), client);
        Ok(())
    }

    /// Stores a new password and ends all sessions, at once or not at all. With a link, that is used
    /// up, and so are all others that would set a password or another address: a thief may have
    /// asked for them.
    async fn store_password(
        &self,
        user: &User,
        new: SecretString,
        field: &'static str,
        link: Option<&[u8]>,
    ) -> Result<(), AccountError> {
        if let Some(objection) = password::objection(new.expose_secret(), &words(user)) {
            return Err(AccountError::wrong(field, objection));
        }
        let hash = self.passwords.hash(new, self.entropy.bytes()).await?;
        let now = self.now();
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("set a password"))?;
        if let Some(link) = link {
            let used = execute(
                &transaction,
                "use a link",
                "UPDATE mail_links SET used_at = $2 WHERE hash = $1 AND used_at IS NULL",
                &[&link, &now],
            )
            .await?;
            if used == 0 {
                return Err(AccountError::BadLink);
            }
            // Whoever got the code has the address.
            execute(
                &transaction,
                "verify an address",
                "UPDATE users SET email_verified_at = coalesce(email_verified_at, $2) WHERE id = $1 \
                 AND email = (SELECT email FROM mail_links WHERE hash = $3)",
                &[&user.id.0, &now, &link],
            )
            .await?;
        }
        execute(
            &transaction,
            "set a password",
            "WITH links AS (UPDATE mail_links SET used_at = $3 WHERE user_id = $1 \
                 AND purpose IN ('reset_password', 'change_email') AND used_at IS NULL), \
               letters AS (UPDATE outbox SET dropped_at = $3, last_error = 'the password was changed' \
                 WHERE user_id = $1 AND kind = 'change_email' AND sent_at IS NULL) \
             UPDATE users SET password_hash = $2, password_changed_at = $3 WHERE id = $1",
            &[&user.id.0, &hash, &now],
        )
        .await?;
        let ended = self
            .revoke_all(&transaction, user.id, "the password was changed", now)
            .await?;
        self.write_to(&transaction, Kind::PasswordChanged, user, Value::Null)
            .await?;
        transaction
            .commit()
            .await
            .map_err(failed("set a password"))?;
        self.revoked(ended);
        self.post();
        Ok(())
    }
}

fn words(user: &User) -> Vec<&str> {
    let name = user.display_name.as_deref();
    name.into_iter().chain([user.email.as_str()]).collect()
}
