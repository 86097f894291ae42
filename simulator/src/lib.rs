//! Venues to test and demonstrate against: a seeded market, served over the WebSocket and REST
//! protocols of Binance, Coinbase (Exchange and Advanced Trade) and Kraken, with faults on demand
//! and replay of recordings.
//!
//! It shares no code with the program's venue decoders, so that each checks the other. Everything
//! traded follows from (seed, instrument, time): the same id is the same trade over WebSocket and
//! REST, and, with a data directory, before and after a restart.
//!
//! | path | what |
//! |---|---|
//! | `/binance/ws`, `/binance/ws/<stream>`, `/binance/stream?streams=` | Binance spot WebSocket |
//! | `/binance/api/v3/…` | Binance spot REST |
//! | `/coinbase` (or `/coinbase/ws`) | Coinbase Exchange WebSocket |
//! | `/coinbase/time`, `/coinbase/currencies…`, `/coinbase/products…` | Coinbase Exchange REST |
//! | `/coinbase-advanced` (or `/coinbase-advanced/ws`) | Coinbase Advanced Trade WebSocket |
//! | `/coinbase-advanced/api/v3/brokerage/…`, `/coinbase-advanced/v2/…` | Coinbase Advanced Trade REST |
//! | `/kraken/v2` | Kraken WebSocket v2 |
//! | `/kraken/0/public/…` | Kraken REST |
//! | `/admin/state`, `/admin/faults`, `/admin/candles`, `/admin/instruments` | the simulator's own |

mod clock;
mod config;
mod decimal;
mod fault;
mod hub;
pub mod market;
mod replay;
mod rest;
mod server;
mod ws;

pub use clock::{Clock, ManualClock, Moment, SystemClock};
pub use config::{Config, ConfigError};
pub use fault::{Fault, FaultError, FaultKind};
pub use replay::{RecordingError, Replay, Speed, SpeedError};
pub use server::{Running, SimulatorError, serve, serve_with};
