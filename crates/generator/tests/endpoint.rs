//! The endpoint over a real socket, with the clock in the test's hands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::net::SocketAddr;
use std::sync::Arc;

use generator::{Error, Generator, Knobs, Server, serve};
use runtime::{Durability, ManualClock, World};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const START_MS: i64 = 1_767_225_600_000;

struct Running {
    server: Server,
    clock: Arc<ManualClock>,
    generator: Arc<Generator>,
}

/// Ten records per second, `elapsed_ms` after the start.
async fn running(elapsed_ms: i64) -> Running {
    let clock = Arc::new(ManualClock::at((START_MS + elapsed_ms) * 1_000));
    let mut world = World::real(Durability::Os);
    world.clock = Arc::clone(&clock) as _;
    let knobs = Knobs { rate_per_second: 10.0, corrupt_percent: 30.0, ..Knobs::default() };
    let generator = Arc::new(Generator::new(knobs).unwrap());
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = serve(Arc::clone(&generator), listen, world).await.unwrap();
    Running { server, clock, generator }
}

async fn get(address: SocketAddr, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn api(running: &Running, query: &str) -> Value {
    let (status, body) = get(running.server.address, &format!("/api/{query}"), "localhost").await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn records_come_by_position_with_their_times() {
    let running = running(100_000).await;
    let answer = api(&running, "?from=5&results=300").await;
    assert_eq!(answer["info"]["from"], 5);
    assert_eq!(answer["info"]["results"], 300);
    assert_eq!(answer["info"]["live"], 1_001);
    assert_eq!(answer["info"]["version"], "1.4");
    for (position, element) in (5..).zip(answer["results"].as_array().unwrap()) {
        let record = running.generator.record(position);
        let index = usize::try_from(position - 5).unwrap();
        assert_eq!(answer["info"]["times"][index], record.event_time_ms);
        let text = element.as_str().map_or_else(|| element.to_string(), str::to_owned);
        assert_eq!(text, record.payload);
    }
    running.server.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_yet_is_not_answered() {
    let running = running(1_000).await;
    let answer = api(&running, "?from=9&results=10").await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 2);
    let answer = api(&running, "?from=50&results=10&wait=30").await;
    assert_eq!(answer["results"].as_array().unwrap().len(), 0);
    assert_eq!(answer["info"]["from"], 50);
}

#[tokio::test]
async fn a_waiting_request_is_answered_once_the_record_exists() {
    let running = running(1_000).await;
    let waiting = api(&running, "?from=11&wait=1000");
    let moving = async { running.clock.advance(std::time::Duration::from_millis(100)) };
    let (answer, ()) = tokio::join!(waiting, moving);
    assert_eq!(answer["results"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_position_the_newest_records_come() {
    let running = running(1_000).await;
    assert_eq!(api(&running, "").await["info"]["from"], 10);
    assert_eq!(api(&running, "?results=4").await["info"]["from"], 7);
}

#[tokio::test]
async fn other_hosts_and_nonsense_are_refused() {
    let running = running(1_000).await;
    let address = running.server.address;
    assert_eq!(get(address, "/api/", "example.com").await.0, 421);
    assert_eq!(get(address, "/api/?from=x", "localhost").await.0, 400);
    assert_eq!(get(address, "/health", "127.0.0.1").await, (200, "ok\n".to_owned()));
}

#[tokio::test]
async fn the_endpoint_refuses_to_listen_beyond_loopback() {
    let generator = Arc::new(Generator::new(Knobs::default()).unwrap());
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = serve(generator, everywhere, World::real(Durability::Os)).await;
    assert!(matches!(refused, Err(Error::NotLoopback(_))));
}
