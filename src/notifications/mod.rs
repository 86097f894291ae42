//! Messages to users.

mod settings;

pub use settings::MailSettings;
