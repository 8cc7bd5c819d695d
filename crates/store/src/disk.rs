//! Bytes at rest: the engine, the one writing thread, and the catalog.

pub(crate) mod catalog;
pub(crate) mod committer;
pub(crate) mod engine;
pub(crate) mod expiry;
pub(crate) mod readers;
