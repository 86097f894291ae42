//! The simulator over real loopback sockets, on a clock that the tests move.

mod binance;
mod client;
mod coinbase;
mod faults;
mod kraken;
mod replay;
mod restart;
