//! Consumer groups: membership, generations, committed offsets.
//!
//! [`decide`] is the classic protocol's state machine, pure: it is given a request and the time, and
//! says what to answer and whom. [`consumer_protocol`] is the protocol of KIP-848. [`coordinator`] holds the groups, parks the requests that wait,
//! and keeps everything in `__consumer_offsets` in Kafka's own formats ([`records`]).

pub(crate) mod consumer_protocol;
pub(crate) mod coordinator;
mod decide;
mod members;
pub(crate) mod offsets;
pub(crate) mod records;
mod replay;
pub(crate) mod state;

pub(crate) use coordinator::Groups;

#[cfg(test)]
mod tests;
