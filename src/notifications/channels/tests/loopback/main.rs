//! Channels against servers on loopback that enforce what the real services enforce.
#![allow(
    clippy::disallowed_methods,
    reason = "a test's own tasks end with it, and Standard Webhooks' library takes the time of the system"
)]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod messengers;
mod outbound;
mod server;
mod tls;
mod web_push;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use coinsphere_channels::{
    Attempt, Channel, DeliveryError, Field, Lookup, Message, MessageKind, OutboundClient,
    OutboundLimits, OutboundPolicy, Severity, VapidKey,
};

/// A client that may reach these destinations, looks names up here, and trusts nobody's certificate.
pub fn client(allow: &[String], lookup: Lookup) -> OutboundClient {
    client_within(Duration::from_secs(5), allow, lookup)
}

/// The client with this limit of the whole time.
pub fn client_within(whole: Duration, allow: &[String], lookup: Lookup) -> OutboundClient {
    trusting(rustls::RootCertStore::empty(), whole, allow, lookup)
}

/// The client that trusts these authorities.
pub fn trusting(
    roots: rustls::RootCertStore,
    whole: Duration,
    allow: &[String],
    lookup: Lookup,
) -> OutboundClient {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let policy = OutboundPolicy {
        allow: allow.iter().map(|open| open.parse().unwrap()).collect(),
        deny: Vec::new(),
    };
    let limits = OutboundLimits {
        whole,
        ..OutboundLimits::default()
    };
    OutboundClient::new(tls, policy, limits, lookup)
}

/// A lookup that no test with literal hosts may reach.
pub fn no_lookup() -> Lookup {
    Arc::new(|name| panic!("{name} was looked up"))
}

pub fn message() -> Message {
    Message {
        event_id: "0194e3a0-0000-7000-8000-000000000001".parse().unwrap(),
        kind: MessageKind::AlertFired,
        severity: Severity::Urgent,
        title: "BTC above 60,000 & rising".to_owned(),
        body: "BTCUSDT traded at <60,001.50> on Binance.".to_owned(),
        link: Some(
            "https://coinsphere.example/alerts/7?a=1&b=2"
                .parse()
                .unwrap(),
        ),
        fields: vec![Field {
            name: "Price".to_owned(),
            value: "60,001.50 USDT".to_owned(),
        }],
        time: "2026-11-27T12:00:00.250Z".parse().unwrap(),
        rule_id: Some("0194e3a0-0000-7000-8000-000000000002".parse().unwrap()),
    }
}

/// The message with texts longer than any channel takes.
pub fn long_message(character: char) -> Message {
    let long: String = std::iter::repeat_n(character, 10_000).collect();
    let field = Field {
        name: long.clone(),
        value: long.clone(),
    };
    Message {
        title: long.clone(),
        body: long,
        fields: vec![field; 40],
        ..message()
    }
}

pub fn channel(settings: serde_json::Value) -> Channel {
    serde_json::from_value(settings).unwrap()
}

/// Delivers at this time.
pub async fn deliver_at(
    now: DateTime<Utc>,
    channel: &Channel,
    client: &OutboundClient,
    message: &Message,
) -> Result<(), DeliveryError> {
    let vapid = VapidKey::new(&[9; 32], "mailto:operator@coinsphere.example").unwrap();
    let attempt = Attempt {
        now,
        random: &|| [5; 32],
        vapid: Some(&vapid),
    };
    channel.deliver(client, message, &attempt).await
}

/// Delivers a second after the event.
pub async fn deliver(
    channel: &Channel,
    client: &OutboundClient,
    message: &Message,
) -> Result<(), DeliveryError> {
    let now = "2026-11-27T12:00:01Z".parse().unwrap();
    deliver_at(now, channel, client, message).await
}
