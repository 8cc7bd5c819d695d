//! Serves the console beside a pretended engine and the Kafka and Cassandra of your choice, with an Admin
//! `admin` whose password is `millstream`: for work on its look.
//!
//! `cargo run -p console --example page -- PORT CASE [KAFKA [CASSANDRA [ENGINE]]]`, where CASE is `busy`,
//! `failed`, `empty`, `wide`, or `real` for the engine at ENGINE.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an example that pretends numbers and speaks to the person who runs it"
)]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use accounts::Accounts;
use axum::{Json, Router, routing::get};
use console::{Console, Finding, Findings, Neighbours, Settings, Severity};
use door::Role;
use metadata::{Metadata, SecretKey};
use runtime::{Durability, World};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |at: usize, otherwise: &str| {
        arguments.get(at).map_or_else(|| otherwise.to_owned(), Clone::clone)
    };
    let port: u16 = text(0, "9021").parse().unwrap();
    let case = text(1, "busy");
    let nowhere = "127.0.0.1:1";
    let engine = match case.as_str() {
        "real" => text(4, nowhere).parse().unwrap(),
        _ => pretend_engine(case).await,
    };
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        kafka: text(2, nowhere),
        cassandra: vec![text(3, nowhere)],
        engine,
    };
    let world = World::real(Durability::Os);
    let place = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(&place.path().join("key")).unwrap();
    let address = format!("sqlite:{}", place.path().join("metadata.db").display());
    let metadata = Metadata::open(&address, &key).await.unwrap();
    let accounts = Accounts::open(metadata, Arc::clone(&world.clock));
    accounts.create_user("example", "admin", "millstream", Role::Admin).await.unwrap();
    let link = accounts.login_link().await.unwrap();
    let neighbours = Neighbours {
        accounts: Some(accounts),
        engine_token: Some("t0ken".to_owned()),
        findings: Some(Arc::new(Pretended)),
        orchestrator_port: Some(8080),
        names: Vec::new(),
    };
    let console = Console::start_beside(settings, neighbours, world).await.unwrap();
    println!("http://{}/login/link?token={link}", console.address());
    tokio::signal::ctrl_c().await.unwrap();
    console.stop().await;
}

#[derive(Debug)]
struct Pretended;

impl Findings for Pretended {
    fn findings(&self) -> Pin<Box<dyn Future<Output = Vec<Finding>> + Send + '_>> {
        let finding = |hop: &str, severity, sentence: &str, next: &str| Finding {
            hop: hop.to_owned(),
            severity,
            sentence: sentence.to_owned(),
            next: next.to_owned(),
            so: Vec::new(),
        };
        let all = vec![
            finding(
                "table spark_streams.created_users",
                Severity::Problem,
                "Every record since 14:02 is dead-lettered: the column post_code is int, the stream gives text.",
                "Change the column with ALTER TABLE, or write CAST(post_code AS INT) in users.sql:14.",
            ),
            finding(
                "stream created_users",
                Severity::Warning,
                "It reads 40 records in a second and 118 are written: it will never catch up.",
                "Raise engine.parallelism.",
            ),
            finding(
                "topic users_created",
                Severity::Good,
                "It grows by 118 records in a second.",
                "",
            ),
        ];
        Box::pin(async move { all })
    }

    fn json(&self) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>> {
        Box::pin(async { Err("only the page is pretended".to_owned()) })
    }
}

async fn pretend_engine(case: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tick = Arc::new(AtomicU64::new(0));
    let status = get(move || async move {
        Json(json!({ "streams": streams(&case, tick.fetch_add(1, Ordering::Relaxed)) }))
    });
    let router = Router::new().route("/status", status);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn part(n: u64, tick: u64, lag: u64) -> Value {
    let read = (1_200_331 + tick * 118) / 3 + n;
    json!({"partition": n, "read": read, "written": read - 9_412 - 21_309 - 4_031 - 1_207,
        "filtered": 9_412, "duplicate": 4_031, "late": 21_309, "dead_lettered": 1_207,
        "position": read, "end": read + lag / 3, "watermark_ms": 1_795_608_000_000_u64 + tick * 1000})
}

fn histogram() -> Value {
    let counts = [3, 14, 80, 410, 1_210, 2_900, 1_400, 380, 60, 9, 2];
    let buckets = counts.iter().enumerate();
    buckets.map(|(at, count)| json!({"le_ms": 0.5 * f64::from(1 << at), "count": count})).collect()
}

fn streams(case: &str, tick: u64) -> Value {
    let t = tick as f64;
    let wave = 118.0 + 24.0 * (t / 9.0).sin() + 9.0 * (t / 2.3).sin();
    let read = 1_200_331 + tick * 118;
    let api = json!({"kind": "http", "name": "randomuser.me/api", "address": "127.0.0.1:8089"});
    let topic = |name: &str| json!({"kind": "kafka", "name": name, "address": "127.0.0.1:9092"});
    let table =
        |name: &str| json!({"kind": "cassandra", "name": name, "address": "127.0.0.1:9042"});
    let ingest = json!({
        "name": "ingest_users", "file": "users.sql", "source": api, "sink": topic("users_created"),
        "state": "running", "records_per_second": wave, "lag": null, "dead_lettered": 0, "late": 0,
        "latency_ms": {"p50": 2.1 + (t / 5.0).sin().abs(), "p99": 6.4 + 3.0 * (t / 3.0).cos().abs()},
        "batches": 9120 + tick, "position_note": null,
        "partitions": [{"partition": 0, "read": read, "written": read, "position": read,
            "end": null, "watermark_ms": null}],
    });
    let failed = case == "failed";
    let lag = ((40.0 + 38.0 * (t / 7.0).sin()).max(0.0)) as u64;
    let error = failed.then(|| json!({
        "message": "cannot write to table spark_streams.created_users: column \"post_code\" is int, the stream gives text",
        "hint": "change the column with `ALTER TABLE spark_streams.created_users`, or write CAST(post_code AS INT) in users.sql:14",
    }));
    let clean = json!({
        "name": "created_users", "file": "users.sql", "source": topic("users_created"),
        "sink": table("spark_streams.created_users"), "state": if failed { "failed" } else { "running" },
        "error": error, "records_per_second": if failed { 0.0 } else { wave * 0.97 },
        "lag": if failed { 18_223 + tick * 118 } else { lag }, "dead_lettered": 3_621, "late": 63_927,
        "latency_ms": {"p50": 8.0 + 2.0 * (t / 4.0).sin(), "p99": 21.0 + 9.0 * (t / 6.0).sin().abs()},
        "batch_ms": {"p50": 6.0, "p99": 18.0}, "latency_histogram": histogram(), "state_entries": 41_201 + tick,
        "batches": 48_211 + tick, "position_note": "resumed from its checkpoint",
        "partitions": [part(0, tick, lag), part(1, tick, lag), part(2, tick, lag)],
    });
    let by_country = json!({
        "name": "users_by_country", "file": "by_country.sql", "source": topic("users_created"),
        "sink": table("spark_streams.users_by_country"), "state": "running",
        "records_per_second": wave * 0.97, "lag": 3, "dead_lettered": 12, "late": 40,
        "latency_ms": {"p50": 5.0, "p99": 11.0 + (t / 3.0).sin()}, "batches": 48_000 + tick,
        "partitions": [part(0, tick, lag), part(1, tick, lag), part(2, tick, lag)],
    });
    match case {
        "empty" => json!([]),
        "wide" => json!([ingest, clean, by_country]),
        _ => json!([ingest, clean]),
    }
}
