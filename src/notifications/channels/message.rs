//! A message before any channel has shaped it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::text::{escaped, one_line};

/// Characters of a body that any channel looks at; the rest could be sent by none.
const BODY: usize = 20_000;
/// Characters of a title, which is one line.
const TITLE: usize = 300;
/// Fields that any channel looks at, with the characters of their names and values: those of a Discord embed.
const FIELDS: usize = 25;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;

/// Occasion of a message, as the `type` of a webhook names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    /// An alert has fired.
    #[serde(rename = "alert.fired")]
    AlertFired,
    /// An alert is tried out.
    #[serde(rename = "alert.test")]
    AlertTest,
    /// A channel is tried out.
    #[serde(rename = "channel.test")]
    ChannelTest,
    /// A channel was disabled.
    #[serde(rename = "channel.disabled")]
    ChannelDisabled,
}

/// Severity, which each channel maps to its own priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Makes no noise where a channel knows such messages.
    Info,
    /// The usual.
    Normal,
    /// Comes through where a channel knows such messages.
    Urgent,
}

/// A named value of a message, such as a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A message. Its texts are plain: each channel escapes them for its own markup, and shortens them to its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The event, the same in each attempt, by which receivers know a repetition.
    pub event_id: Uuid,
    /// Its occasion.
    pub kind: MessageKind,
    /// Its severity.
    pub severity: Severity,
    /// A line.
    pub title: String,
    /// Text, in lines.
    pub body: String,
    /// Where to read more.
    pub link: Option<Url>,
    /// Values, in the order to be shown.
    pub fields: Vec<Field>,
    /// When the event happened.
    pub time: DateTime<Utc>,
    /// The rule it comes from: where a channel can, a newer message replaces an older one of the same rule.
    pub rule_id: Option<Uuid>,
}

impl Message {
    /// A message that tries a channel out.
    #[must_use]
    pub fn test(event_id: Uuid, time: DateTime<Utc>) -> Self {
        Self {
            event_id,
            kind: MessageKind::ChannelTest,
            severity: Severity::Normal,
            title: "Test message".to_owned(),
            body: "This channel works: alerts will arrive here.".to_owned(),
            link: None,
            fields: Vec::new(),
            time,
            rule_id: None,
        }
    }

    /// Everything in one text after the title: body, fields and link.
    pub(crate) fn text(&self) -> String {
        let fields = self
            .fields
            .iter()
            .map(|field| format!("{}: {}", one_line(&field.name), one_line(&field.value)));
        let link = self.link.as_ref().map(ToString::to_string);
        let lines: Vec<String> = std::iter::once(self.body.clone())
            .chain(fields)
            .chain(link)
            .filter(|line| !line.trim().is_empty())
            .collect();
        lines.join("\n")
    }

    /// Renders the longest beginning of this message that is within the channel's limit, where
    /// `excess` measures by how much it is not. The body is shortened first, then fields are left out from the
    /// last, then the link and the end of the title.
    pub(crate) fn within<T>(&self, render: impl Fn(&Self) -> T, excess: impl Fn(&T) -> usize) -> T {
        let mut message = self.bounded();
        let fitting = |message: &Self| Some(render(message)).filter(|made| excess(made) == 0);
        if let Some(whole) = fitting(&message) {
            return whole;
        }
        let body = std::mem::take(&mut message.body);
        let with_body = longest(&body, |body| {
            message.body = body;
            fitting(&message)
        });
        message.body.clear();
        if let Some(made) = with_body {
            return made;
        }
        while message.fields.pop().is_some() || message.link.take().is_some() {
            if let Some(made) = fitting(&message) {
                return made;
            }
        }
        let title = std::mem::take(&mut message.title);
        let with_title = longest(&title, |title| {
            message.title = title;
            fitting(&message)
        });
        message.title.clear();
        with_title.unwrap_or_else(|| render(&message))
    }

    /// The message with a title in one line, and no more of the rest than any channel takes.
    fn bounded(&self) -> Self {
        let start = |text: &str, most: usize| escaped(text, most, |_| None, |_| 1);
        let title = one_line(&self.title);
        let title = match title.trim() {
            "" => "Coinsphere",
            title => title,
        };
        let field = |field: &Field| Field {
            name: start(&one_line(&field.name), FIELD_NAME),
            value: start(&field.value, FIELD_VALUE),
        };
        Self {
            title: start(title, TITLE),
            body: start(&self.body, BODY),
            fields: self.fields.iter().take(FIELDS).map(field).collect(),
            ..self.clone()
        }
    }
}

/// Applies `make` to the longest beginning of a text for which it makes something; the whole text is known to
/// be too long.
fn longest<T>(text: &str, mut make: impl FnMut(String) -> Option<T>) -> Option<T> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let mut best = make(String::new())?;
    let (mut enough, mut too_many) = (0, starts.len());
    while too_many - enough > 1 {
        let middle = enough.midpoint(too_many);
        match make(format!("{}…", &text[..starts[middle]])) {
            Some(made) => (best, enough) = (made, middle),
            None => too_many = middle,
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        let field = |name: &str| Field {
            name: name.to_owned(),
            value: "1".to_owned(),
        };
        Message {
            event_id: Uuid::nil(),
            kind: MessageKind::ChannelTest,
            severity: Severity::Normal,
            title: "title".to_owned(),
            body: body.to_owned(),
            link: Some(Url::parse("https://a.example/").unwrap()),
            fields: vec![field("a"), field("b")],
            time: DateTime::UNIX_EPOCH,
            rule_id: None,
        }
    }

    fn text_within(body: &str, limit: usize) -> String {
        let text = |message: &Message| format!("{}\n{}", message.title, message.text());
        message(body).within(text, |text| text.chars().count().saturating_sub(limit))
    }

    #[test]
    fn a_message_is_as_long_as_its_channel_allows() {
        let rest = "a: 1\nb: 1\nhttps://a.example/";
        for (body, limit, text) in [
            ("0123456789", 45, format!("title\n0123456789\n{rest}")),
            ("0123456789", 44, format!("title\n01234567…\n{rest}")),
            ("0123456789", 37, format!("title\n0…\n{rest}")),
            ("0123456789", 36, format!("title\n{rest}")),
            (
                "0123456789",
                30,
                "title\na: 1\nhttps://a.example/".to_owned(),
            ),
            ("0123456789", 24, "title\nhttps://a.example/".to_owned()),
            ("0123456789", 23, "title\n".to_owned()),
            ("0123456789", 5, "tit…\n".to_owned()),
            ("0123456789", 0, "\n".to_owned()),
        ] {
            assert_eq!(text_within(body, limit), text, "{limit}");
        }
    }

    #[test]
    fn no_text_is_longer_than_any_channel_takes() {
        let mut long = message(&"x".repeat(1_000_000));
        long.title = " \n ".to_owned();
        long.fields = vec![long.fields[0].clone(); 1000];
        let bounded = long.within(Clone::clone, |_| 0);
        assert_eq!(bounded.title, "Coinsphere");
        assert_eq!(bounded.body.chars().count(), BODY);
        assert_eq!(bounded.fields.len(), FIELDS);
    }
}
