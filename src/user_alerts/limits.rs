//! The bounds of what a user may have of alerts: the one place that says them.

/// The most alerts of a user, those that have fired included.
pub const MOST_ALERTS: i64 = 1_000;

/// The most channels of an alert.
pub const MOST_CHANNELS: usize = 20;

/// The most steps of an escalation.
pub const MOST_STEPS: usize = 5;

/// The longest wait for a step of escalation, in minutes.
pub const LONGEST_WAIT: u32 = 24 * 60;

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 100;

/// The longest note, in characters.
pub const LONGEST_NOTE: usize = 1_000;
