//! The messages between client and server, except what the push hub has made already.

use std::borrow::Cow;

use axum::extract::ws::Utf8Bytes;
use coinsphere_actors::push::{Closed, Topic};
use coinsphere_pipelines::market::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A message of a client.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    /// Send me these from now on.
    Subscribe {
        /// The topics.
        topics: Vec<String>,
        /// Comes back with the answer.
        id: Option<RequestId>,
        /// The newest event of alerts that the client has: it is sent those after it.
        cursor: Option<String>,
    },
    /// I have seen this event of an alert.
    Acknowledge {
        /// The event.
        event: Uuid,
        /// Comes back with the answer.
        id: Option<RequestId>,
    },
    /// Send me these no more.
    Unsubscribe {
        /// The topics.
        topics: Vec<String>,
        /// Comes back with the answer.
        id: Option<RequestId>,
    },
    /// Are you there?
    Ping {
        /// Comes back with the answer.
        id: Option<RequestId>,
    },
    /// I am here.
    Pong {},
}

/// Whatever the client numbers its requests with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum RequestId {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

/// A message of the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Reply<'a> {
    /// The first message.
    Welcome {
        protocol: u32,
        heartbeat_seconds: u64,
        idle_seconds: u64,
        max_topics: u32,
        max_message_bytes: u32,
    },
    /// The topics are subscribed to.
    Subscribed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        topics: &'a [Topic],
    },
    /// The topics are no longer subscribed to.
    Unsubscribed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        topics: &'a [Topic],
    },
    /// The event is acknowledged.
    Acknowledged {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        event: Uuid,
    },
    /// The server's heartbeat; may be answered with a pong.
    Ping { time: Timestamp },
    /// The answer to a ping.
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    },
    /// The request was refused, whole.
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        code: ErrorCode,
        detail: Cow<'a, str>,
    },
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ErrorCode {
    /// Not JSON, or not a request.
    InvalidMessage,
    /// Not a topic.
    InvalidTopic,
    /// There is no such instrument.
    UnknownInstrument,
    /// More topics than a client may have.
    TooManyTopics,
    /// There is no such portfolio, or it is somebody else's.
    UnknownPortfolio,
    /// There is no such event of an alert, or it is somebody else's.
    UnknownEvent,
    /// Portfolios and alerts are for their owners, with a verified address.
    NotAllowed,
    /// More portfolios are followed than can be.
    TooManyPortfolios,
    /// The database is away.
    Unavailable,
}

impl Reply<'_> {
    pub(super) fn text(&self) -> Utf8Bytes {
        // Only strings, numbers and lists of them: always JSON.
        serde_json::to_string(self)
            .expect("a reply of strings and numbers is always JSON")
            .into()
    }
}

/// Why the server ends a stream: code and words of the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed it, or the network did.
    Gone,
    /// The program is stopping.
    GoingAway,
    /// The client does not speak WebSocket as it should.
    Protocol,
    /// A binary message.
    Unsupported,
    /// A message longer than allowed.
    TooBig,
    /// Nothing came from the client for too long.
    Idle,
    /// The session or key that the stream was opened with has ended.
    SignedOut,
    /// Too many messages that are no requests.
    TooManyErrors,
    /// Too many messages a second.
    TooManyMessages,
    /// The client took its messages too slowly.
    TooSlow,
    /// Messages were lost between our own processes.
    Interrupted,
}

impl End {
    /// Code (RFC 6455, section 7.4; 4000 and up are ours) and reason; `None` when there is nobody
    /// to tell.
    pub(super) const fn close_frame(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Gone => return None,
            Self::GoingAway => (1001, "the server is stopping, connect again"),
            Self::Protocol => (1002, "not a valid WebSocket message, or far too long"),
            Self::Unsupported => (1003, "send JSON as text"),
            Self::TooBig => (1009, "the message is too long"),
            Self::Idle => (4001, "nothing came from you for too long: answer pings"),
            Self::SignedOut => (4003, "your session or key has ended: sign in again"),
            Self::TooManyErrors => (4002, "too many invalid messages"),
            Self::TooManyMessages => (4004, "too many messages a second"),
            Self::TooSlow => (4008, "you read too slowly: subscribe to less"),
            Self::Interrupted => (4009, "the server lost messages: connect again"),
        })
    }

    /// The label in metrics.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::GoingAway => "going_away",
            Self::Protocol => "protocol",
            Self::Unsupported => "unsupported",
            Self::TooBig => "too_big",
            Self::Idle => "idle",
            Self::SignedOut => "signed_out",
            Self::TooManyErrors => "too_many_errors",
            Self::TooManyMessages => "too_many_messages",
            Self::TooSlow => "too_slow",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Closed> for End {
    fn from(why: Closed) -> Self {
        match why {
            Closed::TooSlow => Self::TooSlow,
            Closed::GoingAway => Self::GoingAway,
            Closed::Interrupted => Self::Interrupted,
        }
    }
}
