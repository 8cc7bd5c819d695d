//! Serves the page beside a pretended broker, store and engine: for work on its look.
//!
//! `cargo run -p console --example page -- PORT CASE`, where CASE is `busy`, `failed`, `empty`,
//! `down` or `wide`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::allow_attributes, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::{Json, Router, routing::get};
use console::{Console, Settings};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord};
use runtime::{Durability, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().unwrap().parse().unwrap();
    let case = arguments.next().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve(port, case));
}

async fn serve(port: u16, case: String) {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["users_created", "users_clean"] {
        cluster.create_topic(topic, 3, 1).unwrap();
    }
    let kafka = cluster.bootstrap_servers();
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &kafka).create().unwrap();
    std::thread::spawn(move || {
        loop {
            for _ in 0..60 {
                producer.send(BaseRecord::<(), str>::to("users_created").payload("{}")).ok();
            }
            producer.poll(Duration::from_millis(500));
            std::thread::sleep(Duration::from_millis(400));
        }
    });
    let down = case == "down";
    let store = pretend_store().await;
    let engine = pretend_engine(case).await;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        kafka,
        cassandra: vec![if down { nowhere } else { store }.to_string()],
        engine: if down { nowhere } else { engine },
    };
    let console = Console::start(settings, World::real(Durability::Os)).await.unwrap();
    println!("http://{}", console.address());
    tokio::signal::ctrl_c().await.unwrap();
    console.stop().await;
}

async fn pretend_store() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut frame = [0; 9];
            stream.read_exact(&mut frame).await.ok();
            stream.write_all(&[0x84, 0, 0, 0, 6, 0, 0, 0, 0]).await.ok();
        }
    });
    address
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
    let part = |n: u64| {
        let read = read / 3 + n;
        json!({"partition": n, "read": read, "written": read - 9_412 - 21_309 - 4_031 - 1_207,
            "filtered": 9_412, "duplicate": 4_031, "late": 21_309, "dead_lettered": 1_207,
            "position": read, "end": read + lag / 3, "watermark_ms": 1_795_608_000_000_u64 + tick * 1000})
    };
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
        "batches": 48_211 + tick, "position_note": "resumed from its checkpoint",
        "partitions": [part(0), part(1), part(2)],
    });
    let by_country = json!({
        "name": "users_by_country", "file": "by_country.sql", "source": topic("users_created"),
        "sink": table("spark_streams.users_by_country"), "state": "running",
        "records_per_second": wave * 0.97, "lag": 3, "dead_lettered": 12, "late": 40,
        "latency_ms": {"p50": 5.0, "p99": 11.0 + (t / 3.0).sin()}, "batches": 48_000 + tick,
        "partitions": [part(0), part(1), part(2)],
    });
    match case {
        "empty" => json!([]),
        "wide" => json!([ingest, clean, by_country]),
        _ => json!([ingest, clean]),
    }
}
