//! Relay between processes: events go to the streams of their users, and whoever waits for a change to be
//! taken up is woken. Both are announced with the commit that makes them so, and read from the database: after
//! an interruption nothing is missing.

use std::time::Duration;

use coinsphere_actors::supervision::LoopContext;
use coinsphere_pipelines::store::{Listener, query};
use futures_util::FutureExt as _;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::event::{COLUMNS, event};
use super::{AlertError, CHANNEL, UserAlerts};

/// The part's name.
pub const NAME: &str = "alert_relay";

/// The longest time without a mark of progress.
pub const PROGRESS: Duration = Duration::from_secs(30);

/// Interval between looks at the connection, and for events that no notification announced.
const LOOK: Duration = Duration::from_secs(5);

/// Wait before the database is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Events that are read at a time.
const AT_A_TIME: i64 = 1_000;

/// Relays until cut off.
pub async fn run(alerts: UserAlerts, context: LoopContext) {
    let mut sent = None;
    loop {
        context.progressed();
        if let Err(why) = follow(&alerts, &mut sent, &context).await {
            context.degraded(why);
        }
        sleep(PAUSE).await;
    }
}

async fn follow(
    alerts: &UserAlerts,
    sent: &mut Option<i64>,
    context: &LoopContext,
) -> Result<(), String> {
    let store = alerts.0.source.store();
    let store = store.ok_or_else(|| AlertError::Unavailable.to_string())?;
    let mut listener = store
        .listen(CHANNEL)
        .await
        .map_err(|error| error.to_string())?;
    publish(alerts, sent).await?;
    alerts.0.applied.raise();
    context.running();
    let mut turn = interval(LOOK);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            heard = listener.next() => {
                let heard = heard.ok_or("the listening connection has ended")?;
                take_in(alerts, sent, &heard, &mut listener).await?;
            }
            _ = turn.tick() => {
                context.progressed();
                listener.ping(LOOK).await.map_err(|error| error.to_string())?;
                publish(alerts, sent).await?;
            }
        }
    }
}

/// Takes in an announcement and those that have come with it.
async fn take_in(
    alerts: &UserAlerts,
    sent: &mut Option<i64>,
    first: &str,
    listener: &mut Listener,
) -> Result<(), String> {
    let (mut fired, mut applied) = (false, false);
    let mut note = |heard: &str| match heard {
        "fired" => fired = true,
        "applied" => applied = true,
        _ => {}
    };
    note(first);
    while let Some(Some(heard)) = listener.next().now_or_never() {
        note(&heard);
    }
    if fired {
        publish(alerts, sent).await?;
    }
    if applied {
        alerts.0.applied.raise();
    }
    Ok(())
}

/// Sends the events since the last time to those who follow their alerts.
async fn publish(alerts: &UserAlerts, sent: &mut Option<i64>) -> Result<(), String> {
    let text = |error: AlertError| error.to_string();
    let session = alerts.session().await.map_err(text)?;
    let sql = "SELECT coalesce(max(sequence), 0) FROM alert_events";
    let rows = query(&session, "look for events", sql, &[]).await;
    let rows = rows.map_err(|error| error.to_string())?;
    let newest: i64 = rows.first().map_or(0, |row| row.get(0));
    let followed = alerts.0.hub.followed_alerts();
    let Some(mut from) = sent.filter(|_| !followed.is_empty()) else {
        *sent = Some(newest);
        return Ok(());
    };
    while from < newest {
        let sql = format!(
            "SELECT {COLUMNS} FROM alert_events e JOIN alerts a ON a.id = e.alert_id \
             WHERE e.sequence > $1 AND e.sequence <= $2 AND e.user_id = ANY($3) \
             ORDER BY e.sequence LIMIT $4"
        );
        let rows = query(
            &session,
            "read events",
            &sql,
            &[&from, &newest, &followed, &AT_A_TIME],
        )
        .await
        .map_err(|error| error.to_string())?;
        for row in &rows {
            let event = event(row).map_err(|error| error.to_string())?;
            from = event.cursor;
            alerts.0.hub.publish_alert(event.user, &event);
        }
        if i64::try_from(rows.len()).unwrap_or(AT_A_TIME) < AT_A_TIME {
            from = newest;
        }
        *sent = Some(from);
    }
    Ok(())
}
