//! Users of the shape of randomuser.me, made from a seed: the demo's source, with no network.
//!
//! Owns: what the record of a position is ([`Generator::record`]), when it exists
//! ([`Generator::available`]), and the loopback HTTP endpoint that hands records out by position
//! ([`serve`]). The user of position N is a pure function of the knobs, so a source that asks for
//! the same positions again gets the same bytes.
//!
//! The same generator exists a second time in `judges/generator.py`; both read `data/names.json`.
//!
//! Never does: keep anything, listen beyond loopback, or know Kafka.

mod civil;
mod draw;
mod endpoint;
mod knobs;
mod names;
mod record;
mod user;

pub use endpoint::{Error, RESULTS_MAX, Server, WAIT_MS_MAX, serve};
pub use knobs::Knobs;
pub use record::{Corruption, Generator, Kind, Record};
