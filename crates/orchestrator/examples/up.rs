//! An orchestrator alone, without the rest of the product: what `judges/dags_crash.py` kills while nothing
//! else is to be tested.
//!
//! ```text
//! up up PROJECT --data DIR
//! ```
#![expect(
    clippy::expect_used,
    reason = "a program for judges ends at the first thing that is not as it should be"
)]

use executor::{Executor, shim};
use metadata::{Metadata, SecretKey};
use orchestrator::{Orchestrator, Settings};
use runtime::{Durability, World};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if given.first().is_some_and(|name| name == shim::ARGUMENT) {
        return shim::main(&given);
    }
    let project = PathBuf::from(given.get(1).expect("up PROJECT --data DIR"));
    let data = PathBuf::from(given.get(3).expect("up PROJECT --data DIR"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(up(&project, &data));
    ExitCode::SUCCESS
}

async fn up(project: &Path, data: &Path) {
    std::fs::create_dir_all(data).expect("the data directory");
    let key = SecretKey::load_or_create(&data.join("secret.key")).expect("a key");
    let address = format!("sqlite:{}", data.join("metadata.db").display());
    let metadata = Metadata::open(&address, &key).await.expect("a database");
    let world = World::real(Durability::Group);
    let shim = std::env::current_exe().expect("this program");
    let mut executor = executor::Settings::new(project.to_owned(), shim, Arc::clone(&world.clock));
    executor.scratch = data.join("tasks");
    for name in ["PATH", "HOME", "LANG"] {
        if let Ok(value) = std::env::var(name) {
            executor.environment.insert(name.to_owned(), value);
        }
    }
    let executor = Arc::new(Executor::new(executor, BTreeMap::new()));
    let settings = Settings::new(project.join("dags"), data.to_owned(), metadata.clone(), executor);
    let orchestrator = Orchestrator::start(settings, world).await.expect("an orchestrator");
    tokio::signal::ctrl_c().await.expect("the signal");
    orchestrator.stop().await;
    metadata.close().await;
}
