//! What the crate does, with real processes.
