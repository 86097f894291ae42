//! Starting and stopping: builds the market, binds the listener, routes paths to protocols.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::fault::{FaultBoard, Ledger};
use crate::hub::{Counters, Hub};
use crate::market::{
    DEFAULT_LIVE_FROM, Epoch, EpochError, Instrument, Market, Venue, Wanted, listing,
};
use crate::replay::{Player, RecordingError};
use crate::rest::{self, Limited, rate_limit};
use crate::ws::{self, Binance, CoinbaseAdvanced, CoinbaseExchange, Kraken, Protocol};

/// Frames from clients longer than this end the connection.
const LONGEST_MESSAGE: usize = 1 << 20;
/// The time connections may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// Why a simulator could not start or run on.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// A value of the configuration is not allowed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The market's origin cannot be kept.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// The recording cannot be served.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another address, or port 0 for a free one"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server ended on its own.
    #[error("the simulator's server ended: {0}")]
    Ended(String),
}

/// A running simulator. Dropping this does not stop it; ending its `shutdown` future does.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    seed: u64,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The seed in use: the data directory's, if it had one.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Waits until it has stopped, which it does after its `shutdown` future ended.
    ///
    /// # Errors
    /// [`SimulatorError::Ended`] if it stopped for another reason.
    pub async fn stopped(self) -> Result<(), SimulatorError> {
        match self.task.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SimulatorError::Ended(error.to_string())),
            Err(error) => Err(SimulatorError::Ended(error.to_string())),
        }
    }
}

/// Starts a simulator on the machine's clock; it runs until `shutdown` ends.
///
/// # Errors
/// When the configuration, the data directory, the recording or the address is unusable.
pub async fn serve(
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, SimulatorError> {
    serve_with(config, Arc::new(SystemClock), shutdown).await
}

/// Starts a simulator on the given clock.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with(
    config: Config,
    clock: Arc<dyn Clock>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, SimulatorError> {
    config.check()?;
    let (epoch, market) = build_market(&config, clock.now())?;
    let replay = config.replay.clone().map(Player::open).transpose()?;
    let listener =
        TcpListener::bind(config.listen)
            .await
            .map_err(|source| SimulatorError::Listen {
                address: config.listen,
                source,
            })?;
    let address = listener
        .local_addr()
        .map_err(|source| SimulatorError::Listen {
            address: config.listen,
            source,
        })?;

    let (stop, stopping) = watch::channel(false);
    let hub = Arc::new(Hub {
        market,
        seed: epoch.seed,
        clock: Arc::clone(&clock),
        faults: FaultBoard::new(config.faults),
        ledger: Ledger::default(),
        counters: Counters::default(),
        hours: rest::Hours::default(),
        replay,
        send_timeout: Duration::from_millis(config.send_timeout_ms.max(1)),
        max_connections: config.max_connections,
        stopping: stopping.clone(),
    });
    if let Some(player) = hub.replay.clone() {
        #[allow(
            clippy::disallowed_methods,
            reason = "it ends with the replay or the simulator"
        )]
        tokio::spawn(player.play(clock, stopping));
    }
    let (alive, mut gone) = mpsc::channel::<()>(1);
    let app = router(&hub, alive);
    #[allow(
        clippy::disallowed_methods,
        reason = "whoever started the simulator waits for it"
    )]
    let task = tokio::spawn(async move {
        let mut stopping = stop.subscribe();
        let stopped = async move {
            shutdown.await;
            stop.send_replace(true);
        };
        let overdue = async move {
            // An error means that the sender is gone, after which nothing more is served either.
            let _ = stopping.wait_for(|stop| *stop).await;
            tokio::time::sleep(GRACE).await;
        };
        let ended = tokio::select! {
            ended = axum::serve(listener, app).with_graceful_shutdown(stopped) => ended,
            () = overdue => Ok(()),
        };
        // Upgraded connections outlive the server: each holds a sender, and `None` says that
        // the last one is gone.
        let _ = tokio::time::timeout(GRACE, gone.recv()).await;
        ended
    });
    Ok(Running {
        address,
        seed: epoch.seed,
        task,
    })
}

fn build_market(config: &Config, now: i64) -> Result<(Epoch, Market), SimulatorError> {
    let all = listing();
    let listed = |i: &Instrument| {
        config
            .instruments
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| i.is_called(name)))
    };
    if let Some(names) = &config.instruments {
        let unknown = names
            .iter()
            .find(|name| !all.iter().any(|i| i.is_called(name)));
        if let Some(name) = unknown {
            return Err(ConfigError::Instrument(name.clone()).into());
        }
    }
    let wanted = Wanted {
        seed: config.seed,
        rate: config.rate,
        steady: config.steady,
        weight: all.iter().filter(|i| listed(i)).map(|i| i.weight).sum(),
        history_days: config.history_days,
        live_from: config.epoch.map(|epoch| epoch.timestamp_micros()),
    };
    let epoch = match &config.data_dir {
        Some(dir) => Epoch::open(dir, wanted, now)?,
        None => Epoch::new(wanted, wanted.live_from.unwrap_or(DEFAULT_LIVE_FROM)),
    };
    let market = Market::new(&epoch, listed);
    Ok((epoch, market))
}

/// State given to the WebSocket handlers; `alive` tells when the last connection is gone.
#[derive(Clone)]
struct Door {
    hub: Arc<Hub>,
    alive: mpsc::Sender<()>,
}

fn router(hub: &Arc<Hub>, alive: mpsc::Sender<()>) -> Router {
    let sockets = Router::new()
        .route("/binance/ws", get(binance_raw))
        .route("/binance/ws/{*streams}", get(binance_named))
        .route("/binance/stream", get(binance_combined))
        .route("/coinbase", get(coinbase))
        .route("/coinbase/ws", get(coinbase))
        .route("/coinbase-advanced", get(coinbase_advanced))
        .route("/coinbase-advanced/ws", get(coinbase_advanced))
        .route("/kraken/v2", get(kraken))
        .with_state(Door {
            hub: Arc::clone(hub),
            alive,
        });
    let limited = |venue, advanced, routes: Router<Arc<Hub>>| {
        let limited = Limited {
            hub: Arc::clone(hub),
            venue,
            advanced,
        };
        routes
            .layer(from_fn_with_state(limited, rate_limit))
            .with_state(Arc::clone(hub))
    };
    Router::new()
        .nest(
            "/binance",
            limited(Venue::Binance, false, rest::binance::routes()),
        )
        .nest(
            "/coinbase",
            limited(Venue::Coinbase, false, rest::coinbase::routes()),
        )
        .nest(
            "/coinbase-advanced",
            limited(Venue::Coinbase, true, rest::coinbase_advanced::routes()),
        )
        .nest(
            "/kraken",
            limited(Venue::Kraken, false, rest::kraken::routes()),
        )
        .nest("/admin", rest::admin::routes().with_state(Arc::clone(hub)))
        .merge(sockets)
}

/// Upgrades, unless a fault or the limit on connections refuses.
fn open(door: Door, upgrade: WebSocketUpgrade, protocol: Box<dyn Protocol>) -> Response {
    let Door { hub, alive } = door;
    let refused = hub
        .faults
        .refused_connection(protocol.wire().venue())
        .or_else(|| {
            (hub.counters.open.load(Ordering::Relaxed) >= hub.max_connections).then_some(503)
        });
    if let Some(status) = refused {
        Counters::add(&hub.counters.refused_connections, 1);
        return StatusCode::from_u16(status)
            .unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            .into_response();
    }
    let place = Place(Arc::clone(&hub));
    hub.counters.open.fetch_add(1, Ordering::Relaxed);
    upgrade
        .max_message_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| async move {
            ws::run(socket, protocol, hub).await;
            drop(place);
            drop(alive);
        })
}

/// One connection counted as open.
struct Place(Arc<Hub>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.counters.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn binance_raw(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    open(door, upgrade, Box::new(Binance::new(false, [])))
}

async fn binance_named(
    State(door): State<Door>,
    Path(streams): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let streams = streams.split('/').map(str::to_owned);
    open(door, upgrade, Box::new(Binance::new(false, streams)))
}

async fn binance_combined(
    State(door): State<Door>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let streams = query.get("streams").map_or("", String::as_str);
    let streams = streams.split('/').map(str::to_owned);
    open(door, upgrade, Box::new(Binance::new(true, streams)))
}

async fn coinbase(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    open(door, upgrade, Box::new(CoinbaseExchange::default()))
}

async fn coinbase_advanced(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    open(door, upgrade, Box::new(CoinbaseAdvanced::default()))
}

async fn kraken(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    open(door, upgrade, Box::new(Kraken::default()))
}
