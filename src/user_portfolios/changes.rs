//! Changes of portfolios, announced between processes by the database: whoever commits one notifies a channel
//! in the same transaction, and every process that keeps live values listens to it.

use std::time::Duration;

use coinsphere_pipelines::store::{GenericClient, Store, StoreError, query};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::{PortfolioChanged, UserPortfolios};

/// Channel on which the database announces changes: the portfolio, its version, and the time from which it differs
/// in nanoseconds since 1970; a portfolio that is gone has no version.
const CHANNEL: &str = "coinsphere_portfolios";

/// The interval at which the listening connection is asked for a sign of life, and how long that may take. A change
/// made elsewhere may go unheard for at most their sum.
const PULSE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(2);

/// The time to wait before listening again.
const RETRY: Duration = Duration::from_millis(500);

/// The statement that makes a version grow, and announces it once the transaction is committed.
pub(super) const CHANGE: &str = "UPDATE portfolios SET version = version + 1, next_number = next_number + $2, \
     transactions = transactions + $2 - $3 WHERE id = $1 \
     RETURNING version, pg_notify('coinsphere_portfolios', concat_ws(' ', id, version, $4::bigint))";

/// Announces that these portfolios of a user are gone, once the transaction is committed: one, or all.
pub(super) async fn announce_gone<C: GenericClient>(
    database: &C,
    user: Uuid,
    portfolio: Option<Uuid>,
) -> Result<(), StoreError> {
    let sql = "SELECT pg_notify($1, id::text) FROM portfolios \
         WHERE user_id = $2 AND ($3::uuid IS NULL OR id = $3)";
    let given = &[&CHANNEL as _, &user as _, &portfolio as _];
    query(database, "announce that portfolios are gone", sql, given).await?;
    Ok(())
}

/// An announcement, as it is written.
fn read(announced: &str) -> Option<PortfolioChanged> {
    let mut words = announced.split(' ');
    let portfolio = words.next()?.parse().ok()?;
    let mut number = || words.next().map(str::parse).transpose().ok();
    Some(PortfolioChanged {
        portfolio,
        version: number()?,
        since: number()?,
    })
}

impl UserPortfolios {
    /// Passes on the changes that any process makes, until dropped. `listening` is true while all of them are
    /// heard.
    pub(super) async fn hear_changes(&self, listening: &watch::Sender<bool>) {
        loop {
            if let Some(store) = self.0.source.store() {
                let error = self.listen(&store, listening).await.err();
                let error = error.map(|error| error.to_string());
                tracing::warn!(
                    error,
                    "changes of portfolios are not heard of: asking for versions every second"
                );
                listening.send_replace(false);
            }
            sleep(RETRY).await;
        }
    }

    async fn listen(
        &self,
        store: &Store,
        listening: &watch::Sender<bool>,
    ) -> Result<(), StoreError> {
        let mut listener = store.listen(CHANNEL).await?;
        listening.send_replace(true);
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = listener.next() => match heard {
                    Some(announced) => {
                        if let Some(changed) = read(&announced) {
                            self.announce(changed);
                        }
                    }
                    None => return Ok(()),
                },
                _ = pulse.tick() => listener.ping(PATIENCE).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_read_and_others_are_not() {
        let id = Uuid::from_u128(7);
        let change = |version, since| {
            Some(PortfolioChanged {
                portfolio: id,
                version,
                since,
            })
        };
        assert_eq!(read(&id.to_string()), change(None, None));
        assert_eq!(read(&format!("{id} 3")), change(Some(3), None));
        assert_eq!(read(&format!("{id} 3 -5")), change(Some(3), Some(-5)));
        for other in ["", "x 3", &format!("{id} x"), &format!("{id} 3 x")] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
