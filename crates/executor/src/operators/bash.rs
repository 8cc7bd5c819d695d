//! `bash`: a shell command, as Airflow's `BashOperator` runs it.

use crate::{Desk, Outcome, Runner, Settings, StopSignal, TaskTry};
use futures::future::BoxFuture;
use std::sync::Arc;

/// Runs `bash` tasks.
pub(super) struct Bash(pub(super) Arc<Settings>);

impl Runner for Bash {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        desk: &'a dyn Desk,
        stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let _ = (task, desk, stop, &self.0);
            Outcome::failed("not yet")
        })
    }
}
