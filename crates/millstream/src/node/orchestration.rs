//! The orchestrator and its metadata database: the project's settings into each crate's own, and each
//! crate's errors into ours.
//!
//! The only room that names the crates `executor`, `orchestrator` and `python`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use executor::{Desk, Executor, Policy};
use metadata::{Metadata, SecretKey, Setting};
use orchestrator::{Orchestrator, ParseFault, Parsed, Parsing, PythonParser};
use python::Python;
use runtime::World;

use super::key;
use super::listening::Listening;
use super::plan::reachable;
use crate::config::{Config, Origin};
use crate::failure::Failure;

/// The database's file in the data directory.
const DATABASE: &str = "metadata.db";
/// Where the orchestrator keeps its lock and what tasks leave while they run, in the data directory.
const DIRECTORY: &str = "orchestrator";
/// Of this process's own environment, what tasks get.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// Opens the metadata database that the settings name, or the one in the data directory.
pub(crate) async fn database(
    config: &Config,
    data: &Path,
    key: &SecretKey,
) -> Result<Metadata, Failure> {
    let address = match config.text("addresses.database")?.as_str() {
        "embedded" => format!("sqlite:{}", data.join(DATABASE).display()),
        address => address.to_owned(),
    };
    Metadata::open(&address, key).await.map_err(|error| {
        Failure::new(format!("cannot use the metadata database: {error}"))
            .at_place(config.setting("addresses.database").ok().and_then(|s| s.origin.place()))
    })
}

/// Keeps the settings for the pages, without passwords.
pub(crate) async fn record(config: &Config, metadata: &Metadata) -> Result<(), Failure> {
    let settings: Vec<Setting> = config
        .all()
        .map(|(name, setting)| Setting {
            name: name.to_owned(),
            value: match (name, setting.text.as_str()) {
                ("addresses.database", "embedded") => "embedded".to_owned(),
                ("addresses.database", _) => metadata.address().to_owned(),
                (_, text) => text.to_owned(),
            },
            origin: match &setting.origin {
                // A flag's own text holds its value.
                Origin::Flag(_) => "flag --set".to_owned(),
                origin => origin.to_string(),
            },
        })
        .collect();
    metadata
        .record_configuration(&settings)
        .await
        .map_err(|error| Failure::new(format!("cannot keep the settings: {error}")))
}

/// Where things are for an orchestrator.
pub(crate) struct Places<'a> {
    /// The data directory.
    pub(crate) data: &'a Path,
    /// The project's directory.
    pub(crate) project: &'a Path,
    /// The folder of DAG files.
    pub(crate) dags: PathBuf,
}

/// Starts the orchestrator over the addresses of a node.
pub(crate) async fn start(
    config: &Config,
    places: Places<'_>,
    listening: &Listening,
    key: &SecretKey,
    metadata: Metadata,
    world: World,
) -> Result<Orchestrator, Failure> {
    let settings = executor_settings(config, &places, listening, key, &world)?;
    let python = Python::new(Arc::new(settings.clone()), python::Settings::default());
    let executor = Arc::new(Executor::new(settings, python.runners()));
    let unpaused = config.text("orchestrator.unpaused")?;
    let settings = orchestrator::Settings {
        python: Some(Arc::new(Reader(python))),
        paused_at_creation: config.flag("orchestrator.paused_at_creation")?,
        unpaused: unpaused.split(',').map(|id| id.trim().to_owned()).collect(),
        ..orchestrator::Settings::new(places.dags, places.data.join(DIRECTORY), metadata, executor)
    };
    Orchestrator::start(settings, world)
        .await
        .map_err(|error| Failure::new(format!("the orchestrator did not start: {error}")))
}

fn executor_settings(
    config: &Config,
    places: &Places<'_>,
    listening: &Listening,
    key: &SecretKey,
    world: &World,
) -> Result<executor::Settings, Failure> {
    let shim = std::env::current_exe().map_err(|error| {
        Failure::new(format!("cannot find this program's own file, which runs tasks: {error}"))
    })?;
    let project = places.project.canonicalize().unwrap_or_else(|_| places.project.to_owned());
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let kafka = listening.kafka.clone().unwrap_or_default();
    let mut environment: BTreeMap<String, String> = INHERITED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)))
        .collect();
    // What a task's own Kafka client needs; the name is Kafka's own.
    environment.insert("KAFKA_BOOTSTRAP_SERVERS".to_owned(), kafka.clone());
    Ok(executor::Settings {
        parallelism: usize::try_from(config.count("orchestrator.parallelism")?).unwrap_or(1),
        sequential: config.choice("orchestrator.executor")? == "SequentialExecutor",
        scratch: absolute(&places.data.join(DIRECTORY).join("tasks")),
        dags: absolute(&places.dags),
        python: PathBuf::from(config.text("orchestrator.python")?),
        environment,
        kafka,
        cassandra: listening
            .cassandra
            .iter()
            .flat_map(|servers| servers.split(','))
            .map(str::to_owned)
            .collect(),
        engine: match listening.engine {
            Some(engine) => engine,
            None => reachable(config.listen("engine.listen")?),
        },
        engine_token: Some(key::engine_token(key)),
        policy: Policy::new(
            config.choice("orchestrator.packages")? == "listed",
            config.choice("orchestrator.operators")? == "listed",
        ),
        ..executor::Settings::new(project, shim, Arc::clone(&world.clock))
    })
}

/// Reads Python DAG files for the orchestrator.
struct Reader(Python);

impl PythonParser for Reader {
    fn parse<'a>(&'a self, file: &'a Path, desk: &'a dyn Desk) -> Parsing<'a> {
        Box::pin(async move {
            let parsed = self
                .0
                .parse(file, Some(desk))
                .await
                .map_err(|error| ParseFault { passing: !error.of_file, message: error.message })?;
            let mut reason = parsed.reason;
            for warning in parsed.warnings {
                reason.push_str("; ");
                reason.push_str(&warning);
            }
            Ok(Parsed { dags: parsed.dags, runtime: parsed.runtime, reason })
        })
    }
}
