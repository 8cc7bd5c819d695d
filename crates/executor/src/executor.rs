//! Slots, templates, a runner, a time limit and a stop, in this order, around every try.

use crate::masking::Masking;
use crate::shim::KILL_PATIENCE;
use crate::slots::Slots;
use crate::{
    Desk, Level, LogLine, Outcome, Place, QueueFull, Runner, Secrets, Settings, Slot, StopSignal,
    Stream, TaskTry, operators, template,
};
use dag::Operator;
use futures::FutureExt;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

/// Runs tries.
pub struct Executor {
    settings: Arc<Settings>,
    slots: Slots,
    runners: BTreeMap<Operator, Arc<dyn Runner>>,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Executor {
    /// An executor with the native operators and those given, which go before the native ones.
    #[must_use]
    pub fn new(settings: Settings, runners: BTreeMap<Operator, Arc<dyn Runner>>) -> Self {
        let settings = Arc::new(settings);
        let count = if settings.sequential { 1 } else { settings.parallelism };
        let slots = Slots::new(count, settings.queue_max);
        let mut all = operators::native(&settings);
        all.extend(runners);
        Self { settings, slots, runners: all }
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Slots that nobody has.
    #[must_use]
    pub fn free_slots(&self) -> usize {
        self.slots.free()
    }

    /// Takes a place in the line for a slot, at once. Slots are given in the order of these calls.
    ///
    /// # Errors
    /// [`QueueFull`]: nothing was started.
    pub fn queue(&self) -> Result<Place, QueueFull> {
        self.slots.queue()
    }

    /// Waits for a slot, then runs a try. Use [`Executor::queue`] and [`Executor::run_in`] where the
    /// order, or the moment of the start, matters.
    pub async fn run(&self, task: TaskTry, desk: &dyn Desk, mut stop: StopSignal) -> Outcome {
        let place = match self.queue() {
            Ok(place) => place,
            Err(full) => return Outcome::failed(full.to_string()),
        };
        let slot = tokio::select! {
            biased;
            reason = stop.stopped() => return Outcome::Stopped { reason },
            slot = place.slot() => slot,
        };
        self.run_in(slot, task, desk, stop).await
    }

    /// Runs a try in a slot, and gives the slot back when it ends. Dropping the future ends the try and
    /// its processes too, without waiting for their end.
    pub async fn run_in(
        &self,
        slot: Slot,
        task: TaskTry,
        desk: &dyn Desk,
        stop: StopSignal,
    ) -> Outcome {
        let desk = Masking { desk, secrets: Secrets::default() };
        let outcome = match stop.reason() {
            Some(reason) => Outcome::Stopped { reason },
            None => self.limited(task, &desk, stop).await,
        };
        let (level, text) = match &outcome {
            Outcome::Failed { reason, .. } => (Level::Error, reason),
            Outcome::Stopped { reason } => (Level::Warning, reason),
            Outcome::Skipped { reason } | Outcome::Reschedule { reason, .. } => {
                (Level::Info, reason)
            }
            Outcome::Success | Outcome::SkipDownstream { .. } => return outcome,
        };
        let line =
            LogLine { at: self.settings.now(), stream: Stream::Task, level, text: text.clone() };
        desk.log(vec![line]).await;
        drop(slot);
        outcome
    }

    /// Runs a try until it ends, its time is up, or it is told to end.
    async fn limited(&self, task: TaskTry, desk: &Masking<'_>, mut stop: StopSignal) -> Outcome {
        let limit =
            task.timeout.or(task.task.execution_timeout.and_then(|limit| limit.to_std().ok()));
        let (stopper, inner) = StopSignal::new();
        let mut work = Box::pin(AssertUnwindSafe(self.attempt(task, desk, inner)).catch_unwind());
        let late = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let (reason, instead) = tokio::select! {
            outcome = &mut work => return outcome.unwrap_or_else(panicked),
            reason = stop.stopped() => (reason.clone(), Outcome::Stopped { reason }),
            () = late => {
                let reason = format!(
                    "the task ran longer than its execution_timeout of {} s and was stopped",
                    limit.unwrap_or_default().as_secs_f64()
                );
                (reason.clone(), Outcome::failed(reason))
            }
        };
        stopper.stop(reason);
        // What a shim takes at most: for its child, then for what that left behind.
        let patience = (self.settings.stop_grace + KILL_PATIENCE) * 2;
        match tokio::time::timeout(patience, Pin::new(&mut work)).await {
            Ok(Ok(Outcome::Success)) => Outcome::Success,
            _ => instead,
        }
    }

    async fn attempt(&self, mut task: TaskTry, desk: &dyn Desk, stop: StopSignal) -> Outcome {
        let operator = task.task.operator;
        if let Some(refusal) = self.settings.policy.now().refusal(&task.task) {
            return Outcome::refused(refusal);
        }
        let Some(runner) = self.runners.get(&operator) else {
            return Outcome::refused(format!(
                "nothing here runs tasks of operator {}; see the DAG's runtime for what is missing",
                operator.name()
            ));
        };
        match template::render(&self.settings, &task, desk).await {
            Ok(None) => {}
            Ok(Some(arguments)) => {
                task.task.arguments = arguments;
                let shown = serde_json::Value::Object(task.task.arguments.clone());
                if let Err(fault) = desk.rendered(shown).await {
                    return Outcome::failed(fault.to_string());
                }
            }
            Err(fault) => return fault.outcome(),
        }
        runner.run(&task, desk, stop).await
    }
}

/// What a panic in a runner becomes.
fn panicked(panic: Box<dyn Any + Send>) -> Outcome {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Outcome::failed(format!("the operator itself broke, which is a mistake in Millstream: {text}"))
}
