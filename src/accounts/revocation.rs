//! The sessions that were revoked while access tokens of theirs may still be valid. The session row is the
//! truth; this is what a process knows of it without asking: the ids of the last quarter of an hour,
//! loaded at the start and kept up by the database's announcements. While it cannot know, it says so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_actors::supervision::LoopContext;
use coinsphere_pipelines::store::{Store, StoreError, query};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::ACCESS_TOKEN_LIFE;
use crate::accounts::types::SessionId;

/// Channel on which the database announces revocations.
const CHANNEL: &str = "coinsphere_revoked_sessions";

/// The time for which a revoked id is remembered: as long as a token of it may be valid, and a minute for clocks
/// that differ.
const REMEMBERED: TimeDelta = TimeDelta::seconds(ACCESS_TOKEN_LIFE.num_seconds() + 60);

/// The interval at which the listening connection is asked for a sign of life, and how long it may take. A
/// revocation made elsewhere may go unheard for at most their sum.
const PULSE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(2);

/// The revoked sessions that this process knows of.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    revoked: RwLock<HashMap<Uuid, DateTime<Utc>>>,
    /// True if every announcement is heard.
    live: AtomicBool,
}

impl Revocations {
    /// Returns whether the session was revoked; `None` when only the database can tell.
    pub(super) fn is_revoked(&self, session: SessionId) -> Option<bool> {
        let known = self
            .revoked
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&session.0);
        if known {
            return Some(true);
        }
        self.live.load(Ordering::Acquire).then_some(false)
    }

    /// Takes note of revoked sessions.
    pub(super) fn add(&self, sessions: impl IntoIterator<Item = (Uuid, DateTime<Utc>)>) {
        self.revoked
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(sessions);
    }

    /// Returns whether everything is heard.
    pub(super) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    fn forget(&self, now: DateTime<Utc>) {
        self.revoked
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, at| *at + REMEMBERED > now);
    }

    /// Listens until the connection ends. However this ends, by a panic or cut off too, it is no longer
    /// claimed that everything is heard.
    pub(super) async fn listen(
        &self,
        store: &Store,
        now: impl Fn() -> DateTime<Utc>,
        context: &LoopContext,
    ) -> Result<(), StoreError> {
        let hearing = Hearing(&self.live);
        // Listening comes first: what is revoked while the rest is loaded is then heard too.
        let mut listener = store.listen(CHANNEL).await?;
        let session = store.session().await?;
        let since = now() - REMEMBERED;
        let rows = query(
            &session,
            "load the revoked sessions",
            "SELECT id, revoked_at FROM sessions WHERE revoked_at > $1",
            &[&since],
        )
        .await?;
        drop(session);
        self.add(rows.iter().map(|row| (row.get(0), row.get(1))));
        hearing.begin();
        context.running();
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = listener.next() => match heard {
                    Some(id) => self.add(id.parse().ok().map(|id| (id, now()))),
                    None => return Ok(()),
                },
                _ = pulse.tick() => {
                    listener.ping(PATIENCE).await?;
                    self.forget(now());
                    context.progressed();
                }
            }
        }
    }
}

/// Claims that every announcement is heard, for as long as it lives.
struct Hearing<'a>(&'a AtomicBool);

impl Hearing<'_> {
    fn begin(&self) {
        self.0.store(true, Ordering::Release);
        metrics::gauge!("coinsphere_revocations_live").set(1.0);
    }
}

impl Drop for Hearing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
        metrics::gauge!("coinsphere_revocations_live").set(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_while_listening_ends_the_claim_to_hear() {
        let revocations = Revocations::default();
        let session = SessionId(Uuid::from_u128(1));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let hearing = Hearing(&revocations.live);
            hearing.begin();
            assert_eq!(revocations.is_revoked(session), Some(false));
            panic!("while listening");
        }));
        assert!(panicked.is_err());
        assert_eq!(revocations.is_revoked(session), None);
    }

    #[test]
    fn what_it_cannot_know_it_does_not_claim() {
        let (known, other) = (Uuid::from_u128(1), SessionId(Uuid::from_u128(2)));
        let now = DateTime::from_timestamp_secs(1_700_000_000).unwrap();
        let revocations = Revocations::default();
        revocations.add([(known, now)]);
        assert_eq!(revocations.is_revoked(SessionId(known)), Some(true));
        assert_eq!(revocations.is_revoked(other), None);
        revocations.live.store(true, Ordering::Release);
        assert_eq!(revocations.is_revoked(other), Some(false));
        revocations.forget(now + ACCESS_TOKEN_LIFE);
        assert_eq!(revocations.is_revoked(SessionId(known)), Some(true));
        revocations.forget(now + REMEMBERED);
        assert_eq!(revocations.is_revoked(SessionId(known)), Some(false));
    }
}
