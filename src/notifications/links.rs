//! Links in messages, each good for one thing: to acknowledge what a message is about, or to get no more emails.
//! Nothing of them is stored: a link is what it does, sealed.

use chrono::{DateTime, TimeDelta, Utc};
use coinsphere_pipelines::store::execute;
use data_encoding::BASE64URL_NOPAD;
use tokio_postgres::types::ToSql;
use url::Url;
use uuid::Uuid;

use super::error::NotificationError;
use super::service::Notifications;

/// The owner that links are sealed for.
const OWNER: &[u8] = b"notification link";

/// The time for which a link acknowledges.
const LIFE: TimeDelta = TimeDelta::days(1);

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotificationLink {
    /// Acknowledges what a message of a channel was about: of the notifications from one number to another those that
    /// were due together.
    Acknowledge {
        /// The channel.
        channel: Uuid,
        /// The first and the last number.
        numbers: (i64, i64),
        /// They are urgent: those that are not go out by other messages.
        is_urgent: bool,
        /// Until when, in seconds since 1970.
        until: i64,
    },
    /// Ends the emails of a channel.
    Unsubscribe {
        /// The channel.
        channel: Uuid,
    },
}

impl NotificationLink {
    pub(super) fn acknowledge(
        channel: Uuid,
        numbers: (i64, i64),
        is_urgent: bool,
        now: DateTime<Utc>,
    ) -> Self {
        let until = (now + LIFE).timestamp();
        Self::Acknowledge {
            channel,
            numbers,
            is_urgent,
            until,
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Acknowledge {
                channel,
                numbers: (first, last),
                is_urgent,
                until,
            } => [
                if is_urgent { &b"A"[..] } else { b"a" },
                &channel.as_bytes()[..],
                &first.to_be_bytes(),
                &last.to_be_bytes(),
                &until.to_be_bytes(),
            ]
            .concat(),
            Self::Unsubscribe { channel } => [&b"u"[..], &channel.as_bytes()[..]].concat(),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (purpose, rest) = bytes.split_first()?;
        let (channel, rest) = rest.split_first_chunk::<16>()?;
        let channel = Uuid::from_bytes(*channel);
        match purpose {
            b'a' | b'A' => {
                let (first, rest) = rest.split_first_chunk::<8>()?;
                let (last, until) = rest.split_first_chunk::<8>()?;
                let of = |bytes: &[u8; 8]| i64::from_be_bytes(*bytes);
                Some(Self::Acknowledge {
                    channel,
                    numbers: (of(first), of(last)),
                    is_urgent: *purpose == b'A',
                    until: of(until.try_into().ok()?),
                })
            }
            b'u' if rest.is_empty() => Some(Self::Unsubscribe { channel }),
            _ => None,
        }
    }
}

impl Notifications {
    pub(super) fn link_to(&self, link: NotificationLink) -> Result<Url, NotificationError> {
        let nonce = self.0.randomness.bytes();
        let sealed = self.0.cipher.seal(OWNER, &link.to_bytes(), nonce)?;
        let token = BASE64URL_NOPAD.encode(&sealed);
        let url = format!("{}/api/v1/notification-links/{token}", self.0.server);
        Url::parse(&url)
            .map_err(|_| NotificationError::Conflict("accounts.public_url is no URL".to_owned()))
    }

    /// What a link does.
    ///
    /// # Errors
    /// When the server has made no such link, or it was too long ago.
    pub fn read_link(&self, token: &str) -> Result<NotificationLink, NotificationError> {
        let unknown = || NotificationError::Unknown("link, or it is too old");
        let sealed = BASE64URL_NOPAD
            .decode(token.as_bytes())
            .map_err(|_| unknown())?;
        let opened = self.0.cipher.unseal(OWNER, &sealed);
        let opened = opened.map_err(|_| unknown())?;
        let link = NotificationLink::from_bytes(&opened).ok_or_else(unknown)?;
        match link {
            NotificationLink::Acknowledge { until, .. } if until <= self.now().timestamp() => {
                Err(unknown())
            }
            link => Ok(link),
        }
    }

    /// Does what a link is for; once more is no other.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn follow_link(&self, link: NotificationLink) -> Result<(), NotificationError> {
        let session = self.session().await?;
        match link {
            NotificationLink::Acknowledge {
                channel,
                numbers: (first, last),
                is_urgent,
                until,
            } => {
                // Nothing that became due after the message was made: that is in another one.
                let made =
                    DateTime::from_timestamp(until, 0).unwrap_or(DateTime::UNIX_EPOCH) - LIFE;
                let made = made + TimeDelta::seconds(1);
                let sql = "UPDATE notifications SET acknowledged_at = $4, \
                     read_at = coalesce(read_at, $4) \
                     WHERE number BETWEEN $2 AND $3 AND acknowledged_at IS NULL AND EXISTS \
                       (SELECT FROM deliveries d WHERE d.notification_id = notifications.id \
                         AND d.channel_id = $1 AND d.is_urgent = $5 AND d.next_attempt_at < $6)";
                let given: &[&(dyn ToSql + Sync)] =
                    &[&channel, &first, &last, &self.now(), &is_urgent, &made];
                execute(&session, "acknowledge by a link", sql, given).await?;
            }
            NotificationLink::Unsubscribe { channel } => {
                let sql = "UPDATE notification_channels SET state = 'disabled', \
                     reason = 'unsubscribed by a link in an email' WHERE id = $1 AND kind = 'email'";
                execute(&session, "end the emails of a channel", sql, &[&channel]).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_was_made() {
        let channel = Uuid::from_u128(7);
        for link in [
            NotificationLink::acknowledge(channel, (3, 900), false, DateTime::UNIX_EPOCH),
            NotificationLink::acknowledge(channel, (3, 900), true, DateTime::UNIX_EPOCH),
            NotificationLink::Unsubscribe { channel },
        ] {
            let bytes = link.to_bytes();
            assert_eq!(NotificationLink::from_bytes(&bytes), Some(link));
            for end in 0..bytes.len() {
                assert_eq!(NotificationLink::from_bytes(&bytes[..end]), None, "{end}");
            }
        }
    }
}
