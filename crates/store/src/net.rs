//! Sockets: accept, decode, answer, encode.

pub(crate) mod connection;
pub(crate) mod dispatch;
pub(crate) mod listener;
