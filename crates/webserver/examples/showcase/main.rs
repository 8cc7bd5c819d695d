//! Serves the pages over a metadata database that is filled with what a busy project has: for work on
//! their look.
//!
//! `cargo run -p webserver --example showcase -- PORT [DIRECTORY]` prints links that log in, one for
//! each page that is named after `next=`. With `empty` as a third argument nothing is filled in.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::allow_attributes, missing_docs)]

mod dags;
mod fill;
mod moves;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accounts::Accounts;
use chrono::{DateTime, TimeDelta, Utc};
use door::Role;
use metadata::{Metadata, SecretKey, TaskKey};
use runtime::{Clock as _, SystemClock};
use webserver::{Settings, Webserver};

use fill::fill;
use moves::log;

const PASSWORD: &str = "millstream-showcase";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve());
}

async fn serve() {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(8080, |port| port.parse().unwrap());
    let directory = arguments.next().map(std::path::PathBuf::from);
    let directory = directory.unwrap_or_else(|| std::env::temp_dir().join("millstream-showcase"));
    let empty = arguments.next().as_deref() == Some("empty");
    std::fs::remove_dir_all(&directory).ok();
    std::fs::create_dir_all(&directory).unwrap();
    let key = SecretKey::load_or_create(&directory.join("secret.key")).unwrap();
    let address = format!("sqlite:{}", directory.join("metadata.db").display());
    let metadata = Metadata::open(&address, &key).await.unwrap();
    let clock = Arc::new(SystemClock::new());
    let accounts = Accounts::open(metadata.clone(), clock.clone());
    accounts.create_user("setup", "ada", PASSWORD, Role::Admin).await.unwrap();
    let now = DateTime::from_timestamp_micros(clock.wall_micros()).unwrap();
    if !empty {
        accounts.create_user("setup", "olga", PASSWORD, Role::OperationsUser).await.unwrap();
        accounts.create_user("setup", "victor", PASSWORD, Role::Viewer).await.unwrap();
        accounts.create_token("ada", "nightly-backup").await.unwrap();
        fill(&metadata, now).await;
    }
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        names: Vec::new(),
        console_port: Some(9021),
    };
    let server =
        Webserver::start(settings, metadata.clone(), accounts.clone(), clock).await.unwrap();
    println!("password of ada, olga and victor: {PASSWORD}");
    for _ in 0..40 {
        let token = accounts.login_link().await.unwrap();
        println!("http://{}/login/link?token={token}&next=/", server.address());
    }
    println!("ready");
    let live = (!empty).then(|| tokio::spawn(go_on(metadata, now)));
    tokio::signal::ctrl_c().await.unwrap();
    live.inspect(tokio::task::JoinHandle::abort);
    server.stop().await;
}

/// Lets a log grow, so that it can be followed.
async fn go_on(metadata: Metadata, now: DateTime<Utc>) {
    let start = now - TimeDelta::seconds(22);
    let key = TaskKey {
        dag_id: "user_automation".to_owned(),
        run_id: format!("scheduled__{}", start.to_rfc3339()),
        task_id: "stream_data_from_api".to_owned(),
    };
    for second in 0..3_600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        log(&metadata, &key, now + TimeDelta::seconds(second), 2).await;
    }
}
