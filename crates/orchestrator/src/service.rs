//! An orchestrator as its owner sees it: started, asked, stopped.

use crate::cut::Cut;
use crate::desk::Notebook;
use crate::instance::Instance;
use crate::moment::wall;
use crate::processor::Processor;
use crate::scheduler::{Scheduler, Shared};
use crate::{Error, Settings, Status};
use runtime::World;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running orchestrator. Dropping it ends it as a kill would: what it left running is started again by
/// the next one.
#[derive(Debug)]
pub struct Orchestrator {
    scheduler: JoinHandle<()>,
    processor: JoinHandle<()>,
    notebook: JoinHandle<()>,
    stop: watch::Sender<bool>,
    stop_notebook: watch::Sender<bool>,
    wakes: watch::Sender<u64>,
    status: Arc<Mutex<Status>>,
}

impl Orchestrator {
    /// Reads the DAG files, then schedules. YAML files are in when this returns, Python files may follow.
    ///
    /// # Errors
    /// If it cannot show that it lives, or the database does not answer.
    pub async fn start(settings: Settings, world: World) -> Result<Self, Error> {
        Self::start_with(settings, world, Cut::default()).await
    }

    pub(crate) async fn start_with(
        settings: Settings,
        world: World,
        cut: Cut,
    ) -> Result<Self, Error> {
        let clock = world.clock;
        let instance = Instance::enter(&settings.data)?;
        let notebook = Arc::new(Notebook::new(settings.metadata.of_scheduler()));
        let status = Arc::new(Mutex::new(Status {
            instance: instance.name().to_owned(),
            started_at: Some(wall(clock.as_ref())),
            ..Status::default()
        }));
        let (stop, stopped) = watch::channel(false);
        let (stop_notebook, notebook_stopped) = watch::channel(false);
        let (wakes, woken) = watch::channel(0);
        let mut processor = Processor::new(&settings, Arc::clone(&clock), wakes.clone());
        processor.look().await;
        let shared = Shared {
            clock,
            instance,
            notebook: Arc::clone(&notebook),
            wakes: woken,
            status: Arc::clone(&status),
            cut,
        };
        let scheduler = Scheduler::new(&settings, shared);
        Ok(Self {
            scheduler: tokio::spawn(scheduler.run(stopped.clone())),
            processor: tokio::spawn(processor.run(stopped)),
            notebook: tokio::spawn(async move { notebook.run(notebook_stopped).await }),
            stop,
            stop_notebook,
            wakes,
            status,
        })
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the scheduler look at the database at once, as it does each second.
    pub fn wake(&self) {
        self.wakes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Stops: no try starts any more; those that run have [`Settings::stop_grace`], then they are told to
    /// stop, and are started again by the next orchestrator, without loss of a retry.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let _ended = (&mut self.scheduler).await;
        let _ended = (&mut self.processor).await;
        self.stop_notebook.send_replace(true);
        let _ended = (&mut self.notebook).await;
    }

    /// Waits until it has ended by itself, as only a test makes it.
    #[cfg(test)]
    pub(crate) async fn ended(mut self) {
        let _ended = (&mut self.scheduler).await;
    }
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        self.scheduler.abort();
        self.processor.abort();
        self.notebook.abort();
    }
}
