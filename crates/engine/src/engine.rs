//! All streams of a project: started, watched, changed and stopped together.

use crate::memory::MemoryShare;
use crate::project::{Connector, Project, Stream, Table};
use crate::query::QuerySettings;
use crate::rest::{self, RestError};
use crate::status::{Board, Endpoint, Status, StreamStatus};
use crate::stream::{Environment, Pace, supervise};
use door::Door;
use runtime::World;
use scylla::client::session::Session;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{OnceCell, Semaphore};

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Kafka's bootstrap address.
    pub kafka: String,
    /// Cassandra's contact points.
    pub cassandra: Vec<String>,
    /// Where journals are.
    pub data_dir: PathBuf,
    /// The project's directory, against which paths in options are read.
    pub project_dir: PathBuf,
    /// Where the status is served.
    pub listen: SocketAddr,
    /// Threads that judge one batch.
    pub parallelism: usize,
    /// Most records in one batch.
    pub batch_records: usize,
    /// Bytes of records that all streams together hold, apart from their state.
    pub memory: usize,
    /// Longest wait between two commits of a stream into Cassandra.
    pub commit_interval: Duration,
    /// Longest wait between two commits of a stream into a topic: its rows are seen at the commit.
    pub topic_commit_interval: Duration,
    /// Most records between two commits.
    pub commit_records: usize,
    /// A stream's journal of this size is replaced by its state, bytes.
    pub journal_bytes: u64,
    /// Memory of a query's sorts, joins and groups, bytes.
    pub query_memory: usize,
}

/// Why the engine did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The status address cannot be listened on.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// A stream's thread could not be started.
    #[error("cannot start a thread for stream {stream}: {source}")]
    Thread {
        /// The stream.
        stream: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    server: rest::Server,
}

#[derive(Debug)]
pub(crate) struct Shared {
    settings: Settings,
    world: World,
    handle: tokio::runtime::Handle,
    session: Arc<OnceCell<Arc<Session>>>,
    running: Mutex<Vec<Running>>,
    /// The project as it runs, for queries.
    project: Mutex<Arc<Project>>,
    /// Held by whoever starts or stops streams.
    pub(crate) control: tokio::sync::Mutex<()>,
    /// Held by the query that runs.
    pub(crate) queries: Arc<Semaphore>,
}

#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) stream: Arc<Stream>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) board: Board,
    pub(crate) thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Whether its thread works, or waits for what is away.
    pub(crate) fn runs(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

/// What a changed project meant for the streams that ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reload {
    /// Streams that began.
    pub started: Vec<String>,
    /// Streams that ended.
    pub stopped: Vec<String>,
    /// Streams that go on with another statement.
    pub changed: Vec<String>,
    /// Streams whose edit their state cannot follow: they go on as they were. With the reason.
    pub refused: Vec<(String, String)>,
}

impl Engine {
    /// Starts every stream of `project`; must be called within the runtime whose threads are the
    /// engine's own.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(
        settings: Settings,
        project: Project,
        door: Door,
        world: World,
    ) -> Result<Self, StartError> {
        let listen = settings.listen;
        let shared = Arc::new(Shared {
            settings,
            world,
            handle: tokio::runtime::Handle::current(),
            session: Arc::default(),
            running: Mutex::default(),
            project: Mutex::new(Arc::new(project)),
            control: tokio::sync::Mutex::default(),
            queries: Arc::new(Semaphore::new(1)),
        });
        let server = rest::serve(listen, door, Arc::clone(&shared)).await?;
        let engine = Self { shared, server };
        let project = engine.shared.project();
        let share = engine.shared.share(project.streams.len());
        for stream in &project.streams {
            engine.shared.begin(Arc::clone(stream), share)?;
        }
        Ok(engine)
    }

    /// Where the status is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How every stream is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Takes up a changed project: ends streams that are gone, starts new ones, and starts changed ones
    /// again from their journals. A stream whose state cannot follow its edit goes on as it was.
    ///
    /// # Errors
    /// [`StartError::Thread`].
    pub async fn reload(&self, project: Project) -> Result<Reload, StartError> {
        let _one_at_a_time = self.shared.control.lock().await;
        let mut reload = Reload::default();
        let mut ending = Vec::new();
        {
            let mut running = self.shared.lock();
            let mut at = 0;
            while at < running.len() {
                let kept = project.streams.iter().find(|new| new.name == running[at].stream.name);
                if kept.is_some_and(|new| same(new, &running[at].stream)) {
                    at += 1;
                    continue;
                }
                if let Some(reason) = kept.and_then(|new| stranded(new, &running[at])) {
                    reload.refused.push((running[at].stream.name.clone(), reason));
                    at += 1;
                    continue;
                }
                let name = running[at].stream.name.clone();
                if kept.is_some() { &mut reload.changed } else { &mut reload.stopped }.push(name);
                ending.push(running.remove(at));
            }
        }
        end(ending).await;
        // What runs on keeps the share it began with.
        let share = self.shared.share(project.streams.len());
        for stream in &project.streams {
            let known = self.shared.lock().iter().any(|r| r.stream.name == stream.name);
            if !known {
                if !reload.changed.contains(&stream.name) {
                    reload.started.push(stream.name.clone());
                }
                self.shared.begin(Arc::clone(stream), share)?;
            }
        }
        *self.shared.project.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(project);
        Ok(reload)
    }

    /// Commits what every stream has and ends it.
    pub async fn stop(self) {
        let ending = std::mem::take(&mut *self.shared.lock());
        end(ending).await;
        self.server.stop().await;
    }
}

/// Whether a stream would run the same.
fn same(new: &Stream, old: &Stream) -> bool {
    let table = |a: &Table, b: &Table| {
        a.schema == b.schema
            && a.connector == b.connector
            && a.watermark == b.watermark
            && a.primary_key == b.primary_key
            && a.metadata == b.metadata
            && a.format == b.format
    };
    new.text == old.text && table(&new.source, &old.source) && table(&new.sink, &old.sink)
}

/// Why the state of a stream that runs cannot go on under an edited statement. A stream that has failed
/// has nothing to lose by the edit.
fn stranded(new: &Stream, running: &Running) -> Option<String> {
    let old = &running.stream;
    if running.board.show().state == "failed" {
        return None;
    }
    let topic = |stream: &Stream| match &stream.source.connector {
        Connector::Kafka(kafka) => Some(kafka.topic.clone()),
        _ => None,
    };
    match (topic(old), topic(new)) {
        (Some(old), Some(new)) if old != new => {
            return Some(format!("its checkpoint belongs to topic {old}, not {new}"));
        }
        (Some(_), None) | (None, Some(_)) => {
            return Some(
                "a stream that polls and one that reads a topic keep different state".into(),
            );
        }
        _ => {}
    }
    if old.plan.operators() != new.plan.operators() {
        return Some("its state was made by another GROUP BY, window or deduplication".into());
    }
    None
}

async fn end(mut ending: Vec<Running>) {
    for running in &ending {
        running.stop.store(true, Ordering::Relaxed);
    }
    for running in &mut ending {
        if let Some(thread) = running.thread.take() {
            // A panic of the thread was reported by its board; there is nothing left to end.
            let _ended = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a query over the running project is given.
    pub(crate) fn query_settings(&self) -> QuerySettings {
        QuerySettings {
            kafka: self.settings.kafka.clone(),
            cassandra: self.settings.cassandra.clone(),
            memory_bytes: self.settings.query_memory,
            spill_dir: std::env::temp_dir(),
            parallelism: self.settings.parallelism,
            now_micros: self.world.clock.wall_micros(),
        }
    }

    /// The project as it runs.
    pub(crate) fn project(&self) -> Arc<Project> {
        Arc::clone(&self.project.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn status(&self) -> Status {
        Status { streams: self.lock().iter().map(|running| running.board.show()).collect() }
    }

    pub(crate) fn share(&self, streams: usize) -> MemoryShare {
        MemoryShare::of(self.settings.memory, streams)
    }

    /// Takes a stream of the project in: one that a task starts waits for that.
    fn begin(&self, stream: Arc<Stream>, memory: MemoryShare) -> Result<(), StartError> {
        if !stream.starts_by_task() {
            return self.launch(stream, memory);
        }
        let board = Board::new(self.first_status(&stream), Arc::clone(&self.world.clock));
        board.state("stopped", None);
        self.put(Running { stream, stop: Arc::default(), board, thread: None });
        Ok(())
    }

    /// Lists a stream in the order of the project, in place of one of its name.
    fn put(&self, running: Running) {
        let place = |running: &Running| (running.stream.file.clone(), running.stream.position);
        let mut list = self.lock();
        list.retain(|known| known.stream.name != running.stream.name);
        let at = list.partition_point(|known| place(known) < place(&running));
        list.insert(at, running);
    }

    pub(crate) fn launch(
        &self,
        stream: Arc<Stream>,
        memory: MemoryShare,
    ) -> Result<(), StartError> {
        let settings = &self.settings;
        let into_topic = matches!(stream.sink.connector, Connector::Kafka(_));
        let stop = Arc::new(AtomicBool::new(false));
        let board = Board::new(self.first_status(&stream), Arc::clone(&self.world.clock));
        let environment = Environment {
            stream: Arc::clone(&stream),
            world: self.world.clone(),
            pace: Pace {
                batch_records: settings.batch_records,
                memory,
                commit_interval: if into_topic {
                    settings.topic_commit_interval
                } else {
                    settings.commit_interval
                },
                commit_records: settings.commit_records,
                journal_bytes: settings.journal_bytes,
                parallelism: settings.parallelism,
            },
            bootstrap: settings.kafka.clone(),
            contact_points: settings.cassandra.clone(),
            session: Arc::clone(&self.session),
            data_dir: settings.data_dir.clone(),
            project_dir: settings.project_dir.clone(),
            handle: self.handle.clone(),
            stop: Arc::clone(&stop),
            board: board.clone(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("stream {}", stream.name))
            .spawn(move || supervise(&environment))
            .map_err(|source| StartError::Thread { stream: stream.name.clone(), source })?;
        self.put(Running { stream, stop, board, thread: Some(thread) });
        Ok(())
    }

    fn first_status(&self, stream: &Stream) -> StreamStatus {
        StreamStatus {
            name: stream.name.clone(),
            file: stream.file.display().to_string(),
            source: self.endpoint(&stream.source),
            sink: self.endpoint(&stream.sink),
            state: "starting".into(),
            ..StreamStatus::default()
        }
    }

    fn endpoint(&self, table: &Table) -> Endpoint {
        let (kind, name) = table.place();
        let address = match &table.connector {
            Connector::Kafka(_) => self.settings.kafka.clone(),
            Connector::Cassandra(_) => self.settings.cassandra.join(","),
            Connector::Http(http) => http.url.clone(),
            Connector::File(_) | Connector::Datagen(_) => String::new(),
        };
        Endpoint { kind: kind.into(), name, address }
    }
}
