//! The arithmetic of an LSTM layer on plain slices: matrix products, gates, and a layer's passes over a
//! sequence, forward and back. It knows neither networks nor burn.
//!
//! Everything is written once over [`pulp::Simd`] and compiled for each kind of processor; which code
//! runs is chosen when the program runs ([`pulp::Arch`]). Nothing here is unsafe: matrices are slices of
//! [`Row`]s, arrays of a fixed length, so that the compiler sees that no access is out of bounds.

mod cell;
mod dropout;
mod layer;
mod panels;
mod product;

pub(crate) use dropout::Dropout;
pub(crate) use layer::{Scratch, Step, Transposed, Weights, backward, forward};
pub(crate) use panels::{LANES, Row, pack, panels, unpack};
