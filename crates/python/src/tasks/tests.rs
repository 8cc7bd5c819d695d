//! From what a child told to the outcome of a try.

use super::{Tasks, of_airflow, of_built_in};
use crate::airflow::{End as AirflowEnd, Ended};
use crate::builtin::{End, Last};
use crate::testing::{TestDesk, a_try, an_executor};
use crate::{Python, Settings};
use dag::Operator;
use executor::{Desk, Outcome, Runner, StopSignal, TaskTry};
use futures::future::{BoxFuture, FutureExt, ready};
use std::sync::Arc;

#[test]
fn a_branch_succeeds_and_skips_what_it_passed_over() {
    let skips = vec!["left".to_owned()];
    let expected = Outcome::SkipDownstream { tasks: skips.clone() };
    let end = Last::End(End::Success { skips: skips.clone() });
    assert_eq!(of_built_in(end), Some(expected.clone()));
    let ended = Ended { end: Some(AirflowEnd::Success), skips };
    assert_eq!(of_airflow(ended, None, false), Some(expected));
    let plain = Ended { end: Some(AirflowEnd::Success), skips: Vec::new() };
    assert_eq!(of_airflow(plain, None, false), Some(Outcome::Success));
}

#[test]
fn a_failure_of_airflow_is_tried_again_unless_it_says_that_this_is_no_use() {
    let reason = || Some("ValueError: boom".to_owned());
    let of = |end, last_try| {
        of_airflow(Ended { end: Some(end), skips: Vec::new() }, reason(), last_try).unwrap()
    };
    assert_eq!(of(AirflowEnd::Retry, false), Outcome::failed("ValueError: boom"));
    assert_eq!(of(AirflowEnd::Failed, false), Outcome::refused("ValueError: boom"));
    // On the last try it always says "failed", whatever the reason.
    assert_eq!(of(AirflowEnd::Failed, true), Outcome::failed("ValueError: boom"));
    assert_eq!(
        of(AirflowEnd::Skipped, false),
        Outcome::Skipped { reason: "ValueError: boom".into() }
    );
}

#[test]
fn a_child_that_told_nothing_has_no_outcome() {
    assert_eq!(of_built_in(Last::Nothing), None);
    assert_eq!(of_airflow(Ended::default(), None, false), None);
}

struct Other;

impl Runner for Other {
    fn run<'a>(
        &'a self,
        _task: &'a TaskTry,
        _desk: &'a dyn Desk,
        _stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        ready(Outcome::Success).boxed()
    }
}

#[tokio::test]
async fn python_tasks_of_yaml_files_go_to_the_other_runner() {
    let project = tempfile::tempdir().unwrap();
    let mut executor = an_executor(project.path());
    executor.python = "/nowhere/python3".into();
    let python = Python::new(Arc::new(executor), Settings::default());
    let operators: Vec<Operator> = python.runners().into_keys().collect();
    assert_eq!(operators, [Operator::Python, Operator::Airflow]);
    let tasks = Tasks { python, other: Arc::new(Other) };
    let (desk, mut task) = (TestDesk::default(), a_try("flow", "work"));
    task.dag_file = "flow.yml".to_owned();
    let outcome = tasks.run(&task, &desk, StopSignal::never()).await;
    assert_eq!(outcome, Outcome::Success);
    task.dag_file = "flow.py".to_owned();
    let outcome = tasks.run(&task, &desk, StopSignal::never()).await;
    let Outcome::Failed { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("cannot start /nowhere/python3"), "{reason}");
}
