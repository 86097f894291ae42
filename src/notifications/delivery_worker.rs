//! Takes channels that have something to deliver, each for this process alone, and delivers by several at once.
//! A receiver that is slow holds up nobody else.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_actors::supervision::LoopContext;
use coinsphere_pipelines::store::{execute, query};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::delivery::Taken;
use super::error::NotificationError;
use super::service::Notifications;

/// The name of the part.
pub const NAME: &str = "notifications";

/// The time for which it may go without a mark of progress.
pub const PROGRESS: Duration = Duration::from_secs(60);

/// What is announced when there is something to deliver.
const CHANNEL: &str = "coinsphere_deliveries";

/// Interval at which is looked for what is due by now: what waits announces nothing.
const ROUND: Duration = Duration::from_secs(1);

/// The longest that the listening connection may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Channels by which is sent at once, and those of one user among them.
const AT_ONCE: usize = 16;
const OF_A_USER: usize = 2;

/// The time for which what a disabled or unverified channel was to deliver is kept, and notifications are.
const HELD: TimeDelta = TimeDelta::days(3);
const KEPT: TimeDelta = TimeDelta::days(90);
const TIDY: TimeDelta = TimeDelta::hours(1);

/// Deliveries in progress.
#[derive(Default)]
struct InFlight<'a> {
    sending: FuturesUnordered<BoxFuture<'a, (Uuid, Result<(), NotificationError>)>>,
    /// The number of each user.
    users: HashMap<Uuid, usize>,
    tidied: Option<DateTime<Utc>>,
}

impl Notifications {
    /// Delivers what is due, whenever something is. Runs until dropped.
    pub async fn run(&self, context: &LoopContext) {
        let mut working = InFlight::default();
        loop {
            if let Err(why) = self.follow(&mut working, context).await {
                context.degraded(format!("cannot deliver notifications: {why}"));
            }
            sleep(ROUND).await;
        }
    }

    async fn follow<'a>(
        &'a self,
        working: &mut InFlight<'a>,
        context: &LoopContext,
    ) -> Result<(), NotificationError> {
        let store = self.store()?;
        let mut listener = store.listen(CHANNEL).await?;
        let mut round = interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.take_more(working).await?;
            context.running();
            tokio::select! {
                Some((user, done)) = working.sending.next() => {
                    if let Some(count) = working.users.get_mut(&user) {
                        *count -= 1;
                    }
                    working.users.retain(|_, count| *count > 0);
                    if let Err(error) = done {
                        tracing::warn!(%error, "cannot note what became of a delivery; it is repeated");
                    }
                }
                heard = listener.next() => if heard.is_none() {
                    return Err(NotificationError::Unavailable);
                },
                () = self.0.grew.notified() => {}
                _ = round.tick() => {
                    listener.ping(PATIENCE).await?;
                    self.tidy(&mut working.tidied).await?;
                }
            }
        }
    }

    /// Begins to deliver by as many channels as there is room for.
    async fn take_more<'a>(&'a self, working: &mut InFlight<'a>) -> Result<(), NotificationError> {
        while working.sending.len() < AT_ONCE {
            let busy = working
                .users
                .iter()
                .filter(|(_, count)| **count >= OF_A_USER);
            let busy: Vec<Uuid> = busy.map(|(user, _)| *user).collect();
            let Some(taken) = self.take(&busy).await? else {
                break;
            };
            *working.users.entry(taken.user).or_default() += 1;
            working.sending.push(Box::pin(async move {
                let user = taken.user;
                (user, self.deliver_by(taken).await)
            }));
        }
        Ok(())
    }

    /// Ends what waited too long, and removes what is old, from time to time.
    async fn tidy(&self, tidied: &mut Option<DateTime<Utc>>) -> Result<(), NotificationError> {
        let now = self.now();
        if tidied.is_some_and(|at| now - at < TIDY) {
            return Ok(());
        }
        let session = self.session().await?;
        execute(
            &session,
            "end deliveries that waited too long",
            "UPDATE deliveries d SET state = 'failed', finished_at = $1, \
               last_error = 'the channel was not in use' \
             FROM notification_channels c WHERE c.id = d.channel_id AND c.state <> 'active' \
               AND d.state = 'waiting' AND d.created_at < $2",
            &[&now, &(now - HELD)],
        )
        .await?;
        let sql = "DELETE FROM notifications WHERE created_at < $1";
        execute(&session, "remove old notifications", sql, &[&(now - KEPT)]).await?;
        *tidied = Some(now);
        Ok(())
    }

    /// Takes the channel that has waited longest, but none of these users.
    async fn take(&self, busy: &[Uuid]) -> Result<Option<Taken>, NotificationError> {
        let session = self.session().await?;
        let now = self.now();
        let rows = query(
            &session,
            "take a channel with something to deliver",
            "UPDATE notification_channels SET leased_until = $2 WHERE id = ( \
               SELECT c.id FROM (SELECT channel_id, min(next_attempt_at) AS due_at, \
                   bool_or(is_urgent) AS urgent, NOT bool_and(is_urgent) AS normal \
                 FROM deliveries WHERE state = 'waiting' AND next_attempt_at <= $1 \
                 GROUP BY channel_id) d \
               JOIN notification_channels c ON c.id = d.channel_id \
               WHERE c.state = 'active' AND coalesce(c.leased_until <= $1, true) \
                 AND c.user_id <> ALL($3) AND NOT EXISTS (SELECT FROM notification_channels o \
                   WHERE o.recipient = c.recipient AND o.leased_until > $1) \
                 AND (d.urgent AND c.urgent_next_at <= $1 OR d.normal AND c.next_at <= $1 \
                   AND NOT is_quiet($1, c.quiet_from, c.quiet_to, c.quiet_zone)) \
               ORDER BY d.due_at LIMIT 1 FOR UPDATE OF c SKIP LOCKED) \
             RETURNING id, user_id, kind, name, settings, leased_until, next_at <= $1 \
               AND NOT is_quiet($1, quiet_from, quiet_to, quiet_zone), urgent_next_at <= $1",
            &[&now, &(now + Taken::LEASE), &busy],
        )
        .await?;
        Ok(rows.first().map(|row| Taken {
            id: row.get(0),
            user: row.get(1),
            kind: row.get(2),
            name: row.get(3),
            sealed: row.get(4),
            leased_until: row.get(5),
            takes_normal: row.get(6),
            takes_urgent: row.get(7),
        }))
    }
}
