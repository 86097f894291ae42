//! Shared state on Redis (6 or later). Every call has a short deadline; once one was missed, calls
//! fail at once until [`OnRedis::run`] has had an answer again.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{Client, Cmd, FromRedisValue, IntoConnectionInfo as _, RedisError, Script};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Notify, broadcast, oneshot};
use tokio::time::{sleep, timeout};

use super::subscription::{Hearing, QUEUE};
use super::{
    Heard, RateDecision, SharedState, SharedStateError, Subscription, Window, check_key,
    check_value,
};

/// The time Redis may take to answer: longer, and the caller does without.
const PATIENCE: Duration = Duration::from_millis(250);

/// The interval at which Redis is asked for a sign of life, while it is away and while it is not.
const ASK_AWAY: Duration = Duration::from_millis(200);
const ASK_UP: Duration = Duration::from_secs(5);

/// The time that connecting may take.
const CONNECT: Duration = Duration::from_secs(1);

/// The time for which nothing may come back from the other end, and how often it is asked then.
const SILENCE: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(2);

/// Sliding window as a sorted set of requests by time (microseconds of the server's clock, which is
/// the same for all processes). Members need be distinct only.
static PASS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limit = tonumber(ARGV[1])
local length = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - length))
local passed = redis.call('ZCARD', KEYS[1])
local allowed = 0
if passed < limit then
    redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[3])
    redis.call('PEXPIRE', KEYS[1], math.ceil(length / 1000))
    passed = passed + 1
    allowed = 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local frees = 0
if oldest[2] then frees = tonumber(oldest[2]) + length - now end
return {allowed, math.max(limit - passed, 0), math.max(frees, 0)}
",
    )
});

/// A counter whose lifetime begins with its first addition.
static ADD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum
",
    )
});

/// Where Redis is.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `redis://` or `rediss://`.
    pub url: SecretString,
    /// The password, if the URL does not hold it.
    pub password: Option<SecretString>,
    /// Prefix of all keys, so that installations can share a server.
    pub prefix: String,
}

/// Shared state on Redis.
#[derive(Debug)]
pub struct OnRedis {
    link: Link,
}

struct Link {
    client: Client,
    connection: ConnectionManager,
    place: String,
    prefix: String,
    up: AtomicBool,
    failed: Notify,
    /// Makes members of sorted sets distinct, with `origin`.
    requests: AtomicU64,
    origin: uuid::Uuid,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("place", &self.place)
            .field("up", &self.up)
            .finish_non_exhaustive()
    }
}

impl OnRedis {
    /// Prepares the connection, which is made when it is needed: Redis may be away. Must be called
    /// within a tokio runtime. [`OnRedis::run`] is to be run as long as it is used.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn new(config: &RedisConfig) -> Result<Self, SharedStateError> {
        let unreadable = |_: RedisError| SharedStateError::Url;
        let mut info = config
            .url
            .expose_secret()
            .into_connection_info()
            .map_err(unreadable)?;
        if let Some(password) = &config.password {
            let with_password = info
                .redis_settings()
                .clone()
                .set_password(password.expose_secret());
            info = info.set_redis_settings(with_password);
        }
        // A connection whose other end is gone without a word must not be waited on for the minutes
        // that the operating system would.
        let probes = TcpKeepalive::new()
            .with_time(SILENCE)
            .with_interval(PROBE)
            .with_retries(3);
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(probes)
            .set_user_timeout(SILENCE);
        let info = info.set_tcp_settings(tcp);
        let place = format!("Redis at {}", info.addr());
        let client = Client::open(info).map_err(unreadable)?;
        // Retrying is the keeper's: a reconnection that backs off would keep callers out.
        let manager = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(10))
            .set_max_delay(Duration::from_millis(50))
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(PATIENCE));
        let connection =
            ConnectionManager::new_lazy_with_config(client.clone(), manager).map_err(unreadable)?;
        metrics::gauge!("coinsphere_shared_up").set(1.0);
        let link = Link {
            client,
            connection,
            place,
            prefix: config.prefix.clone(),
            up: AtomicBool::new(true),
            failed: Notify::new(),
            requests: AtomicU64::new(0),
            origin: uuid::Uuid::new_v4(),
        };
        Ok(Self { link })
    }

    /// Asks Redis for a sign of life, often while there is none, and calls `see` with each answer.
    /// Never ends. Only this finds that Redis is back: until it is run again, a Redis that went away
    /// stays away.
    pub async fn run(&self, mut see: impl FnMut(bool) + Send) {
        let link = &self.link;
        loop {
            let wait = match link.ask(&redis::cmd("PING")).await {
                Ok(()) => {
                    link.came_up();
                    ASK_UP
                }
                Err(error) => {
                    link.went_away(&error);
                    ASK_AWAY
                }
            };
            see(self.is_up());
            tokio::select! {
                () = sleep(wait) => {}
                () = link.failed.notified() => sleep(ASK_AWAY).await,
            }
        }
    }
}

impl Link {
    fn key(&self, kind: char, key: &str) -> String {
        format!("{}:{kind}:{key}", self.prefix)
    }

    /// Runs a command, whatever is known of Redis.
    async fn ask(&self, command: &Cmd) -> Result<(), RedisError> {
        let mut connection = self.connection.clone();
        let asked = command.query_async::<redis::Value>(&mut connection);
        match timeout(PATIENCE, asked).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => Err(slow()),
        }
    }

    async fn query<T: FromRedisValue>(
        &self,
        doing: &'static str,
        command: &Cmd,
    ) -> Result<T, SharedStateError> {
        let mut connection = self.connection.clone();
        self.within(doing, command.query_async(&mut connection))
            .await
    }

    async fn run<T: FromRedisValue>(
        &self,
        doing: &'static str,
        script: &redis::ScriptInvocation<'_>,
    ) -> Result<T, SharedStateError> {
        let mut connection = self.connection.clone();
        self.within(doing, script.invoke_async(&mut connection))
            .await
    }

    async fn within<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, SharedStateError> {
        if !self.up.load(Ordering::Relaxed) {
            return Err(SharedStateError::Away {
                place: self.place.clone(),
                reason: "it did not answer".to_owned(),
            });
        }
        let error = match timeout(PATIENCE, work).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => slow(),
        };
        if is_refusal(&error) {
            return Err(SharedStateError::Refused {
                place: self.place.clone(),
                doing,
                reason: error.to_string(),
            });
        }
        self.went_away(&error);
        self.failed.notify_one();
        Err(SharedStateError::Away {
            place: self.place.clone(),
            reason: error.to_string(),
        })
    }

    fn went_away(&self, error: &RedisError) {
        if self.up.swap(false, Ordering::Relaxed) {
            metrics::gauge!("coinsphere_shared_up").set(0.0);
            metrics::counter!("coinsphere_shared_outages_total").increment(1);
            tracing::warn!(
                %error,
                "{} is away: API limits let everyone pass, authentication limits are \
                 kept in this process, live updates of other processes are missing",
                self.place
            );
        }
    }

    fn came_up(&self) {
        if !self.up.swap(true, Ordering::Relaxed) {
            metrics::gauge!("coinsphere_shared_up").set(1.0);
            tracing::info!("{} is back", self.place);
        }
    }
}

fn slow() -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time").into()
}

/// Returns whether Redis understood and said no, as opposed to being in no state to answer.
fn is_refusal(error: &RedisError) -> bool {
    const PASSING: [&str; 9] = [
        "LOADING",
        "BUSY",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "TRYAGAIN",
        "READONLY",
        "NOAUTH",
        "WRONGPASS",
        "MISCONF",
    ];
    error.code().is_some_and(|code| !PASSING.contains(&code))
}

/// Redis takes no lifetime of zero.
fn millis(lifetime: Duration) -> u64 {
    u64::try_from(lifetime.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, i64::MAX as u64 / 2)
}

#[async_trait]
impl SharedState for OnRedis {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, SharedStateError> {
        let mut get = redis::cmd("GET");
        get.arg(self.link.key('v', key));
        self.link.query("read a value", &get).await
    }

    async fn put(
        &self,
        key: &str,
        value: Bytes,
        lifetime: Duration,
    ) -> Result<(), SharedStateError> {
        check_key(key)?;
        check_value(&value)?;
        let mut set = redis::cmd("SET");
        set.arg(self.link.key('v', key))
            .arg(&value[..])
            .arg("PX")
            .arg(millis(lifetime));
        self.link.query("keep a value", &set).await
    }

    async fn put_if_absent(
        &self,
        key: &str,
        value: Bytes,
        lifetime: Duration,
    ) -> Result<bool, SharedStateError> {
        check_key(key)?;
        check_value(&value)?;
        let mut set = redis::cmd("SET");
        set.arg(self.link.key('v', key))
            .arg(&value[..])
            .arg("PX")
            .arg(millis(lifetime))
            .arg("NX");
        let kept: Option<String> = self.link.query("keep a value", &set).await?;
        Ok(kept.is_some())
    }

    async fn remove(&self, key: &str) -> Result<bool, SharedStateError> {
        let mut del = redis::cmd("DEL");
        del.arg(self.link.key('v', key));
        let gone: u64 = self.link.query("remove a value", &del).await?;
        Ok(gone > 0)
    }

    async fn add(&self, key: &str, by: u64, lifetime: Duration) -> Result<u64, SharedStateError> {
        check_key(key)?;
        let mut add = ADD.key(self.link.key('v', key));
        add.arg(by).arg(millis(lifetime));
        self.link.run("add to a counter", &add).await
    }

    async fn pass(&self, key: &str, window: Window) -> Result<RateDecision, SharedStateError> {
        check_key(key)?;
        let number = self.link.requests.fetch_add(1, Ordering::Relaxed);
        let member = format!("{}{number:x}", self.link.origin.simple());
        let mut pass = PASS.key(self.link.key('w', key));
        pass.arg(window.limit.max(1))
            .arg(u64::try_from(window.length.as_micros()).unwrap_or(u64::MAX >> 12))
            .arg(member);
        let (allowed, remaining, frees): (u8, u32, u64) =
            self.link.run("count a request", &pass).await?;
        Ok(RateDecision {
            allowed: allowed == 1,
            remaining,
            frees_in: Duration::from_micros(frees),
        })
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), SharedStateError> {
        check_key(channel)?;
        check_value(&message)?;
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.link.key('c', channel)).arg(&message[..]);
        let _heard_by: u64 = self.link.query("publish a message", &publish).await?;
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, SharedStateError> {
        check_key(channel)?;
        let (sender, queue) = broadcast::channel(QUEUE);
        let (ready, listening) = oneshot::channel();
        let mut hearing: Hearing = Box::pin(listen(
            self.link.client.clone(),
            self.link.key('c', channel),
            sender,
            ready,
        ));
        // Where Redis is away, listening begins when it is back, and a hole says so.
        let _ = timeout(CONNECT, async {
            tokio::select! {
                () = &mut hearing => {}
                _ = listening => {}
            }
        })
        .await;
        Ok(Subscription::new(queue, Some(hearing)))
    }

    fn is_up(&self) -> bool {
        self.link.up.load(Ordering::Relaxed)
    }

    fn place(&self) -> String {
        self.link.place.clone()
    }
}

/// Hears one channel on a connection of its own, which is made again whenever it ends.
async fn listen(
    client: Client,
    channel: String,
    sender: broadcast::Sender<Heard>,
    ready: oneshot::Sender<()>,
) {
    let mut ready = Some(ready);
    let mut first = true;
    loop {
        let connected = timeout(CONNECT, async {
            let mut connection = client.get_async_pubsub().await?;
            connection.subscribe(&channel).await?;
            Ok::<_, RedisError>(connection)
        });
        if let Ok(Ok(connection)) = connected.await {
            // Said once listening again, so that who then looks elsewhere misses nothing more.
            if !first {
                let _ = sender.send(Heard::Hole);
            }
            if let Some(ready) = ready.take() {
                let _ = ready.send(());
            }
            let mut messages = connection.into_on_message();
            while let Some(message) = messages.next().await {
                let payload = Bytes::copy_from_slice(message.get_payload_bytes());
                if sender.send(Heard::Message(payload)).is_err() {
                    return;
                }
            }
        }
        first = false;
        drop(ready.take());
        sleep(ASK_AWAY).await;
    }
}
