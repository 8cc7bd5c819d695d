//! The promises of the crate, tested through its public API.

#[path = "dialect/evaluation.rs"]
mod evaluation;
#[path = "dialect/examples.rs"]
mod examples;
#[path = "dialect/nasty.rs"]
mod nasty;
#[path = "dialect/queries.rs"]
mod queries;
#[path = "dialect/refusals.rs"]
mod refusals;
#[path = "dialect/sessions.rs"]
mod sessions;
