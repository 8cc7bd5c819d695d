//! The start of a node, what it then holds, and its stop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use accounts::Accounts;
use console::Neighbours;
use doctor::Declared;
use metadata::{Metadata, SecretKey};
use orchestrator::Orchestrator;
use runtime::World;
use tokio::runtime::Handle;

use super::diagnosis;
use super::health;
use super::key;
use super::listening::Listening;
use super::lock::DataLock;
use super::orchestration;
use super::parts;
use super::plan::{self, PARTS, Plan};
use crate::addresses::Address;
use crate::cli::PartName;
use crate::config::Config;
use crate::engine_link;
use crate::failure::Failure;
use crate::screen::table::{Side, Table};

/// What a start needs.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// The settings.
    pub(crate) config: &'a Config,
    /// Which parts run here.
    pub(crate) plan: &'a Plan,
    /// The data directory.
    pub(crate) data: &'a Path,
    /// The project's directory.
    pub(crate) directory: &'a Path,
    /// The folder of DAG files.
    pub(crate) dags: &'a Path,
    /// What the project's files declare.
    pub(crate) declared: &'a [Declared],
    /// Clock, disk, durability.
    pub(crate) world: World,
    /// The engine's own threads, so that heavy queries do not delay the servers.
    pub(crate) engine_threads: Handle,
}

/// A running node. Every part is there from its start to its stop.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where the parts listen.
    pub(crate) listening: Listening,
    login_link: Option<String>,
    key: SecretKey,
    /// What the console's doctor knows of the project's files.
    files: diagnosis::Files,
    broker: Option<broker::Broker>,
    store: Option<store::Store>,
    generator: Option<generator::Server>,
    engine: Option<engine_link::Engine>,
    metadata: Option<Metadata>,
    orchestrator: Option<Orchestrator>,
    webserver: Option<webserver::Webserver>,
    console: Option<console::Console>,
    engine_threads: Handle,
    _lock: DataLock,
}

impl Node {
    /// Starts every part of the plan, or none: a failure stops what was started.
    pub(crate) async fn start(
        start: &Start<'_>,
        project: engine_link::Project,
    ) -> Result<Self, Failure> {
        let lock = DataLock::take(start.data)?;
        start.plan.check_ports(start.config)?;
        let mut node = Self {
            key: key::load(start.data)?,
            listening: Listening::default(),
            login_link: None,
            files: Arc::new(Mutex::new(start.declared.to_vec())),
            broker: None,
            store: None,
            generator: None,
            engine: None,
            metadata: None,
            orchestrator: None,
            webserver: None,
            console: None,
            engine_threads: start.engine_threads.clone(),
            _lock: lock,
        };
        match node.start_parts(start, project).await {
            Ok(()) => Ok(node),
            Err(failure) => {
                node.stop().await;
                Err(failure)
            }
        }
    }

    async fn start_parts(
        &mut self,
        start: &Start<'_>,
        project: engine_link::Project,
    ) -> Result<(), Failure> {
        self.start_servers(start).await?;
        self.wait_for_servers(start).await?;
        if start.plan.runs(PartName::Engine) {
            self.start_engine(start, project).await?;
        }
        let people = [PartName::Orchestrator, PartName::Webserver, PartName::Console];
        if people.into_iter().any(|part| start.plan.runs(part)) {
            let metadata = orchestration::database(start.config, start.data, &self.key).await?;
            self.metadata = Some(metadata);
        }
        if start.plan.runs(PartName::Orchestrator) {
            self.start_orchestrator(start).await?;
        }
        if start.plan.runs(PartName::Webserver) {
            self.start_webserver(start).await?;
        }
        if start.plan.runs(PartName::Console) {
            self.start_console(start).await?;
        }
        self.listening.save(start.data)
    }

    /// Starts broker, store and generator at once; they need nothing of each other.
    async fn start_servers(&mut self, start: &Start<'_>) -> Result<(), Failure> {
        let Start { config, plan, data, world, .. } = start;
        let broker = async {
            if !plan.runs(PartName::Broker) {
                return Ok(None);
            }
            parts::broker(config, &data.join("broker"), world.clone()).await.map(Some)
        };
        let store = async {
            if !plan.runs(PartName::Store) {
                return Ok(None);
            }
            parts::store(config, &data.join("store"), world.clone()).await.map(Some)
        };
        let generator = async {
            if !plan.runs(PartName::Generator) {
                return Ok(None);
            }
            parts::generator(config, data, world.clone()).await.map(Some)
        };
        let (broker, store, generator) = tokio::join!(broker, store, generator);
        // Keep all that started before the first error returns, so that the stop finds them.
        let (broker, broker_failed) = split(broker);
        let (store, store_failed) = split(store);
        let (generator, generator_failed) = split(generator);
        (self.broker, self.store, self.generator) = (broker, store, generator);
        match broker_failed.or(store_failed).or(generator_failed) {
            Some(failure) => Err(failure),
            None => self.note_addresses(start),
        }
    }

    fn note_addresses(&mut self, start: &Start<'_>) -> Result<(), Failure> {
        // A part that neither runs here nor on servers is another process's: its own address.
        let elsewhere = |key| start.config.listen(key).map(plan::reachable);
        self.listening.kafka = Some(match (&self.broker, &start.plan.kafka) {
            (Some(broker), _) => parts::reached(broker.address()),
            (None, Address::Servers(servers)) => servers.join(","),
            (None, Address::Embedded) => elsewhere("broker.listen")?.to_string(),
        });
        self.listening.cassandra = Some(match (&self.store, &start.plan.cassandra) {
            (Some(store), _) => parts::reached(store.address()),
            (None, Address::Servers(servers)) => servers.join(","),
            (None, Address::Embedded) => elsewhere("store.listen")?.to_string(),
        });
        self.listening.generator = self.generator.as_ref().map(|generator| generator.address);
        self.listening.engine = Some(elsewhere("engine.listen")?);
        Ok(())
    }

    /// Waits for servers of the user's, if a part of this process needs them. A part of the project that
    /// is another process's may come later: streams wait for it and say so.
    async fn wait_for_servers(&self, start: &Start<'_>) -> Result<(), Failure> {
        if !start.plan.runs(PartName::Engine) {
            return Ok(());
        }
        let kafka = async {
            match &start.plan.kafka {
                Address::Servers(servers) => health::kafka(start.config, &servers.join(",")).await,
                Address::Embedded => Ok(()),
            }
        };
        let cassandra = async {
            match &start.plan.cassandra {
                Address::Servers(servers) => health::cassandra(start.config, servers).await,
                Address::Embedded => Ok(()),
            }
        };
        let (kafka, cassandra) = tokio::join!(kafka, cassandra);
        kafka.and(cassandra)
    }

    async fn start_engine(
        &mut self,
        start: &Start<'_>,
        project: engine_link::Project,
    ) -> Result<(), Failure> {
        let Start { config, plan, directory, data, world, .. } = start;
        let settings = engine_link::settings(config, plan, directory, data)?;
        let settings = engine_link::at(settings, &self.listening);
        let listen = settings.listen;
        let door = key::engine_door(&self.key);
        let starting = engine_link::start(settings, project, door, world.clone());
        let started =
            self.engine_threads.spawn(starting).await.map_err(|error| {
                Failure::new(format!("the engine broke while it started: {error}"))
            })?;
        let engine = started.map_err(|error| engine_link::not_started(config, listen, &error))?;
        self.listening.engine = Some(engine.address());
        self.engine = Some(engine);
        Ok(())
    }

    async fn start_orchestrator(&mut self, start: &Start<'_>) -> Result<(), Failure> {
        let Some(metadata) = self.metadata.clone() else { return Ok(()) };
        orchestration::record(start.config, &metadata).await?;
        let places = orchestration::Places {
            data: start.data,
            project: start.directory,
            dags: start.dags.to_owned(),
        };
        let (listening, key, world) = (&self.listening, &self.key, start.world.clone());
        let started =
            orchestration::start(start.config, places, listening, key, metadata, world).await?;
        self.orchestrator = Some(started);
        Ok(())
    }

    async fn start_webserver(&mut self, start: &Start<'_>) -> Result<(), Failure> {
        let Some(metadata) = self.metadata.clone() else { return Ok(()) };
        let accounts = Accounts::open(metadata.clone(), start.world.clock.clone())
            .with_operator(self.key.clone());
        let link = accounts.login_link().await;
        let started = parts::webserver(start.config, metadata, accounts, &start.world).await?;
        let token = link.map_err(|error| Failure::new(error.to_string()))?;
        self.login_link = Some(login_link(started.address(), &token));
        self.listening.webserver = Some(started.address());
        self.webserver = Some(started);
        Ok(())
    }

    async fn start_console(&mut self, start: &Start<'_>) -> Result<(), Failure> {
        let clock = &start.world.clock;
        let accounts =
            self.metadata.clone().map(|metadata| Accounts::open(metadata, Arc::clone(clock)));
        let findings = self.metadata.clone().and_then(|metadata| {
            let files = Arc::clone(&self.files);
            diagnosis::of_node(start.plan, &self.listening, files, metadata, Arc::clone(clock))
        });
        let orchestrator_port = match self.listening.webserver {
            Some(webserver) => webserver.port(),
            None => start.config.listen("webserver.listen")?.port(),
        };
        let neighbours = Neighbours {
            accounts,
            engine_token: Some(key::engine_token(&self.key)),
            findings,
            orchestrator_port: Some(orchestrator_port).filter(|port| *port > 0),
            names: parts::page_names(start.config)?,
        };
        let world = start.world.clone();
        let console = parts::console(start.config, &self.listening, neighbours, world).await?;
        self.listening.console = Some(console.address());
        self.console = Some(console);
        Ok(())
    }

    /// A link that logs in once, if the webserver runs here.
    pub(crate) fn login_link(&self) -> Option<&str> {
        self.login_link.as_deref()
    }

    /// Takes up an edited project, and says what that meant; `None` when the engine does not run here.
    pub(crate) async fn reload(&self, project: engine_link::Project) -> Option<Vec<String>> {
        let declared = engine_link::declared(&project);
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = declared;
        let engine = self.engine.as_ref()?;
        Some(engine_link::reload(engine, project).await)
    }

    /// Where the engine's status is served, when it runs here.
    pub(crate) fn engine(&self) -> Option<SocketAddr> {
        self.engine.as_ref().and(self.listening.engine)
    }

    /// Stops the parts, each after those that use it: orchestrator, engine, console, generator, broker,
    /// store.
    pub(crate) async fn stop(self) {
        if let Some(orchestrator) = self.orchestrator {
            orchestrator.stop().await;
        }
        if let Some(engine) = self.engine {
            let stopped = self.engine_threads.spawn(engine.stop()).await;
            if let Err(error) = stopped {
                tracing::error!(%error, "the engine broke while it stopped");
            }
        }
        if let Some(webserver) = self.webserver {
            webserver.stop().await;
        }
        if let Some(console) = self.console {
            console.stop().await;
        }
        if let Some(metadata) = self.metadata {
            metadata.close().await;
        }
        if let Some(generator) = self.generator {
            generator.stop().await;
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
        if let Some(store) = self.store {
            store.stop().await;
        }
    }

    /// The table of parts: where each runs, its address, its health.
    pub(crate) fn table(&self, plan: &Plan) -> Vec<String> {
        let mut table = Table::new(&[
            ("PART", Side::Left),
            ("RUNS", Side::Left),
            ("ADDRESS", Side::Left),
            ("HEALTH", Side::Left),
        ]);
        let listening = &self.listening;
        let print = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        for part in PARTS {
            let (address, servers) = match part {
                PartName::Broker => (listening.kafka.clone(), &plan.kafka),
                PartName::Store => (listening.cassandra.clone(), &plan.cassandra),
                PartName::Generator => (print(listening.generator), &Address::Embedded),
                PartName::Engine => (print(listening.engine), &Address::Embedded),
                PartName::Orchestrator => (None, &Address::Embedded),
                PartName::Webserver => {
                    let page = listening.webserver.map(|address| format!("http://{address}"));
                    (page, &Address::Embedded)
                }
                PartName::Console => {
                    let page = listening.console.map(|address| format!("http://{address}"));
                    (page, &Address::Embedded)
                }
            };
            let external = *servers != Address::Embedded;
            let (runs, health) = match (plan.runs(part), external) {
                (true, _) => ("embedded", "ready"),
                (false, true) if plan.runs(PartName::Engine) => ("external", "ready"),
                (false, true) => ("external", "not asked"),
                (false, false) => continue,
            };
            table.row(vec![
                plan::name(part).to_owned(),
                runs.to_owned(),
                address.unwrap_or_default(),
                health.to_owned(),
            ]);
        }
        table.lines()
    }
}

/// The page that logs in with this token.
pub(crate) fn login_link(webserver: SocketAddr, token: &str) -> String {
    format!("http://localhost:{}/login/link?token={token}", webserver.port())
}

fn split<T>(started: Result<Option<T>, Failure>) -> (Option<T>, Option<Failure>) {
    match started {
        Ok(part) => (part, None),
        Err(failure) => (None, Some(failure)),
    }
}
