//! Sockets: accept, decode, answer, encode.

pub(crate) mod connection;
mod decoder;
pub(crate) mod dispatch;
pub(crate) mod listener;
mod outbox;
