//! What happens next in a run: which tasks may start, which never will, and when the run has ended.
//!
//! Owns the states of task instances and runs and the decisions between them, with the names and
//! meaning of Airflow 3. Decisions are pure: the same DAG and states give the same turn, so that any
//! scheduler may take it, also after a crash.
//!
//! Never does: look at a clock, keep states, start anything.

mod rule;
mod state;
mod turn;

pub use rule::{Verdict, verdict};
pub use state::{RunState, TaskState};
pub use turn::{Turn, turn};
