//! Sessions of browsers: a cookie stands for the session, and what changes something needs a CSRF
//! token too. The session's row is asked at each request, so what ends or renews it takes effect at once, in
//! every process. How cookies and headers look is no business of this.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, failed, query};
use secrecy::SecretString;
use uuid::Uuid;

use super::credentials::Proof;
use super::csrf::{self, Purpose};
use super::error::AccountError;
use super::login::Identified;
use super::sessions::{agent_of, not_begun};
use super::{Access, Accounts, Login};
use crate::accounts::types::{Client, SessionId, UserId};
use crate::secrets;

/// The time for which a browser's session lasts, whatever is done with it.
pub const BROWSER_SESSION_LIFE: TimeDelta = csrf::LIFE;

/// A longer text is no cookie of ours.
const LONGEST: usize = 128;

/// Age that the reported last use of a session may have.
const USE_NOTED: TimeDelta = TimeDelta::minutes(1);

/// A session that begins or is renewed, as its browser gets it.
#[derive(Clone)]
pub struct BrowserSession {
    /// Whose, and which.
    pub access: Access,
    /// The cookie's value.
    pub cookie: SecretString,
    /// Goes with each request that changes something.
    pub csrf_token: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A session that a cookie stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserAccess {
    /// Whose, and which.
    pub access: Access,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    generation: i32,
}

impl BrowserAccess {
    const fn purpose(&self) -> Purpose {
        Purpose {
            session: self.access.session,
            generation: self.generation,
        }
    }
}

/// Verdict on a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieVerdict {
    /// It stands for this session.
    Holds(BrowserAccess),
    /// Its session has ended: the browser may forget it.
    Ended,
    /// It is none of ours, or was renewed: perhaps the browser has the new one by now.
    Unknown,
}

impl Accounts {
    /// Begins a browser's session.
    ///
    /// # Errors
    /// As [`Accounts::login`].
    pub async fn login_in_browser(
        &self,
        login: Login,
        client: &Client,
    ) -> Result<BrowserSession, AccountError> {
        let who = self.identified(login, client).await?;
        self.sign_in_browser(who, "login", client).await
    }

    /// Begins a session in a browser, with the email about it where it is new.
    pub(super) async fn sign_in_browser(
        &self,
        who: Identified,
        how: &'static str,
        client: &Client,
    ) -> Result<BrowserSession, AccountError> {
        let Identified {
            mut database,
            user,
            password_set_at,
            was_guessed_at,
        } = who;
        let transaction = database.transaction().await.map_err(failed("sign in"))?;
        let begun = self
            .begin_browser_session(&transaction, user.id, password_set_at, client)
            .await?;
        let is_news = self
            .notice_client(&transaction, &user, client, was_guessed_at)
            .await?;
        transaction.commit().await.map_err(failed("sign in"))?;
        self.signed_in(how, is_news, user.id, begun.access.session, client);
        Ok(begun)
    }

    pub(super) async fn begin_browser_session<C: GenericClient>(
        &self,
        database: &C,
        user: UserId,
        password_set_at: Option<DateTime<Utc>>,
        client: &Client,
    ) -> Result<BrowserSession, AccountError> {
        let now = self.now();
        let session = SessionId(self.randomness.id());
        let cookie = self.randomness.token();
        let expires_at = now + BROWSER_SESSION_LIFE;
        let begun = execute(
            database,
            "begin a browser's session",
            // The lock is explained at `begin_session`.
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, address, \
               user_agent, cookie_hash) \
             SELECT $1, id, $3, $3, $4, $5, $6, $7 FROM users \
             WHERE id = $2 AND disabled_at IS NULL \
               AND ($8::timestamptz IS NULL OR password_changed_at = $8) FOR NO KEY UPDATE",
            &[
                &session.0,
                &user.0,
                &now,
                &expires_at,
                &client.address,
                &agent_of(client),
                &secrets::hash(&cookie),
                &password_set_at,
            ],
        )
        .await?;
        if begun == 0 {
            return Err(not_begun(database, user).await);
        }
        self.end_surplus_sessions(database, user, session).await?;
        let access = BrowserAccess {
            access: Access { user, session },
            expires_at,
            generation: 0,
        };
        Ok(self.shown(&access, cookie))
    }

    /// Ends the session that a browser had when another began in it: its cookie is replaced.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn end_replaced(&self, cookie: &str, client: &Client) -> Result<(), AccountError> {
        let now = self.now();
        let database = self.database().await?;
        let rows = query(
            &database,
            "end a replaced session",
            "UPDATE sessions SET revoked_at = $2, revoked_for = 'replaced by another' \
             WHERE cookie_hash = $1 AND user_id IS NOT NULL AND revoked_at IS NULL \
             RETURNING id, user_id",
            &[&secrets::hash(cookie), &now],
        )
        .await?;
        if let Some(row) = rows.first() {
            let (session, user): (Uuid, Uuid) = (row.get(0), row.get(1));
            self.revocations.add([(session, now)]);
            let (session, user) = (SessionId(session), UserId(user));
            self.note_session("session.replaced", true, user, session, client);
        }
        Ok(())
    }

    fn shown(&self, access: &BrowserAccess, cookie: String) -> BrowserSession {
        BrowserSession {
            access: access.access,
            cookie: cookie.into(),
            csrf_token: self.csrf_token(access),
            expires_at: access.expires_at,
        }
    }

    /// The session that a cookie stands for.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn browser_access(&self, cookie: &str) -> Result<CookieVerdict, AccountError> {
        if cookie.len() > LONGEST {
            return Ok(CookieVerdict::Unknown);
        }
        let now = self.now();
        let database = self.database().await?;
        let rows = query(
            &database,
            "look up a browser's session",
            "SELECT id, user_id, expires_at, csrf_generation, last_used_at, \
               revoked_at IS NULL AND expires_at > $2 \
             FROM sessions WHERE cookie_hash = $1",
            &[&secrets::hash(cookie), &now],
        )
        .await?;
        let Some(row) = rows.first() else {
            return Ok(CookieVerdict::Unknown);
        };
        let (session, user): (Uuid, Option<Uuid>) = (row.get(0), row.get(1));
        let (Some(user), true) = (user, row.get(5)) else {
            return Ok(CookieVerdict::Ended);
        };
        let used: DateTime<Utc> = row.get(4);
        if now - used >= USE_NOTED {
            execute(
                &database,
                "note a session's use",
                "UPDATE sessions SET last_used_at = $2 WHERE id = $1 AND last_used_at < $2",
                &[&session, &now],
            )
            .await?;
        }
        Ok(CookieVerdict::Holds(BrowserAccess {
            access: Access {
                user: UserId(user),
                session: SessionId(session),
            },
            expires_at: row.get(2),
            generation: row.get(3),
        }))
    }

    /// A CSRF token for this session.
    #[must_use]
    pub fn csrf_token(&self, access: &BrowserAccess) -> String {
        let nonce = self.randomness.bytes();
        self.csrf.issue(access.purpose(), self.now(), nonce)
    }

    /// Checks that a request that came with this cookie may change something.
    ///
    /// # Errors
    /// [`AccountError::Csrf`] when there is no token, or it is not valid.
    pub fn check_csrf(
        &self,
        access: &BrowserAccess,
        token: Option<&str>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let checked = match token {
            Some(token) => self.csrf.verify(access.purpose(), token, self.now()),
            None => Err(AccountError::Csrf("there is none")),
        };
        if checked.is_err() {
            self.refused_page(access, client);
        }
        checked
    }

    /// Takes note that a request with this cookie was refused, because nothing shows that the user's
    /// own page sent it.
    pub fn refused_page(&self, access: &BrowserAccess, client: &Client) {
        let Access { user, session } = access.access;
        self.note_session("csrf.refused", false, user, session, client);
    }

    /// Makes all of the session's CSRF tokens stale; answers a new one.
    ///
    /// # Errors
    /// When the session has ended, or the database is away.
    pub async fn renew_csrf(
        &self,
        access: &BrowserAccess,
        client: &Client,
    ) -> Result<String, AccountError> {
        let session = access.access.session;
        let database = self.database().await?;
        let renewed = self.renew(&database, access, None).await?;
        self.note_session("csrf.renewed", true, access.access.user, session, client);
        Ok(self.csrf_token(&renewed))
    }

    /// Gives the session another cookie and makes its CSRF tokens stale: for after a change of what
    /// its user proves who they are with.
    ///
    /// # Errors
    /// When the session has ended, or the database is away.
    pub async fn renew_browser_session(
        &self,
        access: &BrowserAccess,
        client: &Client,
    ) -> Result<BrowserSession, AccountError> {
        let cookie = self.randomness.token();
        let database = self.database().await?;
        let hash = secrets::hash(&cookie);
        let renewed = self.renew(&database, access, Some(hash)).await?;
        let Access { user, session } = access.access;
        self.note_session("session.renewed", true, user, session, client);
        Ok(self.shown(&renewed, cookie))
    }

    async fn renew<C: GenericClient>(
        &self,
        database: &C,
        access: &BrowserAccess,
        cookie_hash: Option<Vec<u8>>,
    ) -> Result<BrowserAccess, AccountError> {
        let rows = query(
            database,
            "renew a browser's session",
            "UPDATE sessions SET csrf_generation = csrf_generation + 1, \
               cookie_hash = coalesce($2, cookie_hash) \
             WHERE id = $1 AND revoked_at IS NULL AND expires_at > $3 RETURNING csrf_generation",
            &[&access.access.session.0, &cookie_hash, &self.now()],
        )
        .await?;
        let row = rows.first();
        let row = row.ok_or(AccountError::BadToken("its session has ended"))?;
        Ok(BrowserAccess {
            generation: row.get(0),
            ..*access
        })
    }

    /// Changes the password. All sessions end; the answer begins a new one of a browser.
    ///
    /// # Errors
    /// When the proof or the new password is wrong, or the database is away.
    pub async fn change_password_in_browser(
        &self,
        id: UserId,
        proof: &Proof,
        new: SecretString,
        client: &Client,
    ) -> Result<BrowserSession, AccountError> {
        let set_at = self.replace_password(id, proof, new, client).await?;
        let database = self.database().await?;
        self.begin_browser_session(&database, id, Some(set_at), client)
            .await
    }

    /// Returns whether this process knows that the session was revoked.
    #[must_use]
    pub fn is_known_revoked(&self, session: SessionId) -> bool {
        self.revocations.is_revoked(session) == Some(true)
    }

    /// Where users reach the server, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }
}
