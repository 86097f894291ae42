//! Administration of the accounts of others: show, change roles, disable, end sessions. Everything
//! takes effect at once, and there is always an admin left.

use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use uuid::Uuid;

use super::error::AccountError;
use super::events::SecurityEvent;
use super::users::{self, USER};
use super::{Accounts, User};
use crate::accounts::types::Role;
use crate::accounts::types::{Client, ListPlace, SessionId, UserId};

pub(super) const NO_USER: AccountError = AccountError::Unknown("user");

/// Changes to a user; absent fields stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserChange {
    /// New role.
    pub role: Option<Role>,
    /// True if the account is disabled: nobody signs in to it, and its sessions and keys do not
    /// hold.
    pub disabled: Option<bool>,
}

impl Accounts {
    /// Users, the newest first, at most `limit` of them.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn users(
        &self,
        after: Option<ListPlace>,
        limit: u32,
    ) -> Result<Vec<User>, AccountError> {
        let database = self.database().await?;
        let sql = format!(
            "{USER} WHERE $1::timestamptz IS NULL OR (u.created_at, u.id) < ($1, $2) \
             ORDER BY u.created_at DESC, u.id DESC LIMIT $3"
        );
        let (at, id) = (after.map(|place| place.at), after.map(|place| place.id));
        let rows = query(
            &database,
            "list users",
            &sql,
            &[&at, &id, &i64::from(limit)],
        )
        .await?;
        let users = rows
            .iter()
            .map(|row| users::stored_user(row).map(|one| one.user));
        Ok(users.collect::<Result<_, _>>()?)
    }

    /// Anybody, for an admin.
    ///
    /// # Errors
    /// When there is no such user, or the database is away.
    pub async fn any_user(&self, id: UserId) -> Result<User, AccountError> {
        let database = self.database().await?;
        let found = users::by_id(&database, id).await?;
        Ok(found.ok_or(NO_USER)?.user)
    }

    /// Gives somebody a role, or disables or enables their account. Disabled, all their sessions
    /// and keys are refused from then on.
    ///
    /// # Errors
    /// When there is no such user, it would leave no admin, or the database is away.
    pub async fn change_user(
        &self,
        by: UserId,
        id: UserId,
        change: UserChange,
        client: &Client,
    ) -> Result<User, AccountError> {
        let now = self.now();
        let mut session = self.database().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("change a user"))?;
        let loses = change.role == Some(Role::User) || change.disabled == Some(true);
        if loses && is_last_admin(&transaction, id).await? {
            return Err(AccountError::Conflict(
                "this is the only admin account: make somebody else an admin first",
            ));
        }
        let before = users::by_id(&transaction, id).await?.ok_or(NO_USER)?.user;
        execute(
            &transaction,
            "change a user",
            "UPDATE users SET role = coalesce($2, role), disabled_at = CASE $3::boolean \
               WHEN true THEN coalesce(disabled_at, $4) WHEN false THEN NULL ELSE disabled_at END \
             WHERE id = $1",
            &[&id.0, &change.role.map(Role::name), &change.disabled, &now],
        )
        .await?;
        if loses {
            self.void_invitations(&transaction, id).await?;
        }
        // After the row was changed: no session begins between the two.
        let ended = match change.disabled {
            Some(true) => {
                self.revoke_all(&transaction, id, "the account was disabled", now)
                    .await?
            }
            _ => Vec::new(),
        };
        let after = users::by_id(&transaction, id).await?.ok_or(NO_USER)?.user;
        transaction
            .commit()
            .await
            .map_err(failed("change a user"))?;
        self.revoked(ended);
        if before.role != after.role {
            let what = match after.role {
                Role::Admin => "user.made_admin",
                Role::User => "user.made_user",
            };
            self.note_by(by, what, id, None, client);
        }
        if before.disabled_at.is_some() != after.disabled_at.is_some() {
            let what = match after.disabled_at {
                Some(_) => "user.disabled",
                None => "user.enabled",
            };
            self.note_by(by, what, id, None, client);
        }
        Ok(after)
    }

    /// Ends one of somebody's sessions.
    ///
    /// # Errors
    /// When the user has no such session, or the database is away.
    pub async fn end_session_of(
        &self,
        by: UserId,
        id: UserId,
        session: SessionId,
        client: &Client,
    ) -> Result<(), AccountError> {
        self.end_session(id, session, "ended by an admin").await?;
        self.note_by(by, "session.revoked_by_admin", id, Some(session.0), client);
        Ok(())
    }

    /// Ends all of somebody's sessions; answers how many there were.
    ///
    /// # Errors
    /// When there is no such user, or the database is away.
    pub async fn end_sessions_of(
        &self,
        by: UserId,
        id: UserId,
        client: &Client,
    ) -> Result<usize, AccountError> {
        let database = self.database().await?;
        users::by_id(&database, id).await?.ok_or(NO_USER)?;
        let ended = self
            .revoke_all(&database, id, "ended by an admin", self.now())
            .await?;
        let count = ended.len();
        self.revoked(ended);
        self.note_by(by, "session.all_revoked_by_admin", id, None, client);
        Ok(count)
    }

    /// Like [`Accounts::note`], of what somebody did to another's account.
    pub(super) fn note_by(
        &self,
        by: UserId,
        what: &'static str,
        user: UserId,
        subject: Option<Uuid>,
        client: &Client,
    ) {
        self.events.note(SecurityEvent {
            what,
            done: true,
            user: Some(user.0),
            by: Some(by.0),
            subject,
            from: client.address.clone(),
        });
    }
}

/// Returns whether nobody else could look after the server. The admins stay locked until the transaction's
/// end, so that of two that go at once one finds itself the last.
pub(super) async fn is_last_admin<C: GenericClient>(
    transaction: &C,
    id: UserId,
) -> Result<bool, AccountError> {
    let sql = "SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL \
               ORDER BY id FOR UPDATE";
    let rows = query(transaction, "look for admins", sql, &[]).await?;
    let mut admins = rows.iter().map(|row| UserId(row.get(0)));
    Ok(admins.next() == Some(id) && admins.next().is_none())
}
