//! Reads the database again, and finds what changed on the board.

use super::{Halt, Scheduler};
use crate::board::{DagEntry, Past, RunEntry, RunKey};
use crate::moment::wall;
use crate::plan::{CUT, Cause, CutOff};
use dag::Dag;
use executor::TryKey;
use metadata::{DagState, TaskFacts};
use scheduler::TaskState;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

impl Scheduler {
    /// Reads what others may have changed.
    pub(super) async fn look(&mut self) -> Result<(), Halt> {
        self.look_at_dags().await?;
        let pools = self.metadata.pools().await?;
        self.board.pools =
            pools.into_iter().map(|pool| (pool.pool.name, pool.pool.slots)).collect();
        self.look_at_runs().await?;
        self.look_at_backfills().await?;
        self.look_at_tries();
        self.find_cut_off().await
    }

    async fn look_at_dags(&mut self) -> Result<(), Halt> {
        let states = self.metadata.dag_states().await?;
        let there: BTreeSet<&String> = states.iter().map(|state| &state.dag_id).collect();
        self.board.dags.retain(|dag_id, _| there.contains(dag_id));
        let mut news: BTreeMap<String, DagState> = BTreeMap::new();
        for state in states {
            let Some(entry) = self.board.dags.get_mut(&state.dag_id) else {
                news.insert(state.dag_id.clone(), state);
                continue;
            };
            if entry.state.version != state.version {
                news.insert(state.dag_id.clone(), state);
                continue;
            }
            let went_on = entry.goes_on();
            entry.state = state;
            if entry.goes_on() != went_on {
                // What is due is found out anew, since time went on meanwhile.
                entry.next = crate::board::Next::Unknown;
                let dag_id = entry.state.dag_id.clone();
                self.all_dirty(&dag_id);
            }
        }
        if !news.is_empty() {
            self.read_dags(news).await?;
        }
        Ok(())
    }

    async fn read_dags(&mut self, mut news: BTreeMap<String, DagState>) -> Result<(), Halt> {
        let ids: Vec<String> = news.keys().cloned().collect();
        let texts = self.metadata.newest_serialised(&ids).await?;
        let read = tokio::task::spawn_blocking(move || {
            let read = |text: &str| {
                let json = serde_json::from_str(text).map_err(|error| error.to_string())?;
                Dag::from_json(&json)
            };
            texts
                .into_iter()
                .map(|(dag_id, version, text)| (dag_id, version, read(&text)))
                .collect::<Vec<_>>()
        });
        for (dag_id, version, dag) in read.await.unwrap_or_default() {
            let Some(mut state) = news.remove(&dag_id) else { continue };
            // It may have grown since the states were read.
            state.version = version;
            match dag {
                Ok(dag) => drop(self.board.dags.insert(dag_id.clone(), DagEntry::new(state, dag))),
                Err(error) => {
                    tracing::warn!(
                        dag_id,
                        error,
                        "the database holds a DAG that is not understood"
                    );
                    self.board.dags.remove(&dag_id);
                }
            }
            self.all_dirty(&dag_id);
        }
        Ok(())
    }

    fn all_dirty(&mut self, dag_id: &str) {
        let runs: Vec<RunKey> = self.board.runs_of(dag_id).map(|(key, _)| key.clone()).collect();
        self.dirty.extend(runs);
    }

    async fn look_at_runs(&mut self) -> Result<(), Halt> {
        let runs = self.metadata.unfinished_runs().await?;
        let mut facts: BTreeMap<RunKey, Vec<TaskFacts>> = BTreeMap::new();
        for task in self.metadata.unfinished_tasks().await? {
            facts.entry(RunKey::of_task(&task.key)).or_default().push(task);
        }
        let mut there = BTreeSet::new();
        for run in runs {
            let key = RunKey::of(&run);
            let tasks = facts.remove(&key).unwrap_or_default();
            there.insert(key.clone());
            self.put(key, RunEntry::new(run, tasks)).await?;
        }
        let gone: Vec<RunKey> =
            self.board.runs.keys().filter(|key| !there.contains(key)).cloned().collect();
        for key in gone {
            self.lose(&key).await?;
        }
        Ok(())
    }

    /// Most projects have none: then nothing is asked.
    async fn look_at_backfills(&mut self) -> Result<(), Halt> {
        let any = self.board.runs.values().any(|entry| entry.run.backfill_id.is_some());
        let found = if any { self.metadata.unfinished_backfills().await? } else { Vec::new() };
        self.board.backfills = found.into_iter().map(|backfill| (backfill.id, backfill)).collect();
        Ok(())
    }

    /// Puts a run on the board as the database holds it.
    async fn put(&mut self, key: RunKey, mut entry: RunEntry) -> Result<(), Halt> {
        let looks_back = self.board.dags.get(&key.dag_id).is_some_and(|dag| dag.looks_back);
        if let Some(known) = self.board.runs.get(&key) {
            let asked = known.past != Past::Unread || !looks_back;
            if known.same(&entry) && asked {
                return Ok(());
            }
            entry.past = known.past.clone();
        }
        self.board.runs.insert(key.clone(), entry);
        self.dirty.insert(key.clone());
        self.read_past(&key).await
    }

    /// A run that is no longer unfinished leaves the board as it is now.
    async fn lose(&mut self, key: &RunKey) -> Result<(), Halt> {
        let looks_back = self.board.dags.get(&key.dag_id).is_some_and(|dag| dag.looks_back);
        if looks_back && let Some(entry) = self.board.runs.get_mut(key) {
            let facts = self.metadata.task_facts(&key.dag_id, &key.run_id).await?;
            entry.states = facts.into_iter().map(|task| (task.key.task_id, task.state)).collect();
        }
        self.board.take_off(key);
        self.run_ended(&key.dag_id);
        self.all_dirty(&key.dag_id);
        Ok(())
    }

    /// Reads the run before a run, if a task of it looks at that.
    pub(super) async fn read_past(&mut self, key: &RunKey) -> Result<(), Halt> {
        let looks_back = self.board.dags.get(&key.dag_id).is_some_and(|dag| dag.looks_back);
        let Some(entry) = self.board.runs.get(key) else { return Ok(()) };
        if entry.past != Past::Unread || !looks_back {
            return Ok(());
        }
        let before = match entry.run.logical_date {
            None => None,
            Some(date) => self.metadata.run_before(&key.dag_id, date, None).await?,
        };
        let past = match before {
            None => Past::Nothing,
            Some(run) => {
                let facts = self.metadata.task_facts(&run.dag_id, &run.run_id).await?;
                let states = facts.into_iter().map(|task| (task.key.task_id, task.state));
                Past::Run { key: RunKey::of(&run), states: states.collect() }
            }
        };
        if let Some(entry) = self.board.runs.get_mut(key) {
            entry.past = past;
        }
        Ok(())
    }

    /// Reads runs again of which something was outdated.
    pub(super) async fn read_again(&mut self, runs: Vec<(String, String)>) -> Result<(), Halt> {
        for (dag_id, run_id) in runs {
            let key = RunKey { dag_id, run_id };
            let run = self.metadata.run(&key.dag_id, &key.run_id).await?;
            match run.filter(|run| crate::board::unfinished(run.state)) {
                None => self.lose(&key).await?,
                Some(run) => {
                    let facts = self.metadata.task_facts(&key.dag_id, &key.run_id).await?;
                    self.put(key, RunEntry::new(run, facts)).await?;
                }
            }
        }
        self.look_at_tries();
        Ok(())
    }

    /// Stops tries of this process whose task is no longer theirs.
    fn look_at_tries(&mut self) {
        let me = self.instance.name();
        let cause = |key: &TryKey| {
            let run = RunKey { dag_id: key.dag_id.clone(), run_id: key.run_id.clone() };
            let Some(entry) = self.board.runs.get(&run) else { return Some(Cause::RunEnded) };
            let facts = entry.facts.get(&key.task_id)?;
            let current = facts.try_number == key.try_number;
            match facts.state {
                TaskState::Running if current && facts.owner.as_deref() == Some(me) => None,
                TaskState::Restarting if current => Some(Cause::Cleared),
                _ => Some(Cause::Marked),
            }
        };
        let stops: Vec<(TryKey, Cause)> =
            self.live.keys().filter_map(|key| Some((key.clone(), cause(key)?))).collect();
        for (key, cause) in stops {
            self.stop_try(&key, cause);
        }
    }

    /// Finds tasks that are said to run, and do not: those of dead orchestrators, and those of this one
    /// whose start was written though the database did not say so.
    async fn find_cut_off(&mut self) -> Result<(), Halt> {
        let me = self.instance.name();
        let mut found = Vec::new();
        let mut others = BTreeSet::new();
        for (key, entry) in &self.board.runs {
            for task_id in &entry.active {
                let Some(facts) = entry.facts.get(task_id) else { continue };
                let owner = facts.owner.clone().unwrap_or_default();
                if owner != me {
                    others.insert(owner.clone());
                } else if self.is_here(key, task_id, facts.try_number) {
                    continue;
                }
                found.push((key.clone(), task_id.clone(), owner));
            }
        }
        if !others.is_empty() {
            let seen = self.metadata.orchestrators().await?;
            let seen = Some(&*seen).filter(|_| self.voice.heard_others(Instant::now()));
            let now = wall(self.clock.as_ref());
            others.retain(|name| !self.instance.dead(name, seen, now));
        }
        found.retain(|(_, _, owner)| !others.contains(owner));
        self.cut_off.clear();
        for (run, task_id, owner) in found {
            let tries = self.metadata.tries(&run.task(&task_id)).await?;
            let earlier = tries.iter().rev().filter(|one| one.end.is_some());
            let cut = earlier.take_while(|one| one.reason.as_deref() == Some(CUT));
            let before = cut.count();
            self.dirty.insert(run.clone());
            self.cut_off.push(CutOff { run, task_id, owner, before });
        }
        Ok(())
    }

    /// Whether a try runs in this process, or has ended in it and is still to be written.
    fn is_here(&self, run: &RunKey, task_id: &str, try_number: u32) -> bool {
        let key = TryKey {
            dag_id: run.dag_id.clone(),
            run_id: run.run_id.clone(),
            task_id: task_id.to_owned(),
            try_number,
        };
        self.live.contains_key(&key) || self.ended.iter().any(|ended| ended.key == key)
    }
}
