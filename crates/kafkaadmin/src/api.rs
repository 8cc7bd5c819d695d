//! One file per thing that is asked: the request, its versions, and what its answer means.

pub(crate) mod cluster;
pub(crate) mod configs;
pub(crate) mod groups;
pub(crate) mod log_dirs;
pub(crate) mod offsets;
pub(crate) mod producers;
pub(crate) mod read;
pub(crate) mod topics;
pub(crate) mod transactions;
pub(crate) mod write;
