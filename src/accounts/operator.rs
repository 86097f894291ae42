//! Operations of the command line on accounts, without signing in.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{execute, failed};
use secrecy::SecretString;

use super::error::AccountError;
use super::registration::Registration;
use super::users::{self, Email};
use super::{Accounts, User, password};
use crate::accounts::types::{Client, Role};

/// The time for which a temporary password is valid (OWASP ASVS 5.0, 6.4.1).
const MADE_PASSWORD_LIFE: TimeDelta = TimeDelta::days(1);

/// A user of another program's table.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The address for mail.
    pub email: String,
    /// A bcrypt or Argon2id hash.
    pub password_hash: String,
    /// Display name.
    pub display_name: Option<String>,
    /// True if their address was verified there.
    pub email_verified: bool,
}

impl Accounts {
    /// A password nobody can guess, for an account that is made on somebody's behalf, and until when it
    /// is to hold.
    #[must_use]
    pub fn random_password(&self) -> (String, DateTime<Utc>) {
        (self.randomness.token(), self.now() + MADE_PASSWORD_LIFE)
    }

    /// Removes the second factor of somebody who has lost it and the recovery codes too, and ends
    /// their sessions. The operator has made sure who asks.
    ///
    /// # Errors
    /// When there is no such user, they have no second factor, or the database is away.
    pub async fn remove_lost_factor(&self, email: &str) -> Result<User, AccountError> {
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("remove a factor"))?;
        let found = users::by_email(&transaction, &Email::key_of(email)).await?;
        let user = found.ok_or(AccountError::Unknown("user"))?.user;
        if !user.two_factor {
            return Err(AccountError::Conflict("there is no second factor"));
        }
        self.drop_second_factor(&transaction, &user).await?;
        let why = "the second factor was removed by the operator";
        let ended = self
            .revoke_all(&transaction, user.id, why, self.now())
            .await?;
        transaction
            .commit()
            .await
            .map_err(failed("remove a factor"))?;
        self.revoked(ended);
        self.wake_outbox();
        let nobody = Client::default();
        self.note(
            "second_factor.removed_by_operator",
            true,
            Some(user.id),
            &nobody,
        );
        Ok(user)
    }

    /// Makes an account whatever the configuration says of registration. The operator vouches for
    /// the address. A temporary password is valid until `password_expires_at`.
    ///
    /// # Errors
    /// When a field is wrong, the address is taken, or the database is away.
    pub async fn create_user(
        &self,
        registration: Registration,
        role: Role,
        password_expires_at: Option<DateTime<Utc>>,
    ) -> Result<User, AccountError> {
        let checked = registration.checked()?;
        self.refuse_breached(&checked.password, "password").await?;
        let password: SecretString = checked.password.clone();
        let hash = self
            .passwords
            .hash(password, self.randomness.bytes())
            .await?;
        let mut session = self.database().await?;
        let transaction = session.transaction().await.map_err(failed("add a user"))?;
        let mut user = self.insert_user(&transaction, &checked, hash, role).await?;
        self.vouch_for(&transaction, &mut user).await?;
        execute(
            &transaction,
            "limit a temporary password",
            "UPDATE users SET password_expires_at = $2 WHERE id = $1",
            &[&user.id.0, &password_expires_at],
        )
        .await?;
        transaction.commit().await.map_err(failed("add a user"))?;
        self.note("user.created", true, Some(user.id), &Client::default());
        Ok(user)
    }

    /// Takes over a user of another program's table, with the password they have there.
    ///
    /// # Errors
    /// When a field is wrong, the address is taken, or the database is away.
    pub async fn import_user(&self, imported: Imported) -> Result<User, AccountError> {
        let email =
            Email::parse(&imported.email).map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        let name = imported.display_name.as_deref().unwrap_or_default();
        let name = users::display_name(name).map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        if !password::is_importable(&imported.password_hash) {
            return Err(AccountError::wrong(
                "password_hash",
                "use a bcrypt hash ($2b$…, of cost 4 to 16) or an Argon2id hash ($argon2id$…)",
            ));
        }
        let checked = super::registration::Checked {
            email,
            password: SecretString::default(),
            display_name: name,
        };
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("import a user"))?;
        let hash = imported.password_hash;
        let mut user = self
            .insert_user(&transaction, &checked, hash, Role::User)
            .await?;
        if imported.email_verified {
            self.vouch_for(&transaction, &mut user).await?;
        }
        transaction
            .commit()
            .await
            .map_err(failed("import a user"))?;
        self.note("user.imported", true, Some(user.id), &Client::default());
        Ok(user)
    }

    async fn vouch_for<C: coinsphere_pipelines::store::GenericClient>(
        &self,
        database: &C,
        user: &mut User,
    ) -> Result<(), AccountError> {
        execute(
            database,
            "verify an address",
            "UPDATE users SET email_verified_at = $2 WHERE id = $1",
            &[&user.id.0, &self.now()],
        )
        .await?;
        user.email_verified = true;
        Ok(())
    }
}
