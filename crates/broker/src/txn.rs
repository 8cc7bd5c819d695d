//! Transactions: who may write under a transactional id, and how a transaction ends.
//!
//! [`decide`] is the state machine, pure. [`coordinator`] carries decisions out: each transactional
//! id has one lock, held until what was decided is on disk, so a transaction is never seen between
//! two states. [`markers`] ends transactions in the partitions, and [`records`] are the formats of
//! `__transaction_state`. Source: KIP-98, KIP-360, KIP-890.

pub(crate) mod coordinator;
pub(crate) mod decide;
mod markers;
pub(crate) mod records;
pub(crate) mod state;
mod sweep;

pub(crate) use coordinator::Transactions;
pub(crate) use sweep::{recover, watch_timeouts};

#[cfg(test)]
mod tests;
