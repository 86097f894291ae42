//! Delays after failed attempts, longer with each: by account and client address, so that nobody can
//! lock out somebody else, and alike for accounts that do not exist. An attempt is counted before it
//! is judged, so that many at once gain nothing.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::net::backoff::doubled;
use coinsphere_pipelines::store::{GenericClient, execute, query};

use super::error::AccountError;
use crate::accounts::types::Client;
use crate::network::counted_as;
use crate::secrets;

/// Failures that cost nothing.
pub(super) const FREE: i32 = 5;

/// The longest delay, in seconds.
const LONGEST: i64 = 900;

/// Failures are forgotten after this time without another.
const FORGOTTEN: TimeDelta = TimeDelta::hours(24);

/// Where a code of the second factor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Signing in, by password or by the identity provider.
    Login,
    /// Proving again who one is, or confirming a factor, in a session.
    Session,
    /// Setting a password with an email's code.
    Reset,
}

impl At {
    const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Session => "session",
            Self::Reset => "reset",
        }
    }
}

/// Whose attempts are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempts {
    account: Vec<u8>,
    origin: String,
}

impl Attempts {
    /// At the password of the account with this address, as it is compared.
    pub(super) fn at_password(email_key: &str, client: &Client) -> Self {
        let address = client.address.as_deref().unwrap_or("unknown");
        // An IPv6 client has 2^64 addresses to choose from: its network counts, as in limits.
        let origin = address.parse::<IpAddr>().map(counted_as);
        Self {
            account: secrets::hash(email_key),
            origin: origin.unwrap_or_else(|_| address.to_owned()),
        }
    }

    /// At the second factor: from everywhere together, because who gets there knows the password,
    /// and a million codes are soon tried from a thousand addresses. Each occasion by itself: who
    /// tries codes at one does not hold off the user at the others.
    pub(super) fn at_second_factor(email_key: &str, at: At) -> Self {
        Self {
            account: secrets::hash(email_key),
            origin: format!("second factor: {}", at.name()),
        }
    }

    /// Counts an attempt as failed until [`Attempts::succeeded`]; refuses it if it comes too early.
    pub(super) async fn begin<C: GenericClient>(
        &self,
        client: &C,
        now: DateTime<Utc>,
    ) -> Result<(), AccountError> {
        // The same as `delay`, where many at once are distinguished: in the row's lock.
        let rows = query(
            client,
            "count an attempt to sign in",
            "INSERT INTO login_failures AS f (account, origin, failures, last_at) \
             VALUES ($1, $2, 1, $3) \
             ON CONFLICT (account, origin) DO UPDATE SET \
               failures = CASE WHEN f.last_at < $4 THEN 1 ELSE least(f.failures + 1, 1000) END, \
               last_at = $3 \
             WHERE f.failures < $5 OR f.last_at < $4 OR \
               f.last_at + least(power(2, least(f.failures - $5, 20)), $6::bigint) * interval '1 second' <= $3 \
             RETURNING failures",
            &[&self.account, &self.origin, &now, &(now - FORGOTTEN), &FREE, &LONGEST],
        )
        .await?;
        if !rows.is_empty() {
            return Ok(());
        }
        let rows = query(
            client,
            "look up failed attempts",
            "SELECT failures, last_at FROM login_failures WHERE account = $1 AND origin = $2",
            &[&self.account, &self.origin],
        )
        .await?;
        let left = rows.first().map_or(1, |row| {
            let last: DateTime<Utc> = row.get(1);
            (last + delay(row.get(0)) - now).num_milliseconds()
        });
        let seconds = u64::try_from(left).unwrap_or(0).div_ceil(1_000).max(1);
        Err(AccountError::Delayed(seconds))
    }

    /// Forgets the failures.
    pub(super) async fn succeeded<C: GenericClient>(&self, client: &C) -> Result<(), AccountError> {
        execute(
            client,
            "forget failed attempts",
            "DELETE FROM login_failures WHERE account = $1 AND origin = $2",
            &[&self.account, &self.origin],
        )
        .await?;
        Ok(())
    }
}

/// Returns whether failures have lately delayed attempts at the account with this address, from wherever.
pub(super) async fn delays_account<C: GenericClient>(
    client: &C,
    email_key: &str,
    now: DateTime<Utc>,
) -> Result<bool, AccountError> {
    let rows = query(
        client,
        "look up failed attempts",
        // Above, not at: the attempt that succeeds is counted too until it is forgotten.
        "SELECT FROM login_failures WHERE account = $1 AND failures > $2 AND last_at > $3 LIMIT 1",
        &[&secrets::hash(email_key), &FREE, &(now - FORGOTTEN)],
    )
    .await?;
    Ok(!rows.is_empty())
}

/// Delay after this many failures before the next attempt.
fn delay(failures: i32) -> TimeDelta {
    let Ok(beyond) = u32::try_from(failures - FREE) else {
        return TimeDelta::zero();
    };
    let longest = Duration::from_secs(LONGEST.unsigned_abs());
    let wait = doubled(Duration::from_secs(1), beyond.saturating_add(1), longest);
    TimeDelta::seconds(wait.as_secs().cast_signed())
}

/// Removes what is forgotten anyway.
pub(super) async fn tidy<C: GenericClient>(
    client: &C,
    now: DateTime<Utc>,
) -> Result<(), AccountError> {
    execute(
        client,
        "remove old failed attempts",
        "DELETE FROM login_failures WHERE last_at < $1",
        &[&(now - FORGOTTEN)],
    )
    .await?;
    Ok(())
}
