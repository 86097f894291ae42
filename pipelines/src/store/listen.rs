//! Hears what other processes announce through the database (`LISTEN`/`NOTIFY`). A listener that may
//! have missed something ends: what is announced must be read again by whoever listens again.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};

use super::Store;
use super::config::StoreConfig;
use super::error::{ConnectCause, StoreError, failed};
use super::tls;

/// Announcements that may wait to be heard; beyond that the listener ends.
const WAITING: usize = 1_024;

/// A connection that hears the announcements on one channel, in their order.
#[derive(Debug)]
pub struct Listener {
    client: Client,
    heard: mpsc::Receiver<String>,
    task: JoinHandle<()>,
}

impl Store {
    /// Listens from now on to `channel`, which must be a plain lower-case name.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn listen(&self, channel: &'static str) -> Result<Listener, StoreError> {
        let config = self.pool.config();
        let listening = async {
            let url = config.app_url.as_ref().unwrap_or(&config.url);
            let mut pg = super::pool::with_timeouts(url, config);
            pg.application_name("coinsphere listener");
            let listener = if url.requires_tls() {
                let tls = tls::connector(config.ca_file.as_deref())?;
                Listener::connect(&pg, tls, url).await?
            } else {
                Listener::connect(&pg, NoTls, url).await?
            };
            listener
                .client
                .batch_execute(&format!("LISTEN {channel}"))
                .await
                .map_err(failed("listen for announcements"))?;
            Ok(listener)
        };
        within(config, listening).await
    }
}

async fn within<T>(
    config: &StoreConfig,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let url = config.app_url.as_ref().unwrap_or(&config.url);
    tokio::time::timeout(config.connect_timeout, work)
        .await
        .unwrap_or_else(|_| Err(super::pool::timed_out(url, config)))
}

impl Listener {
    async fn connect<T>(
        pg: &tokio_postgres::Config,
        tls: T,
        url: &super::DatabaseUrl,
    ) -> Result<Self, StoreError>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let connected = pg.connect(tls).await;
        let (client, connection) =
            connected.map_err(|error| StoreError::connect(url.target(), &error))?;
        let (announce, heard) = mpsc::channel(WAITING);
        let task = crate::task::spawn_bounded(drive(connection, announce));
        Ok(Self {
            client,
            heard,
            task,
        })
    }

    /// The next announcement; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<String> {
        self.heard.recv().await
    }

    /// Takes the lock of this name for as long as the connection lasts; false if another connection has it.
    ///
    /// # Errors
    /// When the database is unreachable.
    pub async fn try_lock(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
        let row = self.client.query_one(sql, &[&name]).await;
        Ok(row.map_err(failed("take a lock"))?.get(0))
    }

    /// Asks the server for a sign of life: a connection can be dead without anyone having said so.
    ///
    /// # Errors
    /// When there is none within `patience`.
    pub async fn ping(&self, patience: Duration) -> Result<(), StoreError> {
        let asked = self.client.batch_execute("SELECT 1");
        match tokio::time::timeout(patience, asked).await {
            Ok(answered) => answered.map_err(failed("ask the listening connection for life")),
            Err(_) => Err(StoreError::Connect {
                target: "for listening".to_owned(),
                reason: format!("no answer in {} ms", patience.as_millis()),
                cause: ConnectCause::Unreachable,
            }),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Drives the connection and hands on what is announced, until either ends.
async fn drive<S, T>(mut connection: Connection<S, T>, announce: mpsc::Sender<String>)
where
    Connection<S, T>: Unpin,
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        let message = pin!(std::future::poll_fn(|cx| connection.poll_message(cx))).await;
        match message {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                if announce
                    .try_send(notification.payload().to_owned())
                    .is_err()
                {
                    tracing::warn!("announcements come faster than they are heard");
                    return;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a listening database connection broke");
                return;
            }
            None => return,
        }
    }
}
