//! Keys for programs: made, listed, rotated and ended by a user who is signed in, or by a program
//! that signs its requests.

pub(in crate::http) mod list;
pub(in crate::http) mod make;
pub(in crate::http) mod public_key;
pub(in crate::http) mod revoke;
pub(in crate::http) mod rotate;
mod views;
