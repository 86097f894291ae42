//! A message before any channel has shaped it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use crate::text::one_line;

/// Characters of a body that any channel looks at; the rest could be sent by none.
const BODY_CHARACTERS: usize = 20_000;

/// Occasion of a message, as the `type` of a webhook names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    /// An alert has fired.
    #[serde(rename = "alert.fired")]
    AlertFired,
    /// A channel is tried out.
    #[serde(rename = "channel.test")]
    ChannelTest,
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

    /// What `render` makes of the longest beginning of this message that is within the channel's limit.
    /// `excess` measures by how much it is not. The body is shortened first, then fields are left out from the
    /// last, then the link and the end of the title.
    pub(crate) fn within<T>(&self, render: impl Fn(&Self) -> T, excess: impl Fn(&T) -> usize) -> T {
        let mut message = self.clone();
        message.title = one_line(&message.title).into_owned();
        cut(
            &mut message.body,
            self.body.chars().count().saturating_sub(BODY_CHARACTERS),
        );
        loop {
            let rendered = render(&message);
            let excess = excess(&rendered);
            // A character counts at most six units: four bytes, or `\u001f` in JSON.
            let characters = excess.div_ceil(6);
            if excess == 0 {
                return rendered;
            } else if !message.body.is_empty() {
                cut(&mut message.body, characters);
            } else if message.fields.pop().is_some() || message.link.take().is_some() {
            } else if !message.title.is_empty() {
                cut(&mut message.title, characters);
            } else {
                return rendered;
            }
        }
    }
}

/// Cuts characters off the end, and puts an ellipsis there.
fn cut(text: &mut String, characters: usize) {
    const ELLIPSIS: &str = "…";
    if characters == 0 {
        return;
    }
    let was_cut = text.ends_with(ELLIPSIS);
    let count = text.chars().count();
    let left = count.saturating_sub(characters + 1);
    let end = text
        .char_indices()
        .nth(left)
        .map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    if !text.is_empty() || (!was_cut && count > 1) {
        text.push_str(ELLIPSIS);
    }
}
