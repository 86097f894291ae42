//! Names of kinds and severities as the database has them.

use super::channels::{MessageKind, Severity};

pub(super) const fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::AlertFired => "alert.fired",
        MessageKind::ChannelTest => "channel.test",
    }
}

pub(super) const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Normal => "normal",
        Severity::Urgent => "urgent",
    }
}
