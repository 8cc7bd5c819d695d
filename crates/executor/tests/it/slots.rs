//! Slots, order, and what goes wrong inside of an operator.

use crate::desk::{House, Memory, task};
use dag::Operator;
use executor::{Desk, Executor, Outcome, Runner, Settings, StopSignal, TaskTry};
use futures::future::{BoxFuture, FutureExt, join_all};
use runtime::SystemClock;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[tokio::test]
async fn a_task_that_does_nothing_succeeds_and_says_nothing() {
    let house = House::new();
    assert_eq!(house.run(Operator::Empty, json!({})).await, Outcome::Success);
    assert!(house.desk.log_text().is_empty());
}

/// Notes who runs, and how many at a time.
#[derive(Default)]
struct Watcher {
    order: Mutex<Vec<String>>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Runner for Watcher {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        _desk: &'a dyn Desk,
        _stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        async move {
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            self.order.lock().unwrap().push(task.key.task_id.clone());
            tokio::task::yield_now().await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            Outcome::Success
        }
        .boxed()
    }
}

fn settings() -> Settings {
    Settings::new("/nowhere".into(), "/nowhere/shim".into(), Arc::new(SystemClock::new()))
}

async fn watched(change: impl FnOnce(&mut Settings)) -> (Vec<String>, usize) {
    let mut settings = settings();
    change(&mut settings);
    let watcher = Arc::new(Watcher::default());
    let runner: Arc<dyn Runner> = watcher.clone();
    let executor = Executor::new(settings, BTreeMap::from([(Operator::Empty, runner)]));
    let desk = Memory::default();
    let runs = (0..20).map(|number| {
        let mut task = task(Operator::Empty, json!({}));
        task.key.task_id = format!("{number:02}");
        let place = executor.queue().unwrap();
        let (executor, desk) = (&executor, &desk);
        async move {
            let slot = place.slot().await;
            executor.run_in(slot, task, desk, StopSignal::never()).await
        }
    });
    // The last is polled first: its place in the line is what counts.
    let mut runs: Vec<_> = runs.collect();
    runs.reverse();
    join_all(runs).await;
    let order = watcher.order.lock().unwrap().clone();
    (order, watcher.most.load(Ordering::SeqCst))
}

#[tokio::test]
async fn no_more_run_at_a_time_than_there_are_slots() {
    let (order, most) = watched(|settings| settings.parallelism = 3).await;
    assert_eq!((order.len(), most), (20, 3));
}

#[tokio::test]
async fn the_sequential_executor_runs_one_at_a_time_in_the_order_of_the_line() {
    let (order, most) = watched(|settings| settings.sequential = true).await;
    assert_eq!(most, 1);
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn a_full_line_is_refused() {
    let mut settings = settings();
    (settings.parallelism, settings.queue_max) = (1, 1);
    let executor = Executor::new(settings, BTreeMap::new());
    let places = (executor.queue().unwrap(), executor.queue().unwrap());
    assert!(executor.queue().unwrap_err().to_string().contains("queue_max"));
    drop(places);
    assert_eq!(executor.free_slots(), 1);
}

/// Breaks, or hangs.
struct Broken;

impl Runner for Broken {
    fn run<'a>(
        &'a self,
        task: &'a TaskTry,
        _desk: &'a dyn Desk,
        _stop: StopSignal,
    ) -> BoxFuture<'a, Outcome> {
        assert_ne!(task.key.try_number, 7, "seven is not lucky");
        std::future::pending().boxed()
    }
}

#[tokio::test]
async fn an_operator_that_breaks_or_hangs_fails_its_try_alone() {
    let runner: Arc<dyn Runner> = Arc::new(Broken);
    let settings = Settings { stop_grace: Duration::from_millis(1), ..settings() };
    let executor = Executor::new(settings, BTreeMap::from([(Operator::Empty, runner)]));
    let desk = Memory::default();
    let mut broken = task(Operator::Empty, json!({}));
    broken.key.try_number = 7;
    let outcome = executor.run(broken, &desk, StopSignal::never()).await;
    let Outcome::Failed { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("seven is not lucky"), "{reason}");
    let mut hanging = task(Operator::Empty, json!({}));
    hanging.timeout = Some(Duration::from_millis(1));
    let outcome = executor.run(hanging, &desk, StopSignal::never()).await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    let (stopper, stop) = StopSignal::new();
    stopper.stop("before it began");
    let outcome = executor.run(task(Operator::Empty, json!({})), &desk, stop).await;
    assert_eq!(outcome, Outcome::Stopped { reason: "before it began".into() });
    assert_eq!(executor.free_slots(), 32);
}
