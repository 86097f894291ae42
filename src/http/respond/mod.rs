//! Answers: problem details, pages of lists, and headers that say who may keep an answer.

mod account_problem;
pub(in crate::http) mod no_store;
pub(in crate::http) mod page;
pub(in crate::http) mod problem;
