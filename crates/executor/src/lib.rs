//! Runs one try of a task and tells how it ended.
//!
//! Owns what happens between "this task may start now" and its outcome: the slots that limit how many
//! run at a time, the rendering of templates, the native operators, child processes and their
//! supervision, log lines, timeouts and stops. Read [`Executor`] first, then [`Desk`], which is all that
//! a running task may ask for, and [`process`], which is how anything outside this process is run.
//!
//! Never does: decide which task runs next, keep states, know a database.

mod desk;
mod executor;
mod logs;
mod mask;
mod masking;
pub mod operators;
pub mod process;
mod settings;
pub mod shim;
mod slots;
mod stop;
mod task;
pub mod template;

pub use desk::{Answer, Connection, Desk, DeskFault, Level, LogLine, Stream, XcomName};
pub use executor::Executor;
pub use mask::Secrets;
pub use settings::Settings;
pub use slots::{Place, QueueFull, Slot};
pub use stop::{StopSignal, Stopper};
pub use task::{Outcome, RETURN_VALUE, Runner, TaskTry, TryKey};
