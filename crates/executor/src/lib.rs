//! Runs one try of a task and tells how it ended.
