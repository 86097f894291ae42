//! Names of kinds and severities as the database has them.

use super::channels::{MessageKind, Severity};

pub(super) const fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::AlertFired => "alert.fired",
        MessageKind::AlertTest => "alert.test",
        MessageKind::ChannelTest => "channel.test",
        MessageKind::ChannelDisabled => "channel.disabled",
    }
}

pub(super) fn kind_named(name: &str) -> Option<MessageKind> {
    [
        MessageKind::AlertFired,
        MessageKind::AlertTest,
        MessageKind::ChannelTest,
        MessageKind::ChannelDisabled,
    ]
    .into_iter()
    .find(|kind| kind_name(*kind) == name)
}

pub(super) const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Normal => "normal",
        Severity::Urgent => "urgent",
    }
}

pub(super) fn severity_named(name: &str) -> Option<Severity> {
    [Severity::Info, Severity::Normal, Severity::Urgent]
        .into_iter()
        .find(|severity| severity_name(*severity) == name)
}
