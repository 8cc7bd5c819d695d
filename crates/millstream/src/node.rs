//! One running node: which parts run where, their start, health and stop.
//!
//! Order of start: broker, store and generator at once; then their health; then the engine; then the
//! console. Order of stop: engine, console, generator, broker, store. A start that fails stops what
//! was started.

pub(crate) mod health;
pub(crate) mod listening;
pub(crate) mod lock;
pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod running;
pub(crate) mod status;
