//! Start and stop.

use crate::disk::catalog::Catalog;
use crate::disk::committer::Committer;
use crate::disk::engine::Engine;
use crate::error::{DiskError, StartError};
use crate::net::listener;
use crate::node::{Node, Parts};
use crate::settings::Settings;
use crate::system_tables;
use runtime::{Durability, World};
use std::fs::{File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// How long writes may stay unsynced under [`Durability::Os`]: Cassandra's `commitlog_sync_period`.
const SYNC_EVERY: Duration = Duration::from_secs(10);

/// A running store. Dropping it without [`Store::stop`] closes the port and ends connections as a
/// killed process would; acknowledged writes are kept.
#[derive(Debug)]
pub struct Store {
    address: SocketAddr,
    node: Option<Arc<Node>>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    lock: Option<File>,
}

impl Store {
    /// Opens the data directory and begins to listen. The port answers once everything is open.
    ///
    /// # Errors
    /// [`StartError`]: the directory is in use or unreadable, or the port is taken.
    pub async fn start(settings: Settings, world: World) -> Result<Self, StartError> {
        let lock = lock_directory(&settings.data_dir)?;
        let address = settings.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| StartError::Listen { address, source })?;
        let address =
            listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        let directory = settings.data_dir.clone();
        let durability = world.durability;
        let node = tokio::task::spawn_blocking(move || open(settings, &world, address)).await;
        let node = match node {
            Ok(Ok(node)) => Arc::new(node),
            Ok(Err(source)) => return Err(StartError::Disk { directory, source }),
            Err(error) => {
                let source = DiskError::Open { source: error.into() };
                return Err(StartError::Disk { directory, source });
            }
        };
        let (stop, stopped) = watch::channel(false);
        let mut tasks = vec![tokio::spawn(listener::run(Arc::clone(&node), listener, stopped))];
        if durability == Durability::Os {
            tasks.push(tokio::spawn(sync_in_background(node.committer.clone())));
        }
        tracing::info!("the store listens on {address}");
        Ok(Self { address, node: Some(node), stop, tasks, lock: Some(lock) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends connections, makes all acknowledged writes durable and lets go of the directory.
    pub async fn stop(mut self) {
        let _nobody = self.stop.send(true);
        for task in self.tasks.drain(..) {
            task.abort();
            // Aborted tasks end with an error that says so.
            let _ended = task.await;
        }
        if let Some(node) = self.node.take()
            && let Err(error) = node.committer.sync().await
        {
            tracing::warn!("cannot sync the store: {error}");
        }
        self.lock = None;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn sync_in_background(committer: Committer) {
    loop {
        committer.written().await;
        tokio::time::sleep(SYNC_EVERY).await;
        if committer.sync().await.is_err() {
            return;
        }
    }
}

fn lock_directory(directory: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::Directory { directory: directory.to_owned(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let path = directory.join("store.lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn open(settings: Settings, world: &World, address: SocketAddr) -> Result<Node, DiskError> {
    let engine = runtime::background::run("store-open", || Engine::open(&settings, world));
    let engine = Arc::new(engine.map_err(|source| DiskError::Thread { source })??);
    let clock = Arc::clone(&world.clock);
    let committer = Committer::start(Arc::clone(&engine), Arc::clone(&clock))?;
    let catalog = Catalog::open(Arc::clone(&engine), system_tables::keyspaces())?;
    let host_id = host_id(&engine)?;
    Ok(Node::new(Parts { settings, address, clock, engine, committer, catalog, host_id }))
}

/// The id this data directory was given when it was made.
fn host_id(engine: &Engine) -> Result<Uuid, DiskError> {
    if let Some(bytes) = engine.read_catalog("host_id")?
        && let Ok(id) = Uuid::from_slice(&bytes)
    {
        return Ok(id);
    }
    let id = Uuid::new_v4();
    engine.write_catalog("host_id", id.as_bytes())?;
    Ok(id)
}
