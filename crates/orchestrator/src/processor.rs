//! The DAG processor: keeps what the metadata database says of DAG files as the folder is.
//!
//! Each second it looks at the folder; a file whose time or length is new is read, and parsed if its text
//! is new. A file with an error keeps the DAGs of its last good text, and the error is shown beside them.
//! The DAGs of a file that is gone are stale. A DAG id belongs to the file that had it first; a second
//! file with it gets an import error.

mod round;

use crate::desk::ParseDesk;
use crate::moment::wall;
use crate::reading::{Reading, Source, policed, record};
use crate::settings::Settings;
use crate::stop::told;
use crate::{ParseFault, PythonParser};
use metadata::{AllowedKind, DagRecord, Metadata};
use round::{Known, Round};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// From look to look.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Python files that are parsed at a time.
const PYTHON_AT_A_TIME: usize = 4;
/// DAGs that are recorded in one transaction.
const RECORDED_TOGETHER: usize = 200;

/// A Python file that was parsed, or could not be.
type Done = (String, PathBuf, Source, Result<crate::Parsed, ParseFault>);

pub(crate) struct Processor {
    settings: Settings,
    metadata: Metadata,
    clock: Arc<dyn runtime::Clock>,
    /// Told when DAGs have changed.
    changed: watch::Sender<u64>,
    known: BTreeMap<String, Known>,
    /// Which file a DAG belongs to.
    holders: BTreeMap<String, String>,
    /// Files whose import error the database holds.
    faulty: BTreeSet<String>,
    pythons: JoinSet<Done>,
    permits: Arc<Semaphore>,
    first: bool,
}

impl Processor {
    pub(crate) fn new(
        settings: &Settings,
        clock: Arc<dyn runtime::Clock>,
        changed: watch::Sender<u64>,
    ) -> Self {
        Self {
            settings: settings.clone(),
            metadata: settings.metadata.of_scheduler(),
            clock,
            changed,
            known: BTreeMap::new(),
            holders: BTreeMap::new(),
            faulty: BTreeSet::new(),
            pythons: JoinSet::new(),
            permits: Arc::new(Semaphore::new(PYTHON_AT_A_TIME)),
            first: true,
        }
    }

    /// Looks at the folder again and again, until told to stop.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = told(&mut stop) => return,
                () = tokio::time::sleep(LOOK_EVERY) => self.look().await,
                Some(done) = self.pythons.join_next() => {
                    if let Ok((name, path, source, result)) = done {
                        self.accept_python(name, path, source, result).await;
                    }
                }
            }
        }
    }

    /// Looks at the folder once, and takes in what is new. Python files are only begun.
    pub(crate) async fn look(&mut self) {
        if let Err(error) = self.look_once().await {
            tracing::warn!(%error, "cannot keep what the DAG files say; trying again");
            // All is read again, so that nothing stays out.
            self.known.clear();
            self.first = true;
        }
    }

    async fn look_once(&mut self) -> Result<(), metadata::Error> {
        self.learn_policy().await?;
        if self.first {
            self.learn().await?;
        }
        let folder = self.settings.dags.clone();
        let known = std::mem::take(&mut self.known);
        let now = self.clock.elapsed();
        let looked = tokio::task::spawn_blocking(move || round::look(&folder, known, now)).await;
        let round = match looked {
            Ok(Ok(round)) => round,
            Ok(Err((known, error))) => {
                self.known = known;
                tracing::warn!(%error, folder = %self.settings.dags.display(),
                    "cannot look at the folder of DAG files");
                return Ok(());
            }
            // The look itself broke or was given up: nothing is known, all is read again.
            Err(_) => return Ok(()),
        };
        self.take_in(round).await
    }

    /// What DAG files may use now. With another list every file is read again.
    async fn learn_policy(&mut self) -> Result<(), metadata::Error> {
        let policy = self.settings.executor.settings().policy.clone();
        if !policy.lists() {
            return Ok(());
        }
        let (mut packages, mut operators) = (BTreeMap::new(), BTreeSet::new());
        for entry in self.metadata.allowed().await? {
            match entry.kind {
                AllowedKind::Package => drop(packages.insert(entry.name, entry.version)),
                AllowedKind::Operator => drop(operators.insert(entry.name)),
            }
        }
        if policy.set(packages, operators) && !self.first {
            self.known.clear();
            self.first = true;
        }
        Ok(())
    }

    /// What the database holds from before.
    async fn learn(&mut self) -> Result<(), metadata::Error> {
        for dag in self.metadata.dag_states().await? {
            if !dag.stale {
                self.holders.insert(dag.dag_id, dag.file);
            }
        }
        let errors = self.metadata.import_errors().await?;
        self.faulty = errors.into_iter().map(|error| error.file).collect();
        Ok(())
    }

    async fn take_in(&mut self, round: Round) -> Result<(), metadata::Error> {
        let Round { known, gone, read, python, cut_short } = round;
        self.known = known;
        let mut changed = !gone.is_empty() || self.first || !read.is_empty();
        if !gone.is_empty() || self.first {
            let files: Vec<String> = self.known.keys().cloned().collect();
            self.metadata.retain_files(&files).await?;
            self.faulty.retain(|file| self.known.contains_key(file));
            let known = &self.known;
            self.holders.retain(|_, file| known.contains_key(file));
            self.read_rivals_again();
        }
        if cut_short && (self.first || changed) {
            tracing::warn!(folder = %self.settings.dags.display(), files_max = crate::folder::FILES_MAX,
                "there is more below the folder of DAG files than is looked at");
        }
        self.first = false;
        self.accept(read).await?;
        for (name, path, source) in python {
            changed |= self.begin_python(name, path, source).await?;
        }
        if changed {
            self.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }

    /// Has a Python file parsed; whether there is news already.
    async fn begin_python(
        &mut self,
        name: String,
        path: PathBuf,
        source: Source,
    ) -> Result<bool, metadata::Error> {
        let Some(parser) = self.settings.python.clone() else {
            let message = format!(
                "{}: Python DAG files cannot be read; YAML files need no Python",
                self.settings.without_python
            );
            let fault = ParseFault { message, passing: false };
            self.accept(vec![(name, Reading { text: source.text, result: Err(fault) })]).await?;
            return Ok(true);
        };
        let desk = ParseDesk::new(self.metadata.clone());
        let permits = Arc::clone(&self.permits);
        self.pythons.spawn(async move {
            let _permit = permits.acquire_owned().await;
            let result = parse(parser.as_ref(), &path, &desk).await;
            (name, path, source, result)
        });
        Ok(false)
    }

    async fn accept_python(
        &mut self,
        name: String,
        path: PathBuf,
        source: Source,
        result: Result<crate::Parsed, ParseFault>,
    ) {
        // A text that is no longer the file's says nothing.
        let current = self.known.get(&name).is_some_and(|known| known.hash == Some(source.hash));
        if !current {
            return;
        }
        if let Err(fault) = &result
            && fault.passing
            && let Some(known) = self.known.get_mut(&name)
        {
            known.again(self.clock.elapsed());
            tracing::info!(file = %path.display(), "a DAG file will be parsed again");
        }
        match self.accept(vec![(name, Reading { text: source.text, result })]).await {
            Ok(()) => self.changed.send_modify(|count| *count = count.wrapping_add(1)),
            Err(error) => {
                tracing::warn!(%error, "cannot keep what a DAG file says; trying again");
                self.known.clear();
                self.first = true;
            }
        }
    }

    /// Keeps what files hold, or why they could not be parsed.
    async fn accept(&mut self, read: Vec<(String, Reading)>) -> Result<(), metadata::Error> {
        let now = wall(self.clock.as_ref());
        let mut records: Vec<DagRecord> = Vec::new();
        let mut errors: Vec<(String, String, String)> = Vec::new();
        let mut good: Vec<String> = Vec::new();
        let mut left: Vec<(String, Vec<String>)> = Vec::new();
        let allowed = self.settings.executor.settings().policy.now();
        for (name, reading) in read {
            match policed(&allowed, &reading.text, reading.result) {
                Err(fault) => errors.push((name, reading.text, fault.message)),
                Ok(parsed) => {
                    let (ids, twice) = self.hold(&name, parsed.dags.iter().map(|dag| &dag.id));
                    let mut wanted = ids.clone();
                    for dag in parsed.dags.iter().filter(|dag| wanted.remove(&dag.id)) {
                        let paused = self.paused_upon_creation(dag);
                        records.push(record(dag, &name, &reading.text, &parsed, paused));
                    }
                    if self.release(&name, &ids) {
                        left.push((name.clone(), ids.into_iter().collect()));
                    }
                    if twice.is_empty() {
                        good.push(name);
                    } else {
                        errors.push((name, reading.text, twice.join("\n")));
                    }
                }
            }
        }
        for part in records.chunks(RECORDED_TOGETHER) {
            self.metadata.record_dags(part, now).await?;
        }
        for (file, dag_ids) in left {
            self.metadata.retain_dags(&file, &dag_ids).await?;
        }
        for (file, text, error) in errors {
            self.metadata.record_import_error(&file, &text, &error, now).await?;
            self.faulty.insert(file);
        }
        for file in good {
            if self.faulty.remove(&file) {
                self.metadata.clear_import_error(&file).await?;
            }
        }
        Ok(())
    }

    /// The DAGs that belong to a file, and what is to be said of those that do not.
    fn hold<'id>(
        &mut self,
        file: &str,
        dag_ids: impl Iterator<Item = &'id String>,
    ) -> (BTreeSet<String>, Vec<String>) {
        let mut ids = BTreeSet::new();
        let mut twice = Vec::new();
        for id in dag_ids {
            match self.holders.get(id) {
                Some(holder) if holder != file => {
                    twice.push(format!(
                        "the DAG {id} is in {holder} already; rename one of the two"
                    ));
                    if let Some(known) = self.known.get_mut(file) {
                        known.rival = true;
                    }
                }
                _ if !ids.insert(id.clone()) => {
                    twice
                        .push(format!("the DAG {id} is in this file twice; rename one of the two"));
                }
                _ => drop(self.holders.insert(id.clone(), file.to_owned())),
            }
        }
        (ids, twice)
    }

    /// Gives up the DAGs that a file held and holds no longer; whether there were any.
    fn release(&mut self, file: &str, ids: &BTreeSet<String>) -> bool {
        let before = self.holders.len();
        self.holders.retain(|id, holder| holder != file || ids.contains(id));
        let released = self.holders.len() < before;
        if released {
            self.read_rivals_again();
        }
        released
    }

    /// Files that wanted a DAG of another may have it now.
    fn read_rivals_again(&mut self) {
        for known in self.known.values_mut() {
            if known.rival {
                *known = Known::default();
            }
        }
    }

    fn paused_upon_creation(&self, dag: &dag::Dag) -> bool {
        if self.settings.unpaused.contains(&dag.id) {
            return false;
        }
        dag.paused_upon_creation.unwrap_or(self.settings.paused_at_creation)
    }
}

async fn parse(
    parser: &dyn PythonParser,
    path: &std::path::Path,
    desk: &ParseDesk,
) -> Result<crate::Parsed, ParseFault> {
    parser.parse(path, desk).await
}

#[cfg(test)]
mod tests;
