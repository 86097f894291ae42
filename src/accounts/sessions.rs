//! Sessions: begun at login, refreshed by tokens that change at each use, revoked at once.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use uuid::Uuid;

use super::error::AccountError;
use crate::accounts::types::{Client, ListPlace, SessionId, UserId};
use crate::accounts::{ACCESS_TOKEN_LIFE, Access, Accounts, users};
use crate::secrets;

/// Time after a refresh token was exchanged in which its session may present it again, because the answer was lost or
/// two requests crossed, and get the same successor.
const RETRY: TimeDelta = TimeDelta::seconds(1);

/// A longer text is no refresh token of ours.
const LONGEST: usize = 128;

/// The longest description of a client's program that is kept.
pub(super) const USER_AGENT: usize = 200;

/// Credentials issued to a client.
#[derive(Clone)]
pub struct Tokens {
    /// For requests, until it expires.
    pub access_token: String,
    /// Lifetime in seconds.
    pub expires_in: i64,
    /// For the next pair.
    pub refresh_token: String,
}

/// A session, as shown to its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Which.
    pub id: SessionId,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub last_used_at: DateTime<Utc>,
    /// When it ends, however often it is refreshed.
    pub expires_at: DateTime<Utc>,
    /// Where it was begun.
    pub address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
}

/// The client program's own name, as much of it as is kept.
pub(super) fn agent_of(client: &Client) -> Option<String> {
    let agent = client.user_agent.as_ref();
    agent.map(|name| name.chars().take(USER_AGENT).collect())
}

/// A refresh token's session, locked.
struct Family {
    id: SessionId,
    user: UserId,
}

impl Accounts {
    pub(super) async fn begin_session<C: GenericClient>(
        &self,
        database: &C,
        user: UserId,
        password_set_at: Option<DateTime<Utc>>,
        client: &Client,
    ) -> Result<(SessionId, Tokens), AccountError> {
        let now = self.now();
        let session = SessionId(self.randomness.id());
        let expires = now + TimeDelta::days(self.settings.session_days.into());
        let refresh = self.randomness.token();
        let begun = execute(
            database,
            "begin a session",
            // The lock: a session that begins while its account is being disabled, or its password
            // changed, either waits and sees that, or is there to be ended with the others. Two that
            // begin at once see each other when surplus ones are ended.
            "WITH allowed AS (SELECT id FROM users WHERE id = $2 AND disabled_at IS NULL \
               AND ($8::timestamptz IS NULL OR password_changed_at = $8) FOR NO KEY UPDATE), \
               begun AS (INSERT INTO sessions \
               (id, user_id, created_at, last_used_at, expires_at, address, user_agent) \
               SELECT $1, allowed.id, $3, $3, $4, $5, $6 FROM allowed RETURNING id) \
             INSERT INTO refresh_tokens (hash, session_id, issued_at) SELECT $7, id, $3 FROM begun",
            &[
                &session.0,
                &user.0,
                &now,
                &expires,
                &client.address,
                &agent_of(client),
                &secrets::hash(&refresh),
                &password_set_at,
            ],
        )
        .await?;
        if begun == 0 {
            return Err(not_begun(database, user).await);
        }
        self.end_surplus_sessions(database, user, session).await?;
        let tokens = self.tokens(Access { user, session }, refresh, now)?;
        Ok((session, tokens))
    }

    /// Ends those of the user's sessions that went unused for longest, where there are more than an
    /// account may have; never the one that has just begun.
    pub(super) async fn end_surplus_sessions<C: GenericClient>(
        &self,
        database: &C,
        user: UserId,
        begun: SessionId,
    ) -> Result<(), AccountError> {
        let others = i64::from(self.settings.sessions_per_user) - 1;
        execute(
            database,
            "end surplus sessions",
            // Every process, this one too, hears of it by the trigger's notification.
            "UPDATE sessions SET revoked_at = $3, revoked_for = 'more than an account may have' \
             WHERE id IN (SELECT id FROM sessions WHERE user_id = $1 AND id <> $2 \
               AND revoked_at IS NULL AND expires_at > $3 \
               ORDER BY last_used_at DESC, id OFFSET $4)",
            &[&user.0, &begun.0, &self.now(), &others.max(0)],
        )
        .await?;
        Ok(())
    }

    fn tokens(
        &self,
        access: Access,
        refresh_token: String,
        now: DateTime<Utc>,
    ) -> Result<Tokens, AccountError> {
        Ok(Tokens {
            access_token: self.access.issue(access, now)?,
            expires_in: ACCESS_TOKEN_LIFE.num_seconds(),
            refresh_token,
        })
    }

    /// Whose a refresh token is, good or used up: for limits.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn refresh_token_holder(
        &self,
        presented: &str,
    ) -> Result<Option<UserId>, AccountError> {
        if presented.len() > LONGEST {
            return Ok(None);
        }
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up whose a refresh token is",
            "SELECT s.user_id FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id \
             WHERE r.hash = $1 AND s.user_id IS NOT NULL",
            &[&secrets::hash(presented)],
        )
        .await?;
        Ok(rows.first().map(|row| UserId(row.get(0))))
    }

    /// Exchanges a refresh token for the next pair.
    ///
    /// # Errors
    /// When the token is not valid; [`AccountError::RefreshTokenReused`] when it had been exchanged
    /// before, which ends its session: one of the two who had it is a thief.
    pub async fn refresh(&self, presented: &str, client: &Client) -> Result<Tokens, AccountError> {
        if presented.len() > LONGEST {
            return Err(AccountError::BadRefreshToken);
        }
        let now = self.now();
        let hash = secrets::hash(presented);
        let mut session = self.database().await?;
        let transaction = session.transaction().await.map_err(failed("refresh"))?;
        let family = self.lock_family(&transaction, &hash, now).await?;
        let Some(family) = family else {
            self.note("session.refresh", false, None, client);
            return Err(AccountError::BadRefreshToken);
        };
        // Read only now: whoever held the lock before may have exchanged it.
        let rows = query(
            &transaction,
            "look up a refresh token",
            "SELECT rotated_at FROM refresh_tokens WHERE hash = $1",
            &[&hash],
        )
        .await?;
        let rotated: Option<DateTime<Utc>> = rows.first().and_then(|row| row.get(0));
        let successor = self.derivation.successor(family.id, presented);
        match rotated {
            None => {
                execute(
                    &transaction,
                    "rotate a refresh token",
                    "WITH rotated AS (UPDATE refresh_tokens SET rotated_at = $2 WHERE hash = $1), \
                       used AS (UPDATE sessions SET last_used_at = $2 WHERE id = $3) \
                     INSERT INTO refresh_tokens (hash, session_id, issued_at) VALUES ($4, $3, $2)",
                    &[&hash, &now, &family.id.0, &secrets::hash(&successor)],
                )
                .await?;
            }
            Some(at) if now - at <= RETRY => {}
            Some(_) => {
                revoke_where(
                    &transaction,
                    "id = $3",
                    &family.id.0,
                    "refresh token reused",
                    now,
                )
                .await?;
                transaction.commit().await.map_err(failed("refresh"))?;
                self.revocations.add([(family.id.0, now)]);
                self.note_session(
                    "session.refresh_reused",
                    false,
                    family.user,
                    family.id,
                    client,
                );
                return Err(AccountError::RefreshTokenReused);
            }
        }
        transaction.commit().await.map_err(failed("refresh"))?;
        let access = Access {
            user: family.user,
            session: family.id,
        };
        self.tokens(access, successor, now)
    }

    /// Since when a session that is refreshed must not have been idle.
    fn idle_since(&self) -> DateTime<Utc> {
        self.now() - TimeDelta::days(self.settings.session_idle_days.into())
    }

    /// The session of a refresh token if it is valid, locked until the transaction's end.
    async fn lock_family<C: GenericClient>(
        &self,
        database: &C,
        hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Family>, AccountError> {
        let rows = query(
            database,
            "look up a session",
            "SELECT id, user_id FROM sessions \
             WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1) \
               AND user_id IS NOT NULL AND revoked_at IS NULL AND expires_at > $2 \
               AND last_used_at > $3 FOR UPDATE",
            &[&hash, &now, &self.idle_since()],
        )
        .await?;
        Ok(rows.first().map(|row| Family {
            id: SessionId(row.get(0)),
            user: UserId(row.get(1)),
        }))
    }

    /// Who an access token speaks for, revocation included.
    ///
    /// # Errors
    /// When it is not valid, its session was revoked, or nobody can tell because the database is
    /// away.
    pub async fn authenticate(&self, token: &str) -> Result<Access, AccountError> {
        let access = self.access.verify(token, self.now())?;
        let revoked = match self.revocations.is_revoked(access.session) {
            Some(known) => known,
            None => self.session_has_ended(access.session).await?,
        };
        if revoked {
            return Err(AccountError::BadToken("its session has ended"));
        }
        Ok(access)
    }

    /// Returns whether a session goes on, for what lasts longer than a request.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn session_is_valid(&self, session: SessionId) -> Result<bool, AccountError> {
        if self.revocations.is_revoked(session) == Some(true) {
            return Ok(false);
        }
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up a session",
            "SELECT FROM sessions WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2",
            &[&session.0, &self.now()],
        )
        .await?;
        Ok(!rows.is_empty())
    }

    async fn session_has_ended(&self, session: SessionId) -> Result<bool, AccountError> {
        metrics::counter!("coinsphere_revocation_lookups_total").increment(1);
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up a session",
            "SELECT revoked_at IS NOT NULL FROM sessions WHERE id = $1",
            &[&session.0],
        )
        .await?;
        Ok(rows.first().is_none_or(|row| row.get(0)))
    }

    /// The user's sessions that have not ended, the one used last first, at most `limit` of them. The
    /// list goes by the time of their last use.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn sessions(
        &self,
        user: UserId,
        after: Option<ListPlace>,
        limit: u32,
    ) -> Result<Vec<SessionView>, AccountError> {
        let database = self.database().await?;
        let (at, id) = (after.map(|place| place.at), after.map(|place| place.id));
        let rows = query(
            &database,
            "list sessions",
            // A browser's end by their time alone, others when they were not used for long, too.
            "SELECT id, created_at, last_used_at, expires_at, address, user_agent FROM sessions \
             WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 \
               AND (cookie_hash IS NOT NULL OR last_used_at > $3) \
               AND ($4::timestamptz IS NULL OR (last_used_at, id) < ($4, $5)) \
             ORDER BY last_used_at DESC, id DESC LIMIT $6",
            &[
                &user.0,
                &self.now(),
                &self.idle_since(),
                &at,
                &id,
                &i64::from(limit),
            ],
        )
        .await?;
        let view = |row: &tokio_postgres::Row| SessionView {
            id: SessionId(row.get(0)),
            created_at: row.get(1),
            last_used_at: row.get(2),
            expires_at: row.get(3),
            address: row.get(4),
            user_agent: row.get(5),
        };
        Ok(rows.iter().map(view).collect())
    }

    /// Ends one of the user's sessions.
    ///
    /// # Errors
    /// When the user has no such session, or the database is away.
    pub async fn revoke_session(
        &self,
        user: UserId,
        session: SessionId,
        client: &Client,
    ) -> Result<(), AccountError> {
        self.end_session(user, session, "ended by its user").await?;
        self.note_session("session.revoked", true, user, session, client);
        Ok(())
    }

    /// Ends one of a user's sessions, for this reason.
    pub(super) async fn end_session(
        &self,
        user: UserId,
        session: SessionId,
        why: &'static str,
    ) -> Result<(), AccountError> {
        let database = self.database().await?;
        let now = self.now();
        let ended = execute(
            &database,
            "end a session",
            "UPDATE sessions SET revoked_at = $3, revoked_for = $4 \
             WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3",
            &[&session.0, &user.0, &now, &why],
        )
        .await?;
        if ended == 0 {
            return Err(AccountError::Unknown("session"));
        }
        self.revocations.add([(session.0, now)]);
        Ok(())
    }

    /// Ends the session that an access token belongs to; that it has ended already is fine.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn logout(&self, access: Access, client: &Client) -> Result<(), AccountError> {
        match self
            .revoke_session(access.user, access.session, client)
            .await
        {
            Err(AccountError::Unknown(_)) => Ok(()),
            outcome => outcome,
        }
    }

    /// Ends all of the user's sessions. Answers how many.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn logout_everywhere(
        &self,
        user: UserId,
        client: &Client,
    ) -> Result<usize, AccountError> {
        let database = self.database().await?;
        let ended = self
            .revoke_all(&database, user, "ended by its user", self.now())
            .await?;
        let count = ended.len();
        self.revoked(ended);
        self.note("session.revoked_all", true, Some(user), client);
        Ok(count)
    }

    /// Revokes the user's sessions in the database; after the commit they are to be handed to
    /// [`Accounts::revoked`].
    pub(super) async fn revoke_all<C: GenericClient>(
        &self,
        database: &C,
        user: UserId,
        why: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Uuid, DateTime<Utc>)>, AccountError> {
        revoke_where(database, "user_id = $3", &user.0, why, now).await
    }

    /// Refuses revoked sessions from here on, without waiting for the database's word.
    pub(super) fn revoked(&self, sessions: Vec<(Uuid, DateTime<Utc>)>) {
        self.revocations.add(sessions);
    }
}

/// Why no session began: only an account that is there and enabled, whose password is still the one
/// that was shown, has sessions.
pub(super) async fn not_begun<C: GenericClient>(database: &C, user: UserId) -> AccountError {
    match users::by_id(database, user).await {
        Ok(Some(found)) if found.user.disabled_at.is_none() => AccountError::WrongCredentials,
        Ok(_) => AccountError::Disabled,
        Err(error) => error,
    }
}

/// Removes sessions that ended so long ago that nothing of theirs can still be valid.
pub(super) async fn tidy<C: GenericClient>(
    database: &C,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    execute(
        database,
        "remove old sessions",
        "DELETE FROM sessions WHERE expires_at < $1 OR revoked_at < $1",
        &[&(now - TimeDelta::days(1))],
    )
    .await?;
    Ok(())
}

async fn revoke_where<C: GenericClient>(
    database: &C,
    condition: &'static str,
    id: &Uuid,
    why: &'static str,
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, DateTime<Utc>)>, AccountError> {
    let sql = format!(
        "UPDATE sessions SET revoked_at = $1, revoked_for = $2 \
         WHERE {condition} AND revoked_at IS NULL RETURNING id"
    );
    let rows = query(database, "end sessions", &sql, &[&now, &why, id]).await?;
    Ok(rows.iter().map(|row| (row.get(0), now)).collect())
}
