//! Invitations: who may register where registration is not open, and how the first admin does.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, query};
use uuid::Uuid;

use super::error::AccountError;
use super::users::Email;
use crate::accounts::Accounts;
use crate::accounts::RegistrationMode;
use crate::accounts::types::Role;
use crate::accounts::types::{Client, UserId};
use crate::secrets;

/// The time for which the setup token of a server without an admin is valid.
const SETUP: TimeDelta = TimeDelta::days(1);

/// A new invitation, shown this once.
#[derive(Clone)]
pub struct Invitation {
    /// Which.
    pub id: Uuid,
    /// Token to register with.
    pub token: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Which invitation may be used: `$1` is its hash, `$2` the time, `$3` the address, `$4` whether
/// registration is closed.
const USABLE: &str = "hash = $1 AND used_at IS NULL AND expires_at > $2 \
     AND (email_key IS NULL OR email_key = $3) AND (is_setup OR NOT $4) \
     AND NOT (is_setup AND EXISTS (SELECT FROM users WHERE role = 'admin'))";

impl Accounts {
    /// Invites somebody: whoever has the token, or only this address.
    ///
    /// # Errors
    /// When the address is none, or the database is away.
    pub async fn invite(
        &self,
        by: Option<UserId>,
        email: Option<&str>,
        role: Role,
        days: u32,
    ) -> Result<Invitation, AccountError> {
        let email = email.map(Email::parse).transpose();
        let email = email.map_err(|wrong| AccountError::Invalid(vec![wrong]))?;
        let key = email.map(|email| email.key);
        let life = TimeDelta::days(days.into());
        let made = self.make_invitation(by, key, role, (false, life)).await?;
        self.note("user.invited", true, by, &Client::default());
        Ok(made)
    }

    /// A token with which the first admin registers, if there is no admin yet.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn setup_token(&self) -> Result<Option<Invitation>, AccountError> {
        let database = self.database().await?;
        let sql = "SELECT FROM users WHERE role = 'admin' LIMIT 1";
        let admins = query(&database, "look for an admin", sql, &[]).await?;
        drop(database);
        if !admins.is_empty() {
            return Ok(None);
        }
        let made = self
            .make_invitation(None, None, Role::Admin, (true, SETUP))
            .await?;
        Ok(Some(made))
    }

    async fn make_invitation(
        &self,
        by: Option<UserId>,
        email_key: Option<String>,
        role: Role,
        (is_setup, life): (bool, TimeDelta),
    ) -> Result<Invitation, AccountError> {
        let now = self.now();
        let made = Invitation {
            id: self.randomness.id(),
            token: self.randomness.token(),
            expires_at: now + life,
        };
        let database = self.database().await?;
        execute(
            &database,
            "add an invitation",
            "INSERT INTO invitations \
               (hash, id, email_key, role, is_setup, created_by, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                &secrets::hash(&made.token),
                &made.id,
                &email_key,
                &role.name(),
                &is_setup,
                &by.map(|user| user.0),
                &now,
                &made.expires_at,
            ],
        )
        .await?;
        Ok(made)
    }

    /// Makes the invitations void that somebody made and nobody has used: who may not invite any more
    /// does not come back by one of them.
    pub(super) async fn void_invitations<C: GenericClient>(
        &self,
        database: &C,
        by: UserId,
    ) -> Result<(), AccountError> {
        execute(
            database,
            "make invitations void",
            "DELETE FROM invitations WHERE created_by = $1 AND used_at IS NULL",
            &[&by.0],
        )
        .await?;
        Ok(())
    }

    /// Returns whether an invitation could be used now; whether it was is decided by
    /// [`Accounts::use_invitation`].
    pub(super) async fn is_invited<C: GenericClient>(
        &self,
        database: &C,
        token: &str,
        email_key: &str,
    ) -> Result<bool, AccountError> {
        let sql = format!("SELECT FROM invitations WHERE {USABLE}");
        let closed = self.settings.registration == RegistrationMode::Closed;
        let rows = query(
            database,
            "look up an invitation",
            &sql,
            &[&secrets::hash(token), &self.now(), &email_key, &closed],
        )
        .await?;
        Ok(!rows.is_empty())
    }

    /// Uses an invitation up; answers what role it gives.
    pub(super) async fn use_invitation<C: GenericClient>(
        &self,
        database: &C,
        token: &str,
        email_key: &str,
    ) -> Result<Role, AccountError> {
        let closed = self.settings.registration == RegistrationMode::Closed;
        let sql = format!("UPDATE invitations SET used_at = $2 WHERE {USABLE} RETURNING role");
        let rows = query(
            database,
            "use an invitation",
            &sql,
            &[&secrets::hash(token), &self.now(), &email_key, &closed],
        )
        .await?;
        let row = rows.first().ok_or(AccountError::InvitationNeeded)?;
        Ok(Role::named(row.get(0))?)
    }
}
