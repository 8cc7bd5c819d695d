//! One file per command; each has a `run` that does it and returns what went wrong.

mod check;
mod completions;
mod config;
mod consume;
mod dags;
mod doctor;
mod new;
mod produce;
mod reset;
mod sql;
mod status;
mod topics;
mod up;
mod users;

use std::net::SocketAddr;
use std::path::Path;

use crate::addresses::Address;
use crate::cli::{Arguments, Broker, Command};
use crate::config::{Config, Origin};
use crate::failure::Failure;
use crate::kafka::Cluster;
use crate::node::listening::Listening;
use crate::node::plan::reachable;
use crate::project::Project;

/// Everything that went wrong, in the order in which it was found.
pub(crate) type Outcome = Result<(), Vec<Failure>>;

impl From<Failure> for Vec<Failure> {
    fn from(failure: Failure) -> Self {
        vec![failure]
    }
}

/// Does what the command line asks for.
pub(crate) fn run(arguments: Arguments) -> Outcome {
    let set = arguments.set;
    match arguments.command {
        Command::Up(up) => up::run(&up, &set),
        Command::New { name } => Ok(new::run(&name)?),
        Command::Check(check) => check::run(check.project.as_deref(), &set),
        Command::Dags { action } => dags::run(&action, &set),
        Command::Status { project, json } => status::run(project.project.as_deref(), json, &set),
        Command::Doctor { project, json } => doctor::run(project.project.as_deref(), json, &set),
        Command::Sql { query, format, project } => {
            sql::run(&query, format, project.as_deref(), &set)
        }
        Command::Topics { action, broker } => topics::run(action, &broker, &set),
        Command::Produce { topic, key_separator, headers, partition, broker } => {
            let records = produce::Records { topic, key_separator, headers, partition };
            produce::run(&records, &broker, &set)
        }
        Command::Consume(consume) => consume::run(&consume, &set),
        Command::Reset { stream, to, project, data } => {
            reset::run(&stream, &to, project.project.as_deref(), data.as_deref(), &set)
        }
        Command::Users { action, project, data } => {
            users::run(&action, project.as_deref(), data.as_deref(), &set)
        }
        Command::Config { action } => config::run(action, &set),
        Command::Completions { shell } => {
            completions::run(shell);
            Ok(())
        }
    }
}

/// A runtime for a command that waits for one answer.
fn small_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the system gives no threads: {error}")))
}

/// Where the project's webserver is: what a flag says, else where the running node listens, else where it
/// would.
fn webserver_address(config: &Config, data: &Path) -> Result<SocketAddr, Failure> {
    const KEY: &str = "webserver.listen";
    let named = matches!(config.setting(KEY)?.origin, Origin::Flag(_));
    let running = Listening::load(data).and_then(|listening| listening.webserver);
    let listen = config.listen(KEY)?;
    Ok(reachable(running.filter(|_| !named).unwrap_or(listen)))
}

/// The Kafka a command is about: the flag's, the running node's, or the project's.
fn cluster(broker: &Broker, set: &[String]) -> Result<(Cluster, Config), Vec<Failure>> {
    let project = Project::find(broker.project.as_deref())?;
    let config = project.config(set)?;
    let bootstrap = match &broker.broker {
        Some(address) => address.clone(),
        None => kafka_address(&config, &project.data(None))?,
    };
    Ok((Cluster { bootstrap }, config))
}

/// Where the project's Kafka is, as seen by a command.
fn kafka_address(config: &Config, data: &Path) -> Result<String, Failure> {
    if let Address::Servers(servers) = config.address("addresses.kafka")? {
        return Ok(servers.join(","));
    }
    let listen = config.listen("broker.listen")?;
    let running = (listen.port() == 0).then(|| Listening::load(data)?.kafka).flatten();
    Ok(running.unwrap_or_else(|| crate::node::plan::reachable(listen).to_string()))
}
