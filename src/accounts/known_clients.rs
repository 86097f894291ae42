//! Where and with what users sign in, and the email about what is new. The rule: an email goes out
//! when the program (`User-Agent`) is one that the account was not signed in with before, or when the
//! address is new while somebody has lately been guessing at the password. An account's first sign-in
//! is how its first client becomes known.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, query};
use serde_json::json;

use super::error::AccountError;
use super::sessions::USER_AGENT;
use super::{Accounts, User};
use crate::accounts::types::Client;
use crate::notifications::EmailKind;

/// The time for which a client is known after it was last used; an account's last one for ever.
const KNOWN: TimeDelta = TimeDelta::days(180);

/// Placeholder for what a client does not state.
const UNKNOWN: &str = "unknown";

impl Accounts {
    /// Takes note of what somebody signs in with, and writes to them if it is suspicious; answers
    /// whether it was. Every way to sign in calls it, in the transaction that begins the session.
    pub(super) async fn notice_client<C: GenericClient>(
        &self,
        database: &C,
        user: &User,
        client: &Client,
        was_guessed_at: bool,
    ) -> Result<bool, AccountError> {
        let agent = client.user_agent.as_deref().unwrap_or(UNKNOWN);
        let agent: String = agent.chars().take(USER_AGENT).collect();
        let address = client.address.as_deref().unwrap_or(UNKNOWN);
        let now = self.now();
        // Both parts see the table as it was before.
        let rows = query(
            database,
            "look up known clients",
            "WITH noted AS (INSERT INTO known_clients (user_id, kind, value, last_at) \
               VALUES ($1, 'address', $2, $4), ($1, 'user_agent', $3, $4) \
               ON CONFLICT (user_id, kind, value) DO UPDATE SET last_at = EXCLUDED.last_at) \
             SELECT count(*), \
               coalesce(bool_or(kind = 'address' AND value = $2), false), \
               coalesce(bool_or(kind = 'user_agent' AND value = $3), false) \
             FROM known_clients WHERE user_id = $1",
            &[&user.id.0, &address, &agent, &now],
        )
        .await?;
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        let (known, address_known, agent_known): (i64, bool, bool) =
            (row.get(0), row.get(1), row.get(2));
        let why = match (agent_known, address_known) {
            _ if known == 0 => return Ok(false),
            (_, false) if was_guessed_at => "from a new address, after many failed attempts",
            (false, _) => "with a new program",
            _ => return Ok(false),
        };
        let facts = json!({
            "why": why,
            "at": now.to_rfc3339_opts(SecondsFormat::Secs, true),
            "address": address,
            "user_agent": agent,
        });
        self.write_to(database, EmailKind::NewSignIn, user, facts)
            .await?;
        Ok(true)
    }
}

/// Forgets what was not used for long.
pub(super) async fn tidy<C: GenericClient>(
    database: &C,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    execute(
        database,
        "forget old clients",
        // The newest stay, or an account that slept would look like one that is new.
        "DELETE FROM known_clients old WHERE last_at < $1 AND EXISTS (SELECT FROM known_clients new \
           WHERE new.user_id = old.user_id AND new.kind = old.kind AND new.last_at > old.last_at)",
        &[&(now - KNOWN)],
    )
    .await?;
    Ok(())
}
