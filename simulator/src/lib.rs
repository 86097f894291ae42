//! wip
pub mod market;
