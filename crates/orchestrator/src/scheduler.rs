//! The scheduler's loop: waits until something has happened or is due, makes a plan, writes it, and does
//! it.
//!
//! What wakes it: the end of a try, a change that somebody else made through this process's database
//! handle, a DAG file, the next moment at which something is due. Each second it reads the unfinished runs
//! again, for what another process changed. What it decides is written in one transaction ([`plan`]), so
//! that the end of one task and the start of the next cost one write to the disk.

mod due;
mod look;
mod making;
mod tries;

use crate::board::{Board, RunKey, unfinished};
use crate::cut::Cut;
use crate::desk::Notebook;
use crate::instance::{Instance, Voice};
use crate::moment::wall;
use crate::plan::{self, Cause, CutOff, Ended, Facts, Live, Plan};
use crate::settings::Settings;
use crate::status::Status;
use crate::stop::told;
use chrono::{DateTime, Utc};
use executor::{Stopper, TryKey};
use metadata::{Metadata, NextRun, Step, TryStart};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

/// The unfinished runs are read again after so long, whether or not anything is known to have changed.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// A sweep that takes long is followed by so many times as long without one.
const SWEEP_SHARE: u32 = 20;
/// Plans in a row without looking at anything else.
const PLANS_MAX: usize = 64;
/// Ends that are taken in before a plan is made.
const ENDS_MAX: usize = 256;
/// After an error of the database.
const ERROR_PAUSE: Duration = Duration::from_millis(500);
/// From one sign of life in the database to the next.
const LIVES_EVERY: Duration = Duration::from_secs(5);
/// Beyond the grace: no try takes longer to be stopped.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// Why the loop does not go on as it did.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The database.
    Metadata(metadata::Error),
    /// A test ends the process here.
    #[cfg(test)]
    Cut,
}

impl From<metadata::Error> for Halt {
    fn from(error: metadata::Error) -> Self {
        Self::Metadata(error)
    }
}

/// How far the orchestrator is with stopping.
#[derive(Debug, Clone, Copy)]
enum Stopping {
    No,
    /// Running tries may go on until then.
    Grace(Instant),
    /// They were told to stop; then it ends whatever they do.
    Told(Instant),
}

pub(crate) struct Scheduler {
    settings: Settings,
    metadata: Metadata,
    clock: Arc<dyn runtime::Clock>,
    instance: Instance,
    notebook: Arc<Notebook>,
    cut: Cut,
    board: Board,
    dirty: BTreeSet<RunKey>,
    live: Live,
    stoppers: BTreeMap<TryKey, Stopper>,
    tries: JoinSet<Ended>,
    ids: HashMap<Id, TryKey>,
    ended: Vec<Ended>,
    cut_off: Vec<CutOff>,
    /// Next runs that the database does not hold yet.
    next_runs: BTreeMap<String, Option<NextRun>>,
    requests: watch::Receiver<u64>,
    wakes: watch::Receiver<u64>,
    look_at: Instant,
    lives_at: Instant,
    voice: Voice,
    started_at: DateTime<Utc>,
    stopping: Stopping,
    status: Arc<Mutex<Status>>,
}

/// What the scheduler shares with others of this process.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn runtime::Clock>,
    pub(crate) instance: Instance,
    pub(crate) notebook: Arc<Notebook>,
    pub(crate) wakes: watch::Receiver<u64>,
    pub(crate) status: Arc<Mutex<Status>>,
    pub(crate) cut: Cut,
}

impl Scheduler {
    pub(crate) fn new(settings: &Settings, shared: Shared) -> Self {
        let Shared { clock, instance, notebook, wakes, status, cut } = shared;
        let started_at = wall(clock.as_ref());
        Self {
            settings: settings.clone(),
            metadata: settings.metadata.of_scheduler(),
            requests: settings.metadata.requests(),
            clock,
            instance,
            notebook,
            cut,
            board: Board::default(),
            dirty: BTreeSet::new(),
            live: Live::new(),
            stoppers: BTreeMap::new(),
            tries: JoinSet::new(),
            ids: HashMap::new(),
            ended: Vec::new(),
            cut_off: Vec::new(),
            next_runs: BTreeMap::new(),
            wakes,
            look_at: Instant::now(),
            lives_at: Instant::now(),
            voice: Voice::default(),
            started_at,
            stopping: Stopping::No,
            status,
        }
    }

    /// Schedules until told to stop.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            match self.react().await {
                Ok(()) => {}
                #[cfg(test)]
                Err(Halt::Cut) => return,
                Err(Halt::Metadata(error)) => {
                    tracing::warn!(%error, "the scheduler cannot go on; trying again");
                    self.look_at = Instant::now();
                    tokio::time::sleep(ERROR_PAUSE).await;
                }
            }
            self.show();
            if self.stopped() {
                return self.say_that_it_ends().await;
            }
            self.wait(&mut stop).await;
        }
    }

    /// Does all that can be done now.
    async fn react(&mut self) -> Result<(), Halt> {
        self.go_on_stopping();
        self.say_that_it_lives().await?;
        let asked = self.requests.has_changed().unwrap_or(false)
            || self.wakes.has_changed().unwrap_or(false);
        if asked || self.look_at <= Instant::now() {
            self.requests.mark_unchanged();
            self.wakes.mark_unchanged();
            let started = Instant::now();
            self.look().await?;
            let pause = SWEEP_EVERY.max(started.elapsed() * SWEEP_SHARE);
            self.look_at = Instant::now() + pause;
        }
        for _ in 0..PLANS_MAX {
            let now = wall(self.clock.as_ref());
            if !self.is_stopping() {
                self.make_runs(now).await?;
            }
            if !self.take_a_step(now).await? {
                break;
            }
        }
        self.keep_next_runs().await
    }

    /// Makes a plan and does it; whether there was anything to do.
    async fn take_a_step(&mut self, now: DateTime<Utc>) -> Result<bool, Halt> {
        let facts = Facts {
            board: &self.board,
            live: &self.live,
            me: self.instance.name(),
            parallelism: self.settings.parallelism(),
            stopping: self.is_stopping(),
            now,
        };
        let plan = plan::plan(facts, &self.ended, &self.cut_off, &self.dirty);
        for (key, cause) in &plan.stops {
            self.stop_try(key, *cause);
        }
        let steps: Vec<Step> = plan
            .drafts
            .values()
            .filter_map(|draft| draft.step(self.board.dags.get(&draft.entry.run.dag_id)))
            .collect();
        if !steps.is_empty() {
            self.cut.here("before a step")?;
            let refused = self.metadata.take(&steps, now).await?;
            self.cut.here("after a step")?;
            if !refused.is_empty() {
                self.read_again(refused).await?;
                return Ok(true);
            }
        }
        self.keep_what_nobody_wants().await;
        self.ended.clear();
        self.cut_off.clear();
        self.dirty.clear();
        self.take_over(plan);
        Ok(!steps.is_empty())
    }

    /// What ended tries left whose run is no longer on the board.
    async fn keep_what_nobody_wants(&mut self) {
        let gone =
            self.ended.iter().filter(|ended| !self.board.runs.contains_key(&ended.run_key()));
        let notes: Vec<_> = gone.filter_map(|ended| ended.notes.clone()).collect();
        if !notes.is_empty()
            && let Err(error) = self.metadata.keep_notes(&notes).await
        {
            tracing::warn!(%error, "cannot keep the last lines of tasks of ended runs");
        }
    }

    /// The plan is written: the board becomes what it says, and its tries start.
    fn take_over(&mut self, plan: Plan) {
        for (key, draft) in plan.drafts {
            let ended_a_task = draft.ended_a_task();
            let started: Vec<TryStart> = draft.started;
            let mut entry = draft.entry;
            entry.count();
            let goes_on = unfinished(entry.run.state);
            for start in &started {
                self.launch(&key, &entry, start);
            }
            self.board.runs.insert(key.clone(), entry);
            if !goes_on {
                self.board.take_off(&key);
                self.run_ended(&key.dag_id);
            }
            let looks_back = self.board.dags.get(&key.dag_id).is_some_and(|dag| dag.looks_back);
            if ended_a_task && looks_back {
                let others: Vec<RunKey> =
                    self.board.runs_of(&key.dag_id).map(|(key, _)| key.clone()).collect();
                self.dirty.extend(others);
            }
        }
    }

    /// Before it starts anything, and then from time to time.
    async fn say_that_it_lives(&mut self) -> Result<(), Halt> {
        if self.lives_at <= Instant::now() {
            let (name, now) = (self.instance.name(), wall(self.clock.as_ref()));
            self.metadata.orchestrator_lives(name, self.started_at, now).await?;
            self.voice.spoke(Instant::now());
            self.lives_at = Instant::now() + LIVES_EVERY;
        }
        Ok(())
    }

    async fn say_that_it_ends(&self) {
        if let Err(error) = self.metadata.orchestrator_ends(self.instance.name()).await {
            tracing::warn!(%error, "the database goes on saying that this orchestrator lives");
        }
    }

    fn is_stopping(&self) -> bool {
        !matches!(self.stopping, Stopping::No)
    }

    /// Whether the loop may end.
    fn stopped(&self) -> bool {
        let late = matches!(self.stopping, Stopping::Told(until) if until <= Instant::now());
        late || (self.is_stopping() && self.live.is_empty() && self.ended.is_empty())
    }

    /// Tells running tries to stop once their grace is over.
    fn go_on_stopping(&mut self) {
        if let Stopping::Grace(until) = self.stopping
            && until <= Instant::now()
        {
            self.stopping = Stopping::Told(Instant::now() + STOP_PATIENCE);
            let keys: Vec<TryKey> = self.live.keys().cloned().collect();
            for key in keys {
                self.stop_try(&key, Cause::Shutdown);
            }
        }
    }

    /// Waits until there may be something to do.
    async fn wait(&mut self, stop: &mut watch::Receiver<bool>) {
        let now = Instant::now();
        let mut pause = self.look_at.saturating_duration_since(now);
        if let Some(due) = self.due(wall(self.clock.as_ref())) {
            pause = pause.min(due);
        }
        if let Stopping::Grace(until) | Stopping::Told(until) = self.stopping {
            pause = pause.min(until.saturating_duration_since(now));
        }
        tokio::select! {
            Some(joined) = self.tries.join_next_with_id(), if !self.tries.is_empty() => {
                self.take_in(joined);
            }
            Ok(()) = self.requests.changed() => self.look_at = now,
            Ok(()) = self.wakes.changed() => self.look_at = now,
            () = told(stop), if !self.is_stopping() => {
                self.stopping = Stopping::Grace(Instant::now() + self.settings.stop_grace);
            }
            () = tokio::time::sleep(pause) => {}
        }
        while self.ended.len() < ENDS_MAX
            && let Some(joined) = self.tries.try_join_next_with_id()
        {
            self.take_in(joined);
        }
    }

    /// Lets others see how it is.
    fn show(&self) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.looked_at = Some(wall(self.clock.as_ref()));
        status.dags = self.board.dags.len();
        status.unfinished_runs = self.board.runs.len();
        status.running_tries = self.live.len();
    }
}

#[cfg(test)]
mod tests;
