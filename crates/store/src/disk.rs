//! Bytes at rest: the engine, the one writing thread, and the catalog.

pub(crate) mod catalog;
pub(crate) mod commit_log;
pub(crate) mod committer;
pub(crate) mod engine;
pub(crate) mod entries;
pub(crate) mod expiry;
pub(crate) mod flusher;
pub(crate) mod levels;
pub(crate) mod memtable;
pub(crate) mod readers;
pub(crate) mod recent;
