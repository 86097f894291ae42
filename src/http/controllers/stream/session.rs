//! One client's stream: reads its requests, writes what the hub has for it, keeps the heartbeat.
//! One task, so a client's memory is its mailbox and one batch.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use coinsphere_actors::push::{Client, Frame, PushHub, SubscribeError, Topic};
use coinsphere_pipelines::clock::SharedClock;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use uuid::Uuid;

use super::protocol::{End, ErrorCode, Reply, Request, RequestId};
use crate::accounts::Accounts;
use crate::http::middleware::identity::{MarketAccess, StreamOwner};
use crate::http::settings::StreamSettings;
use crate::user_alerts::{AlertError, UserAlerts};
use crate::user_portfolios::{PortfolioError, UserPortfolios};

/// The version of the messages, sent in the welcome.
const PROTOCOL: u32 = 1;
/// Messages written before the socket is looked at again.
const BATCH: usize = 64;
/// Invalid messages that a client may send.
const MAX_ERRORS: u32 = 10;
/// Messages that a client may send within a second.
const MAX_MESSAGES_PER_SECOND: u32 = 100;
/// Time that a close may take to be sent and answered.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Missed events that are sent at a time.
const REPLAYED: u32 = 500;

/// Interval at which the owner of a stream with portfolios is checked.
const OWNER_IS_LOOKED_AT: Duration = Duration::from_secs(1);

/// As whom a client was admitted, and who knows whether that is still valid.
pub(super) struct Admitted {
    pub(super) market: MarketAccess,
    /// Whose portfolios and alerts it may follow.
    pub(super) owner: Option<StreamOwner>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) portfolios: UserPortfolios,
    pub(super) alerts: UserAlerts,
}

impl Admitted {
    async fn is_still_valid(&self) -> bool {
        self.market.is_still_valid(&self.accounts).await
            && match self.owner {
                Some(owner) => owner.is_still_valid(&self.accounts).await,
                None => true,
            }
    }

    /// Refuses a portfolio that is not the client's own.
    async fn may_follow(&self, portfolio: Uuid) -> Result<(), (ErrorCode, String)> {
        const WHO: &str = "portfolios are for their owners: sign in with a verified address, or send a key with portfolio:read";
        let owner = self.owner.filter(|owner| owner.reads_portfolios);
        let owner = self.verified(owner, WHO).await?;
        match self.portfolios.portfolio(owner.user.0, portfolio).await {
            Ok(_) => Ok(()),
            Err(PortfolioError::Unknown(_)) => {
                let detail = format!(
                    "cannot subscribe to portfolio:{portfolio}: there is no such portfolio"
                );
                Err((ErrorCode::UnknownPortfolio, detail))
            }
            Err(_) => Err(unavailable()),
        }
    }

    /// Whose alerts the client may follow.
    async fn alerts_of(&self) -> Result<Uuid, (ErrorCode, String)> {
        const WHO: &str = "alerts are for their owners: sign in with a verified address, or send a key with alerts:read";
        let owner = self.owner.filter(|owner| owner.reads_alerts);
        Ok(self.verified(owner, WHO).await?.user.0)
    }

    /// The owner, if there is one and their address is verified.
    async fn verified(
        &self,
        owner: Option<StreamOwner>,
        who: &str,
    ) -> Result<StreamOwner, (ErrorCode, String)> {
        let not_allowed = || (ErrorCode::NotAllowed, who.to_owned());
        let owner = owner.ok_or_else(not_allowed)?;
        match self.accounts.user(owner.user).await {
            Ok(user) if user.email_verified => Ok(owner),
            Ok(_) => Err(not_allowed()),
            Err(_) => Err(unavailable()),
        }
    }
}

fn unavailable() -> (ErrorCode, String) {
    let detail = "the database is unavailable: try again soon".to_owned();
    (ErrorCode::Unavailable, detail)
}

pub(super) struct Session {
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    client: Client,
    settings: Arc<StreamSettings>,
    clock: SharedClock,
    admitted: Admitted,
    /// When it was last looked whether that is still valid.
    looked_at: Instant,
    heartbeat: Interval,
    last_heard: Instant,
    errors: u32,
    second: (Instant, u32),
}

impl Session {
    pub(super) fn new(
        socket: WebSocket,
        client: Client,
        settings: Arc<StreamSettings>,
        clock: SharedClock,
        admitted: Admitted,
    ) -> Self {
        let (sink, stream) = socket.split();
        let now = Instant::now();
        let period = Duration::from_secs(settings.heartbeat_seconds.max(1));
        let mut heartbeat = interval_at(now + period, period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            sink,
            stream,
            client,
            settings,
            clock,
            admitted,
            looked_at: now,
            heartbeat,
            last_heard: now,
            errors: 0,
            second: (now, 0),
        }
    }

    /// Runs until either side ends it, and says why if there is somebody to tell.
    pub(super) async fn run(mut self) {
        let Err(end) = self.talk().await;
        metrics::counter!("coinsphere_push_closed_total", "reason" => end.label()).increment(1);
        tracing::debug!(reason = end.label(), "a stream ended");
        let Some((code, reason)) = end.close_frame() else {
            // Lets the library answer the client's close, if there was one.
            let _ = timeout(CLOSE_PATIENCE, self.sink.close()).await;
            return;
        };
        let close = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        // A peer that does not take the close is cut off. Reading on until it answers keeps the
        // close from being lost: unread bytes would turn ours into a reset.
        let _ = timeout(CLOSE_PATIENCE, async {
            if self.sink.send(Message::Close(Some(close))).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        })
        .await;
    }

    async fn talk(&mut self) -> Result<std::convert::Infallible, End> {
        let welcome = Reply::Welcome {
            protocol: PROTOCOL,
            heartbeat_seconds: self.settings.heartbeat_seconds,
            idle_seconds: self.settings.idle_seconds,
            max_topics: self.settings.max_topics,
            max_message_bytes: self.settings.max_message_bytes,
        };
        self.say(&welcome).await?;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            self.client.take(&mut batch, BATCH)?;
            let idle = batch.is_empty();
            if !idle {
                self.deliver(&mut batch).await?;
            }
            tokio::select! {
                // In this order: a client that is sent much is still heard and still pinged.
                biased;
                _ = self.heartbeat.tick() => self.beat().await?,
                message = self.stream.next() => match message {
                    Some(Ok(message)) => self.hear(message).await?,
                    Some(Err(_)) => return Err(End::Protocol),
                    None => return Err(End::Gone),
                },
                () = self.client.changed(), if idle => {}
                () = std::future::ready(()), if !idle => {}
            }
        }
    }

    /// Writes messages of the hub.
    async fn deliver(&mut self, batch: &mut Vec<Frame>) -> Result<(), End> {
        // What is somebody's own ends with their session, not with the next heartbeat.
        let follows_own = || {
            let mut topics = self.client.topics().iter();
            topics.any(|topic| matches!(topic, Topic::Portfolio(_) | Topic::Alerts(_)))
        };
        if self.looked_at.elapsed() >= OWNER_IS_LOOKED_AT && follows_own() {
            self.look().await?;
        }
        let published: Vec<Instant> = batch.iter().map(|frame| frame.published).collect();
        let messages = batch.drain(..).map(|frame| {
            // The hub's messages are JSON, which is UTF-8.
            Utf8Bytes::try_from(frame.text)
                .map(Message::Text)
                .expect("the hub's messages are JSON")
        });
        let messages: Vec<_> = messages.collect();
        self.write(messages).await?;
        let delay = metrics::histogram!("coinsphere_push_delay_seconds");
        for published in published {
            delay.record(published.elapsed().as_secs_f64());
        }
        Ok(())
    }

    /// Writes messages and flushes. Gives up when the hub closes the client meanwhile, or when the
    /// client takes nothing for as long as it may be silent.
    async fn write(&mut self, messages: Vec<Message>) -> Result<(), End> {
        let sink = &mut self.sink;
        let sent = async {
            for message in messages {
                sink.feed(message).await?;
            }
            sink.flush().await
        };
        tokio::select! {
            biased;
            sent = sent => sent.map_err(|_| End::Gone),
            why = self.client.closed() => Err(why.into()),
            () = sleep(Duration::from_secs(self.settings.idle_seconds)) => Err(End::TooSlow),
        }
    }

    async fn say(&mut self, reply: &Reply<'_>) -> Result<(), End> {
        self.write(vec![Message::Text(reply.text())]).await
    }

    /// Looks whether what the client was admitted with is still valid.
    async fn look(&mut self) -> Result<(), End> {
        self.looked_at = Instant::now();
        match self.admitted.is_still_valid().await {
            true => Ok(()),
            false => Err(End::SignedOut),
        }
    }

    /// The heartbeat: a ping frame, which programs and browsers answer by themselves, and a ping
    /// message, which a page's script can see.
    async fn beat(&mut self) -> Result<(), End> {
        if self.last_heard.elapsed() >= Duration::from_secs(self.settings.idle_seconds) {
            return Err(End::Idle);
        }
        self.look().await?;
        let time = self.clock.now();
        let ping = Message::Text(Reply::Ping { time }.text());
        self.write(vec![Message::Ping(bytes::Bytes::new()), ping])
            .await
    }

    async fn hear(&mut self, message: Message) -> Result<(), End> {
        self.last_heard = Instant::now();
        if self.second.0.elapsed() >= Duration::from_secs(1) {
            self.second = (self.last_heard, 0);
        }
        self.second.1 += 1;
        if self.second.1 > MAX_MESSAGES_PER_SECOND {
            return Err(End::TooManyMessages);
        }
        match message {
            Message::Text(text) if text.len() > self.settings.max_message_bytes as usize => {
                Err(End::TooBig)
            }
            Message::Text(text) => self.answer(&text).await,
            Message::Binary(_) => Err(End::Unsupported),
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(End::Gone),
        }
    }

    async fn answer(&mut self, text: &str) -> Result<(), End> {
        match serde_json::from_str(text) {
            Ok(Request::Subscribe { topics, id, cursor }) => {
                match self.subscribe(&topics, cursor.as_deref()).await {
                    Ok((topics, missed)) => {
                        self.say(&Reply::Subscribed {
                            id,
                            topics: &topics,
                        })
                        .await?;
                        self.replay(missed).await
                    }
                    Err((code, detail)) => self.refuse(id, code, detail).await,
                }
            }
            Ok(Request::Acknowledge { event, id }) => match self.acknowledge(event).await {
                Ok(()) => self.say(&Reply::Acknowledged { id, event }).await,
                Err((code, detail)) => self.refuse(id, code, detail).await,
            },
            Ok(Request::Unsubscribe { topics, id }) => match self.read_own(&topics) {
                Ok(topics) => {
                    for topic in &topics {
                        self.client.unsubscribe(topic);
                    }
                    self.say(&Reply::Unsubscribed {
                        id,
                        topics: &topics,
                    })
                    .await
                }
                Err((code, detail)) => self.refuse(id, code, detail).await,
            },
            Ok(Request::Ping { id }) => self.say(&Reply::Pong { id }).await,
            Ok(Request::Pong {}) => Ok(()),
            Err(error) => {
                let detail = format!(
                    "not a request: {error}; send {{\"type\":\"subscribe\",\"topics\":[\"trades:binance:BTCUSDT\"]}}"
                );
                self.refuse(None, ErrorCode::InvalidMessage, detail).await
            }
        }
    }

    /// The topics, those about alerts being the client's own.
    fn read_own(&self, topics: &[String]) -> Result<Vec<Topic>, (ErrorCode, String)> {
        let owner = self.admitted.owner.map(|owner| owner.user.0);
        let own = |topic| match topic {
            Topic::Alerts(_) => Topic::Alerts(owner),
            topic => topic,
        };
        Ok(read(topics)?.into_iter().map(own).collect())
    }

    async fn acknowledge(&self, event: Uuid) -> Result<(), (ErrorCode, String)> {
        let user = self.admitted.alerts_of().await?;
        match self.admitted.alerts.acknowledge(user, event).await {
            Ok(()) => Ok(()),
            Err(AlertError::Unknown(_)) => {
                let detail = format!("cannot acknowledge {event}: there is no such event");
                Err((ErrorCode::UnknownEvent, detail))
            }
            Err(_) => Err(unavailable()),
        }
    }

    /// Sends the events of a user's alerts after a place in their order.
    async fn replay(&mut self, missed: Option<(Uuid, i64)>) -> Result<(), End> {
        let Some((user, mut after)) = missed else {
            return Ok(());
        };
        loop {
            let events = self.admitted.alerts.events_after(user, after, REPLAYED);
            // Whoever could not be told what they missed connects again and asks again.
            let events = events.await.map_err(|_| End::Interrupted)?;
            let Some(last) = events.last() else {
                return Ok(());
            };
            after = last.cursor;
            let messages = events.iter().map(|event| {
                let text = PushHub::alert_message(user, event);
                Utf8Bytes::try_from(text)
                    .map(Message::Text)
                    .expect("the hub's messages are JSON")
            });
            let messages = messages.collect();
            self.write(messages).await?;
        }
    }

    /// Subscribes to all of the topics or, when one is refused, to none. With a cursor there are missed events
    /// to be sent.
    async fn subscribe(
        &mut self,
        topics: &[String],
        cursor: Option<&str>,
    ) -> Result<(Vec<Topic>, Option<(Uuid, i64)>), (ErrorCode, String)> {
        let topics = self.read_own(topics)?;
        let after = match cursor.map(str::parse::<i64>) {
            None => None,
            Some(Ok(after)) => Some(after),
            Some(Err(_)) => {
                let detail = "cursor is not that of an event".to_owned();
                return Err((ErrorCode::InvalidMessage, detail));
            }
        };
        let mut missed = None;
        for topic in &topics {
            if let Topic::Alerts(_) = topic {
                let user = self.admitted.alerts_of().await?;
                missed = after.map(|after| (user, after));
            }
            if let Topic::Portfolio(portfolio) = topic {
                self.admitted.may_follow(*portfolio).await?;
            }
            self.client
                .may_subscribe(topic)
                .map_err(|error| refusal(error, topic))?;
        }
        let mut added: Vec<&Topic> = Vec::new();
        for topic in &topics {
            let had = self.client.topics().contains(topic);
            match self.client.subscribe(topic) {
                Ok(()) if !had => added.push(topic),
                Ok(()) => {}
                Err(error) => {
                    for topic in added {
                        self.client.unsubscribe(topic);
                    }
                    return Err(refusal(error, topic));
                }
            }
        }
        Ok((topics, missed))
    }

    async fn refuse(
        &mut self,
        id: Option<RequestId>,
        code: ErrorCode,
        detail: String,
    ) -> Result<(), End> {
        if code == ErrorCode::InvalidMessage {
            self.errors += 1;
        }
        let detail = detail.into();
        self.say(&Reply::Error { id, code, detail }).await?;
        if self.errors >= MAX_ERRORS {
            return Err(End::TooManyErrors);
        }
        Ok(())
    }
}

fn read(topics: &[String]) -> Result<Vec<Topic>, (ErrorCode, String)> {
    if topics.is_empty() {
        return Err((ErrorCode::InvalidTopic, "topics is empty".to_owned()));
    }
    topics
        .iter()
        .map(|text| {
            text.parse::<Topic>()
                .map_err(|error| (ErrorCode::InvalidTopic, error.to_string()))
        })
        .collect()
}

fn refusal(error: SubscribeError, topic: &Topic) -> (ErrorCode, String) {
    let code = match error {
        SubscribeError::UnknownInstrument => ErrorCode::UnknownInstrument,
        SubscribeError::TooManyTopics => ErrorCode::TooManyTopics,
        SubscribeError::NobodysAlerts => ErrorCode::NotAllowed,
        SubscribeError::TooManyPortfolios => ErrorCode::TooManyPortfolios,
    };
    (code, format!("cannot subscribe to {topic}: {error}"))
}
