//! `empty`: does nothing, which joins and splits paths in a DAG.

use crate::{Desk, Outcome, Runner, StopSignal, TaskTry};
use futures::future::{BoxFuture, FutureExt, ready};

/// Runs `empty` tasks.
pub(super) struct Empty;

impl Runner for Empty {
    fn run<'a>(
        &'a self,
        _task: &'a TaskTry,
        _desk: &'a dyn Desk,
        _stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        ready(Outcome::Success).boxed()
    }
}
