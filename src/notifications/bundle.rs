//! One message of what is due together.

use super::channels::Message;

/// Titles that a bundle shows.
const SHOWN: usize = 10;

/// One message with the list of these; the message itself, if there is one.
pub(super) fn bundle(messages: &[&Message]) -> Option<Message> {
    let first = *messages.first()?;
    if messages.len() == 1 {
        return Some(first.clone());
    }
    let mut lines: Vec<String> = messages
        .iter()
        .take(SHOWN)
        .map(|message| {
            format!(
                "{} UTC {}",
                message.time.format("%Y-%m-%d %H:%M:%S"),
                message.title
            )
        })
        .collect();
    if messages.len() > SHOWN {
        lines.push(format!("and {} more", messages.len() - SHOWN));
    }
    Some(Message {
        title: format!("{} notifications", messages.len()),
        body: lines.join("\n"),
        severity: messages.iter().map(|message| message.severity).max()?,
        link: None,
        fields: Vec::new(),
        rule_id: None,
        ..first.clone()
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;
    use crate::notifications::channels::{Field, MessageKind, Severity};

    fn message(number: u128, severity: Severity) -> Message {
        Message {
            event_id: Uuid::from_u128(number),
            kind: MessageKind::AlertFired,
            severity,
            title: format!("alert {number}"),
            body: "BTCUSDT traded at 60000".to_owned(),
            link: None,
            fields: vec![Field {
                name: "price".to_owned(),
                value: "60000".to_owned(),
            }],
            time: DateTime::UNIX_EPOCH,
            rule_id: Some(Uuid::from_u128(number)),
        }
    }

    #[test]
    fn one_stays_as_it_is() {
        let one = message(1, Severity::Normal);
        assert_eq!(bundle(&[&one]), Some(one.clone()));
        assert_eq!(bundle(&[]), None);
    }

    #[test]
    fn many_are_a_list_as_severe_as_the_severest() {
        let mut many: Vec<Message> = (0..12)
            .map(|number| message(number, Severity::Info))
            .collect();
        many[7].severity = Severity::Urgent;
        let many: Vec<&Message> = many.iter().collect();
        let made = bundle(&many).unwrap();
        assert_eq!(made.title, "12 notifications");
        let lines: Vec<&str> = made.body.lines().collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0], "1970-01-01 00:00:00 UTC alert 0");
        assert_eq!(lines[10], "and 2 more");
        assert_eq!(made.severity, Severity::Urgent);
        assert_eq!((made.event_id, made.rule_id), (Uuid::nil(), None));
    }
}
