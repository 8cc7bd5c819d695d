//! The engine crate, as the commands see it. Beside it only `commands::sql` names that crate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use doctor::Declared;
use doctor::facts::Endpoint;
use engine::{ResetTo, Settings};
use runtime::World;

use crate::addresses::Address;
use crate::config::Config;
use crate::failure::Failure;
use crate::node::listening::Listening;
use crate::node::plan::{Plan, cannot_listen, reachable};

pub(crate) use engine::{Engine, Project};

/// The engine's settings. Servers of this process are at the addresses of their settings.
pub(crate) fn settings(
    config: &Config,
    plan: &Plan,
    directory: &Path,
    data: &Path,
) -> Result<Settings, Failure> {
    let own = |key| config.listen(key).map(|listen| reachable(listen).to_string());
    let count = |key| config.count(key).map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    Ok(Settings {
        kafka: match &plan.kafka {
            Address::Servers(servers) => servers.join(","),
            Address::Embedded => own("broker.listen")?,
        },
        cassandra: match &plan.cassandra {
            Address::Servers(servers) => servers.clone(),
            Address::Embedded => vec![own("store.listen")?],
        },
        data_dir: data.join("engine"),
        project_dir: directory.to_owned(),
        listen: config.listen("engine.listen")?,
        parallelism: count("engine.parallelism")?,
        batch_records: count("engine.batch_records")?,
        memory: usize::try_from(config.size("engine.memory")?).unwrap_or(usize::MAX),
        commit_interval: config.span("engine.commit_interval")?,
        topic_commit_interval: config.span("engine.topic_commit_interval")?,
        commit_records: count("engine.commit_records")?,
        journal_bytes: config.size("engine.journal")?,
        query_memory: usize::try_from(config.size("sql.memory")?).unwrap_or(usize::MAX),
    })
}

/// The same settings, with servers at the addresses of a running node.
pub(crate) fn at(mut settings: Settings, listening: &Listening) -> Settings {
    if let Some(kafka) = &listening.kafka {
        settings.kafka.clone_from(kafka);
    }
    if let Some(cassandra) = &listening.cassandra {
        settings.cassandra = cassandra.split(',').map(str::to_owned).collect();
    }
    settings
}

/// Reads a project's SQL.
pub(crate) fn parse(sql: &[(PathBuf, String)]) -> Result<Project, Vec<Failure>> {
    Project::parse(sql.to_vec()).map_err(|errors| {
        errors
            .into_iter()
            .map(|error| {
                let line = usize::try_from(error.line).unwrap_or(0);
                let column = if line == 0 { 0 } else { usize::try_from(error.column).unwrap_or(0) };
                let failure = Failure::new(error.message).at_column(&error.file, line, column);
                match error.hint {
                    Some(hint) => failure.next(hint),
                    None => failure,
                }
            })
            .collect()
    })
}

/// A line per stream: what it reads and writes.
pub(crate) fn outline(project: &Project) -> Vec<String> {
    project
        .streams
        .iter()
        .map(|stream| {
            let place = format!("{}:{}", stream.file.display(), stream.position.line);
            let (source, sink) = (&stream.source.name, &stream.sink.name);
            format!("stream {}  {source} -> {sink}  {place}", stream.name)
        })
        .collect()
}

/// What the project's files declare, for the doctor.
pub(crate) fn declared(project: &Project) -> Vec<Declared> {
    let endpoint = |(kind, name): (&str, String)| Endpoint { kind: kind.to_owned(), name };
    let declare = |stream: &engine::project::Stream| {
        let column = |name: &str| (name.to_owned(), stream.sink.cql_type(name));
        Declared {
            name: stream.name.clone(),
            file: stream.file.display().to_string(),
            line: Some(stream.position.line),
            source: endpoint(stream.source.place()),
            sink: endpoint(stream.sink.place()),
            columns: stream.plan.sink_columns.iter().map(|name| column(name)).collect(),
            starts_by_task: stream.starts_by_task(),
        }
    };
    project.streams.iter().map(|stream| declare(stream)).collect()
}

/// Starts the streams. Must run on the engine's own threads.
pub(crate) async fn start(
    settings: Settings,
    project: Project,
    door: door::Door,
    world: World,
) -> Result<Engine, engine::StartError> {
    Engine::start(settings, project, door, world).await
}

/// Takes up an edited project: a line for each stream that it touched.
pub(crate) async fn reload(engine: &Engine, project: Project) -> Vec<String> {
    match engine.reload(project).await {
        Err(error) => vec![format!("the edit was not taken up: {error}")],
        Ok(reload) => {
            let say = |names: Vec<String>, what: &str| {
                names.into_iter().map(|name| format!("edit taken up: {name} {what}")).collect()
            };
            let mut lines: Vec<String> = say(reload.started, "starts");
            lines.extend(say(reload.stopped, "has ended"));
            for (name, reason) in reload.refused {
                lines.push(format!(
                    "edit refused: {name} goes on as it was: {reason}; to take the edit up, stop, \
                     `millstream reset {name} --to earliest`, start"
                ));
            }
            let goes_on = "goes on from its checkpoint with the new statement";
            lines.extend(say(reload.changed, goes_on));
            lines
        }
    }
}

/// The failure of a start.
pub(crate) fn not_started(
    config: &Config,
    listen: SocketAddr,
    error: &engine::StartError,
) -> Failure {
    match error {
        engine::StartError::Rest(rest) => {
            let why = std::error::Error::source(rest)
                .map_or_else(|| rest.to_string(), ToString::to_string);
            cannot_listen(config, crate::cli::PartName::Engine, listen, &why)
        }
        other @ engine::StartError::Thread { .. } => {
            Failure::new(format!("the engine did not start: {other}"))
        }
    }
}

/// A position of a stream in its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    /// The first record that is kept.
    Earliest,
    /// The next record that arrives.
    Latest,
    /// These offsets by partition; other partitions begin at their first record.
    Offsets(BTreeMap<i32, i64>),
}

/// Moves a stopped stream; returns the offsets by partition at which it goes on.
pub(crate) fn reset(
    settings: &Settings,
    project: &Project,
    stream: &str,
    to: Position,
    world: &World,
) -> Result<BTreeMap<i32, i64>, Failure> {
    let names = || project.streams.iter().map(|stream| stream.name.as_str());
    let found = project.streams.iter().find(|found| found.name == stream).ok_or_else(|| {
        let failure = Failure::new(format!("the project has no stream {stream:?}"));
        match spelling::nearest(stream, names()) {
            Some(near) => failure.next(format!("did you mean {near}?")),
            None => failure.next(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
        }
    })?;
    let to = match to {
        Position::Earliest => ResetTo::Earliest,
        Position::Latest => ResetTo::Latest,
        Position::Offsets(offsets) => ResetTo::Offsets(offsets),
    };
    engine::reset(&settings.kafka, &settings.data_dir, found, &to, world)
        .map_err(|error| Failure::new(format!("stream {stream} was not reset: {error}")))
}
