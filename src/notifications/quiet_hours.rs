//! Quiet hours of a channel: from one time of day to another, by the clocks of a time zone.

use coinsphere_pipelines::store::query;

use super::error::NotificationError;
use super::service::Notifications;

/// Quiet hours. They may pass midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    /// From this time of day on, `22:00`.
    pub from: String,
    /// Until this one.
    pub to: String,
    /// The time zone by its IANA name, `Europe/Berlin`.
    pub time_zone: String,
}

/// `22:00`.
fn is_time_of_day(text: &str) -> bool {
    let is_number = |text: &str, limit: u8| {
        text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u8>().is_ok_and(|number| number < limit)
    };
    text.split_once(':')
        .is_some_and(|(hour, minute)| is_number(hour, 24) && is_number(minute, 60))
}

impl QuietHours {
    pub(super) fn of(
        from: Option<String>,
        to: Option<String>,
        time_zone: Option<String>,
    ) -> Option<Self> {
        Some(Self {
            from: from?,
            to: to?,
            time_zone: time_zone?,
        })
    }

    pub(super) fn parts(hours: Option<&Self>) -> (Option<&str>, Option<&str>, Option<&str>) {
        (
            hours.map(|hours| hours.from.as_str()),
            hours.map(|hours| hours.to.as_str()),
            hours.map(|hours| hours.time_zone.as_str()),
        )
    }
}

impl Notifications {
    /// Refuses times that are none, and time zones that the database does not know.
    pub(super) async fn check_quiet_hours(
        &self,
        hours: Option<&QuietHours>,
    ) -> Result<(), NotificationError> {
        let Some(hours) = hours else {
            return Ok(());
        };
        for (field, time) in [
            ("quiet_hours.from", &hours.from),
            ("quiet_hours.to", &hours.to),
        ] {
            if !is_time_of_day(time) {
                let detail = "use a time of day, 00:00 to 23:59";
                return Err(NotificationError::wrong(field, detail));
            }
        }
        if hours.from == hours.to {
            let detail = "use another time than quiet_hours.from";
            return Err(NotificationError::wrong("quiet_hours.to", detail));
        }
        let session = self.session().await?;
        let sql = "SELECT FROM pg_timezone_names WHERE name = $1 \
             AND (name = 'UTC' OR name LIKE '%/%') LIMIT 1";
        let known = query(&session, "look for a time zone", sql, &[&hours.time_zone]).await?;
        match known.is_empty() {
            true => Err(NotificationError::wrong(
                "quiet_hours.time_zone",
                "use UTC or a name such as Europe/Berlin",
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_four_digits() {
        for good in ["00:00", "09:30", "23:59"] {
            assert!(is_time_of_day(good), "{good}");
        }
        for bad in [
            "", "9:30", "24:00", "12:60", "12", "12:00:00", "+1:00", "١٢:00",
        ] {
            assert!(!is_time_of_day(bad), "{bad}");
        }
    }
}
