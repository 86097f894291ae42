//! The one client for URLs that users choose. Addresses are judged where the connection is made, so that a
//! name cannot answer one thing to the check and another to the connection.

mod address;
mod allowed;
mod client;
mod policy;
mod resolver;

pub use allowed::{AllowedDestination, AllowedDestinationError};
pub use client::{Answer, OutboundClient, OutboundError, OutboundLimits, OutboundRequest};
pub use policy::{OutboundPolicy, Refusal};
pub use resolver::{Lookup, system_lookup};
