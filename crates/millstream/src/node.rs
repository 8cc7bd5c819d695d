//! One running node: which parts run where, their start, health and stop.
//!
//! Order of start: broker, store and generator at once; then their health; then the engine; then the
//! orchestrator, its webserver, and the console. Order of stop: orchestrator, engine, webserver, console,
//! generator, broker, store. A start that fails stops what
//! was started.

pub(crate) mod diagnosis;
pub(crate) mod health;
pub(crate) mod key;
pub(crate) mod listening;
pub(crate) mod lock;
pub(crate) mod orchestration;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod running;
pub(crate) mod status;
