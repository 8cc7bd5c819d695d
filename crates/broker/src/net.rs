//! Sockets: the listener, one task per connection, and frames.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod listener;
