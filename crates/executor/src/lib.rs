//! Runs one try of a task and tells how it ended.
//!
//! Owns what happens between "this task may start now" and its outcome: the slots that limit how many
//! run at a time, the rendering of templates, the native operators, child processes and their
//! supervision, log lines, timeouts and stops. Read [`Executor`] first, then [`Desk`], which is all that
//! a running task may ask for, and [`process`], which is how anything outside this process is run.
//!
//! Never does: decide which task runs next, keep states, know a database.
//!
//! # What a task finds
//!
//! A `bash` or `python` task runs in a process of its own. Its environment is what the project's settings
//! name (`PATH`, `HOME`, `LANG`) and Airflow's `AIRFLOW_CTX_DAG_ID`, `_DAG_RUN_ID`, `_TASK_ID`,
//! `_TRY_NUMBER`, `_LOGICAL_DATE` and `_DAG_OWNER`; `env` of a `bash` task replaces the first part, or adds
//! to it with `append_env`. No token, no address of a database and nothing else of Millstream's own
//! environment is in it. A `bash` task starts in an empty directory, which is removed when it ends, a
//! `python` task in the project's directory; `cwd` names another. Standard input is empty. What it prints
//! is its log, line by line: 64 KiB of a line and 64 MiB of a try are kept, and a process that prints
//! faster than its log is kept waits. The last line that a `bash` task prints, or what a Python function
//! returns, is the task's result for later tasks: up to 1 MiB of JSON.
//!
//! A try ends with all its processes. When the main one ends, when the time is up, when somebody stops it,
//! or when Millstream itself is killed, whatever else the task has started gets SIGTERM and, five seconds
//! later, SIGKILL, also where it went into the background or a session of its own. No two tries of one
//! task run at a time: the next waits until the processes of the one before are gone.

mod desk;
mod executor;
mod logs;
mod mask;
mod masking;
pub mod operators;
mod policy;
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
pub use policy::{Allowed, GUARD, Policy};
pub use settings::Settings;
pub use slots::{Place, QueueFull, Slot};
pub use stop::{StopSignal, Stopper};
pub use task::{Outcome, RETURN_VALUE, Runner, TaskTry, TryKey};
