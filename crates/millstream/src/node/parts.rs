//! The embedded servers: the project's settings into each crate's own, and each crate's errors into
//! ours.
//!
//! The only room that names the crates `broker`, `store`, `generator`, `webserver` and `console`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use accounts::Accounts;
use broker::Broker;
use console::{Console, Neighbours};
use generator::{Generator, Knobs};
use metadata::Metadata;
use runtime::World;
use store::Store;
use webserver::Webserver;

use super::listening::Listening;
use super::plan::{cannot_listen, reachable};
use crate::cli::PartName;
use crate::config::Config;
use crate::failure::Failure;

/// Starts the broker with its logs in `data`.
pub(crate) async fn broker(config: &Config, data: &Path, world: World) -> Result<Broker, Failure> {
    let listen = config.listen("broker.listen")?;
    let settings = broker::Settings {
        listen,
        advertised_host: some_text(config, "broker.advertised_host")?,
        auto_create_topics: config.flag("broker.auto_create_topics")?,
        default_partitions: bounded(config.count("broker.partitions")?),
        retention_ms: Some(millis(config.span("broker.retention")?)),
        retention_bytes: Some(config.size("broker.retention_bytes")?).filter(|bytes| *bytes > 0),
        segment_bytes: bounded(config.size("broker.segment")?),
        memory_bytes: usize::try_from(config.size("broker.memory")?).unwrap_or(usize::MAX),
        max_message_bytes: bounded(config.size("broker.batch_max")?),
        ..broker::Settings::new(data)
    };
    Broker::start(settings, world).await.map_err(|error| match error {
        broker::StartError::PortInUse { address } => {
            cannot_listen(config, PartName::Broker, address, "the port is in use")
        }
        broker::StartError::Listen { address, source } => {
            cannot_listen(config, PartName::Broker, address, &source.to_string())
        }
        other => Failure::new(format!("the broker did not start: {other}")),
    })
}

/// Starts the store with its tables in `data`.
pub(crate) async fn store(config: &Config, data: &Path, world: World) -> Result<Store, Failure> {
    let listen = config.listen("store.listen")?;
    let settings = store::Settings {
        advertised_host: some_text(config, "store.advertised_host")?,
        cache_bytes: config.size("store.cache")?,
        memtable_bytes: usize::try_from(config.size("store.memtable")?).unwrap_or(usize::MAX),
        ..store::Settings::new(data.to_owned(), listen)
    };
    Store::start(settings, world).await.map_err(|error| match error {
        store::StartError::Listen { address, source } => {
            cannot_listen(config, PartName::Store, address, &source.to_string())
        }
        other => Failure::new(format!("the store did not start: {other}")),
    })
}

/// Starts the generator. Its first person was made when the project first ran, which the data
/// directory remembers: a restart goes on in the same sequence.
pub(crate) async fn generator(
    config: &Config,
    data: &Path,
    world: World,
) -> Result<generator::Server, Failure> {
    let listen = config.listen("generator.listen")?;
    let knobs = Knobs {
        seed: config.count("generator.seed")?,
        rate_per_second: f64::from(bounded::<u32>(config.count("generator.rate")?)),
        start_ms: generator_start(data, &world)?,
        late_percent: config.percent("generator.late")?,
        duplicate_percent: config.percent("generator.duplicate")?,
        corrupt_percent: config.percent("generator.corrupt")?,
        limit: None,
    };
    let generator = Generator::new(knobs)
        .map_err(|error| Failure::new(format!("the generator did not start: {error}")))?;
    generator::serve(Arc::new(generator), listen, world).await.map_err(|error| match error {
        generator::Error::Listen { address, source } => {
            cannot_listen(config, PartName::Generator, address, &source.to_string())
        }
        generator::Error::NotLoopback(address) => {
            cannot_listen(config, PartName::Generator, address, "it is not a loopback address")
        }
    })
}

/// What to do before pages are shown to other machines.
const MAKE_A_USER: &str = "make a user with a password: millstream users create NAME --role Admin";

/// Starts the pages and the API of the orchestrator.
pub(crate) async fn webserver(
    config: &Config,
    metadata: Metadata,
    accounts: Accounts,
    world: &World,
) -> Result<Webserver, Failure> {
    let listen = config.listen("webserver.listen")?;
    let settings = webserver::Settings {
        listen,
        names: page_names(config)?,
        console_port: Some(config.listen("console.listen")?.port()).filter(|port| *port > 0),
    };
    let started = Webserver::start(settings, metadata, accounts, Arc::clone(&world.clock)).await;
    started.map_err(|error| match error {
        webserver::StartError::Listen { address, source } => {
            cannot_listen(config, PartName::Webserver, address, &source.to_string())
        }
        other => Failure::new(other.to_string()).next(MAKE_A_USER),
    })
}

/// The names by which browsers may ask for the pages of both ports.
pub(crate) fn page_names(config: &Config) -> Result<Vec<String>, Failure> {
    let names = config.text("webserver.names")?;
    Ok(names.split(',').map(|name| name.trim().to_owned()).collect())
}

/// Starts the console over the addresses of a node.
pub(crate) async fn console(
    config: &Config,
    listening: &Listening,
    neighbours: Neighbours,
    world: World,
) -> Result<Console, Failure> {
    let listen = config.listen("console.listen")?;
    let settings = console::Settings {
        listen,
        kafka: listening.kafka.clone().unwrap_or_default(),
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
    };
    Console::start_beside(settings, neighbours, world).await.map_err(|error| match error {
        console::StartError::Listen { address, source } => {
            cannot_listen(config, PartName::Console, address, &source.to_string())
        }
        other => Failure::new(other.to_string()).next(MAKE_A_USER),
    })
}

/// `<data>/generator-start`: milliseconds since the Unix epoch, decimal. Written once.
fn generator_start(data: &Path, world: &World) -> Result<i64, Failure> {
    let path = data.join("generator-start");
    let failed = |why: String| {
        Failure::new(format!("the generator's start in {}: {why}", path.display()))
            .next("remove the file: the sequence of people then begins anew")
    };
    match world.disk.read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes)
            .trim()
            .parse()
            .map_err(|_| failed("it is not a number of milliseconds".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let now = world.clock.wall_millis();
            let written = world.disk.replace(&path, format!("{now}\n").as_bytes());
            written.map_err(|error| failed(error.to_string()))?;
            Ok(now)
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

fn some_text(config: &Config, key: &str) -> Result<Option<String>, Failure> {
    Ok(Some(config.text(key)?).filter(|text| !text.is_empty()))
}

/// The number in a narrower type. The key table bounds the setting, so the cut is never taken.
fn bounded<T: TryFrom<u64> + Bounded>(number: u64) -> T {
    T::try_from(number).unwrap_or(T::MAX)
}

trait Bounded {
    const MAX: Self;
}

impl Bounded for i32 {
    const MAX: Self = Self::MAX;
}

impl Bounded for u32 {
    const MAX: Self = Self::MAX;
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Where a part on all addresses is reached from this machine.
pub(crate) fn reached(address: SocketAddr) -> String {
    reachable(address).to_string()
}
