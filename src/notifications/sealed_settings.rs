//! The settings of a channel as they are stored: JSON, sealed for the channel.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::address::recipient;
use super::channels::Channel;
use super::error::NotificationError;
use super::service::Notifications;
use crate::secrets::{SecretError, hash};

/// Settings, and until when a replaced secret signs too.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredSettings {
    /// With `kind`.
    pub(super) channel: Map<String, Value>,
    pub(super) previous_until: Option<DateTime<Utc>>,
}

/// How a channel sends.
pub(super) enum Transport {
    /// By a request.
    Request(Channel),
    /// By the outbox of emails.
    Email(EmailChannelSettings),
}

/// The settings of emails.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailChannelSettings {
    #[serde(rename = "kind")]
    _kind: String,
    /// To whom.
    pub(super) address: String,
}

/// The kind of channels that send emails.
pub(super) const EMAIL: &str = "email";

impl StoredSettings {
    /// How it sends at this time.
    pub(super) fn transport(&self, now: DateTime<Utc>) -> Result<Transport, serde_json::Error> {
        let mut settings = self.channel.clone();
        if settings.get("kind").and_then(Value::as_str) == Some(EMAIL) {
            let settings: EmailChannelSettings = serde_json::from_value(Value::Object(settings))?;
            return match recipient(&settings.address) {
                Some(_) => Ok(Transport::Email(settings)),
                None => Err(de::Error::custom("address: no email can be sent to it")),
            };
        }
        if self.previous_until.is_none_or(|until| until <= now) {
            settings.remove("previous_secret");
        }
        serde_json::from_value(Value::Object(settings)).map(Transport::Request)
    }

    /// SHA-256 of where it sends to, by which channels with the same recipient are known.
    pub(super) fn recipient(&self) -> Vec<u8> {
        let names = [
            "kind", "url", "server", "endpoint", "topic", "chat_id", "address",
        ];
        // Where the token alone says which of a server's recipients it is.
        let by_token = !self.channel.contains_key("topic") && !self.channel.contains_key("chat_id");
        let token = by_token.then_some("token");
        let parts = names.into_iter().chain(token).map(|name| {
            let value = self.channel.get(name).and_then(Value::as_str);
            value.unwrap_or_default().trim_end_matches('/')
        });
        hash(&parts.collect::<Vec<_>>().join("\n"))
    }

    /// The host it sends to: the rest of a URL may be a secret.
    pub(super) fn host(&self) -> Option<String> {
        if let Some(address) = self.channel.get("address").and_then(Value::as_str) {
            return address.rsplit_once('@').map(|(_, host)| host.to_owned());
        }
        let urls = ["url", "server", "endpoint"].map(|name| self.channel.get(name));
        let url = urls.into_iter().flatten().find_map(Value::as_str);
        match url {
            Some(url) => url::Url::parse(url).ok()?.host_str().map(str::to_owned),
            None => None,
        }
    }
}

impl Notifications {
    pub(super) fn seal(
        &self,
        channel: Uuid,
        settings: &StoredSettings,
    ) -> Result<Vec<u8>, NotificationError> {
        let json = serde_json::to_vec(settings)
            .map_err(|_| SecretError("the settings cannot be written".to_owned()))?;
        let inner = &self.0;
        Ok(inner
            .cipher
            .seal(channel.as_bytes(), &json, inner.randomness.bytes())?)
    }

    pub(super) fn unseal(
        &self,
        channel: Uuid,
        sealed: &[u8],
    ) -> Result<StoredSettings, NotificationError> {
        let json = self.0.cipher.unseal(channel.as_bytes(), sealed)?;
        Ok(serde_json::from_slice(&json)
            .map_err(|_| SecretError("stored settings cannot be read".to_owned()))?)
    }
}
