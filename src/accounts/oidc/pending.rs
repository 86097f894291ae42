//! Sign-ins by a provider that are under way. All that one needs follows from a secret in the browser's
//! cookie; the database keeps hashes, so that each is used once and by the browser that began it.

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::{GenericClient, execute, query};
use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;

use crate::accounts::error::AccountError;
use crate::accounts::types::UserId;
use crate::secrets;

/// The time the provider may take to send the browser back.
pub(super) const BEGUN: TimeDelta = TimeDelta::minutes(10);

/// The time for which a code of the second factor is waited for.
pub(super) const WAITING: TimeDelta = TimeDelta::minutes(5);

/// Secrets by which a sign-in is recognised.
pub(super) struct Secrets {
    /// The cookie's value: 256 random bits.
    pub(super) cookie: String,
    /// Value that the provider hands back.
    pub(super) state: String,
}

impl Secrets {
    /// Value that the ID token must repeat.
    pub(super) fn nonce(&self) -> String {
        self.derived(b"coinsphere sign-in: nonce")
    }

    /// Proof to the provider that who exchanges the code is who asked for it (PKCE, RFC 7636).
    pub(super) fn verifier(&self) -> String {
        self.derived(b"coinsphere sign-in: verifier")
    }

    fn derived(&self, label: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.cookie.as_bytes());
        BASE64URL_NOPAD.encode(hmac::sign(&key, label).as_ref())
    }
}

/// Remembers that a sign-in was begun.
pub(super) async fn begin<C: GenericClient>(
    database: &C,
    begun: &Secrets,
    return_to: &str,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    execute(
        database,
        "begin a sign-in by a provider",
        "INSERT INTO provider_sign_ins (cookie_hash, state_hash, return_to, expires_at) \
         VALUES ($1, $2, $3, $4)",
        &[
            &secrets::hash(&begun.cookie),
            &secrets::hash(&begun.state),
            &return_to,
            &(now + BEGUN),
        ],
    )
    .await?;
    Ok(())
}

/// Uses a sign-in up that the provider sent back; answers where the browser is to go.
pub(super) async fn come_back<C: GenericClient>(
    database: &C,
    begun: &Secrets,
    now: DateTime<Utc>,
) -> Result<Option<String>, AccountError> {
    let rows = query(
        database,
        "finish a sign-in by a provider",
        "DELETE FROM provider_sign_ins WHERE cookie_hash = $1 AND state_hash = $2 \
         AND expires_at > $3 RETURNING return_to",
        &[
            &secrets::hash(&begun.cookie),
            &secrets::hash(&begun.state),
            &now,
        ],
    )
    .await?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// Somebody whose code is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) user: UserId,
    /// Issuer and subject that are to be linked to the user then, if they are not yet.
    pub(super) to_link: Option<(String, String)>,
}

/// Waits for a code of the user's second factor.
pub(super) async fn wait<C: GenericClient>(
    database: &C,
    cookie: &str,
    waiting: &Waiting,
    return_to: &str,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    let (issuer, subject) = waiting.to_link.clone().unzip();
    execute(
        database,
        "wait for a second factor",
        "INSERT INTO provider_sign_ins \
           (cookie_hash, user_id, issuer, subject, return_to, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            &secrets::hash(cookie),
            &waiting.user.0,
            &issuer,
            &subject,
            &return_to,
            &(now + WAITING),
        ],
    )
    .await?;
    Ok(())
}

/// Whose code is waited for.
pub(super) async fn waiting<C: GenericClient>(
    database: &C,
    cookie: &str,
    now: DateTime<Utc>,
) -> Result<Option<Waiting>, AccountError> {
    let rows = query(
        database,
        "look up a sign-in",
        "SELECT user_id, issuer, subject FROM provider_sign_ins \
         WHERE cookie_hash = $1 AND user_id IS NOT NULL AND expires_at > $2",
        &[&secrets::hash(cookie), &now],
    )
    .await?;
    Ok(rows.first().map(|row| {
        let (issuer, subject): (Option<String>, Option<String>) = (row.get(1), row.get(2));
        Waiting {
            user: UserId(row.get::<_, Uuid>(0)),
            to_link: issuer.zip(subject),
        }
    }))
}

/// Uses up a sign-in whose code has come; of two at once, one does.
pub(super) async fn done<C: GenericClient>(
    database: &C,
    cookie: &str,
) -> Result<bool, AccountError> {
    let removed = execute(
        database,
        "finish a sign-in",
        "DELETE FROM provider_sign_ins WHERE cookie_hash = $1 AND user_id IS NOT NULL",
        &[&secrets::hash(cookie)],
    )
    .await?;
    Ok(removed == 1)
}

/// Removes those that took too long.
pub(in crate::accounts) async fn tidy<C: GenericClient>(
    database: &C,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    execute(
        database,
        "remove old sign-ins",
        "DELETE FROM provider_sign_ins WHERE expires_at < $1",
        &[&now],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonce_and_verifier_follow_from_the_cookie_alone_and_differ() {
        let secrets = |cookie: &str| Secrets {
            cookie: cookie.to_owned(),
            state: "state".to_owned(),
        };
        let one = secrets("one");
        assert_eq!(one.nonce(), secrets("one").nonce());
        assert_ne!(one.nonce(), secrets("two").nonce());
        assert_ne!(one.nonce(), one.verifier());
        // RFC 7636, section 4.1: 43 to 128 characters.
        assert_eq!(one.verifier().len(), 43);
    }
}
