//! The whole loop over a SQLite file, with a clock that a test moves and tasks that do as a test says.

mod crash;
mod house;
mod runs;
mod tasks;
