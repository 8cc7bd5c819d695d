//! `sql` and `stream` tasks against an address that answers as the engine does.

use crate::desk::{House, task};
use crate::server::Server;
use dag::Operator;
use executor::{Connection, Outcome, StopSignal};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn house(server: &Server) -> House {
    House::with(|settings| {
        settings.engine = server.address;
        settings.engine_token = Some("t-0-k-e-n".into());
    })
}

#[tokio::test]
async fn statements_run_one_after_another_and_the_last_ones_rows_are_the_result() {
    let server = Server::start(|asked| {
        let sql = serde_json::from_str::<Value>(&asked.body).unwrap()["sql"].clone();
        match sql.as_str().unwrap() {
            "SELECT 2026" => (200, "{\"a\":1}\n{\"a\":2}\n".into()),
            "SELECT many" => (200, format!("{{\"a\":\"{}\"}}\n", "x".repeat(1_000)).repeat(2_000)),
            "SELECT bad" => (400, "{\"detail\": \"no column bad\"}".into()),
            _ => (200, String::new()),
        }
    });
    let house = house(&server);
    let two = json!({"sql": ["CREATE VIEW v AS SELECT ';'; ", "SELECT {{ logical_date.year }}"]});
    assert_eq!(house.result(Operator::Sql, two).await, json!([{"a": 1}, {"a": 2}]));
    assert_eq!(server.lines(), ["POST /sql", "POST /sql"]);
    assert_eq!(server.last().header("authorization"), Some("Bearer t-0-k-e-n"));
    let many = house.result(Operator::Sql, json!({"sql": "SELECT many"})).await;
    assert!((900..1_100).contains(&many.as_array().unwrap().len()));
    assert!(house.desk.log_text().contains("2000 rows\ntask: only the first"));
    let (reason, retryable) = house.failure(Operator::Sql, json!({"sql": "SELECT bad"})).await;
    assert!(reason.contains("no column bad") && !retryable, "{reason}");
    house.desk.connect(Connection {
        id: "pg".into(),
        kind: "postgres".into(),
        ..Default::default()
    });
    let other = json!({"sql": "SELECT 1", "conn_id": "pg"});
    let (reason, _) = house.failure(Operator::Sql, other).await;
    assert!(reason.contains("of kind postgres"), "{reason}");
    let (reason, _) = house.failure(Operator::Sql, json!({"sql": " ; "})).await;
    assert!(reason.contains("no statement"), "{reason}");
}

fn status(state: &str, read: u64, lag: i64, error: Option<&str>) -> String {
    let error = error.map(|message| json!({"message": message, "hint": "look there"}));
    let partition = json!({"partition": 0, "read": read, "written": read, "dead_lettered": 0});
    json!({"streams": [{
        "name": "users", "state": state, "lag": lag, "error": error, "partitions": [partition],
    }]})
    .to_string()
}

/// An engine whose stream reads ten records between two looks, and fails at `fails_at`.
fn engine(fails_at: u64) -> Server {
    let looks = Arc::new(AtomicU64::new(0));
    Server::start(move |asked| match asked.line.as_str() {
        "GET /status" => {
            let read = looks.fetch_add(1, Ordering::SeqCst) * 10;
            let failed = read >= fails_at;
            let state = if failed { "failed" } else { "running" };
            let lag = 20_i64.saturating_sub_unsigned(read).max(0);
            (200, status(state, read, lag, failed.then_some("sink is gone")))
        }
        "POST /streams/users/start" | "POST /streams/users/stop" => (200, "{}".into()),
        _ => (404, "{\"detail\": \"there is no such stream\"}".into()),
    })
}

#[tokio::test]
async fn a_run_starts_watches_and_stops_the_stream() {
    let server = engine(u64::MAX);
    let house = house(&server);
    let run = json!({"stream": "users", "action": "run", "seconds": 1});
    let result = house.result(Operator::Stream, run).await;
    assert!(result["read"].as_u64().unwrap() >= 10, "{result}");
    assert_eq!(result["read"], result["written"]);
    let lines = server.lines();
    let at = |wanted: &str| lines.iter().position(|line| line.contains(wanted)).unwrap();
    assert!(at("GET") < at("start") && at("start") < at("stop"), "{lines:?}");
    assert!(house.desk.log_text().contains("stream users in 1 s: "), "{}", house.desk.log_text());
}

#[tokio::test]
async fn a_run_whose_stream_fails_or_that_is_stopped_stops_the_stream_too() {
    let server = engine(10);
    let house = house(&server);
    let run = json!({"stream": "users", "action": "run", "seconds": 60});
    let (reason, _) = house.failure(Operator::Stream, run.clone()).await;
    assert_eq!(reason, "stream users failed: sink is gone; look there");
    assert_eq!(server.last().line, "POST /streams/users/stop");
    let server = engine(u64::MAX);
    let house = self::house(&server);
    let (stopper, stop) = StopSignal::new();
    let running = house.executor.run(task(Operator::Stream, run), house.desk.as_ref(), stop);
    let stopping = async {
        house.desk.until("told the engine to start").await;
        stopper.stop("enough");
    };
    let (outcome, ()) = tokio::join!(running, stopping);
    assert_eq!(outcome, Outcome::Stopped { reason: "enough".into() });
    assert_eq!(server.last().line, "POST /streams/users/stop");
}

#[tokio::test]
async fn a_wait_ends_when_the_stream_is_caught_up() {
    let server = engine(u64::MAX);
    let house = house(&server);
    house.result(Operator::Stream, json!({"stream": "users", "action": "wait"})).await;
    let log = house.desk.log_text();
    assert!(log.contains("20 records to read") && log.contains("is caught up"), "{log}");
    let server = Server::start(|_| (200, status("running", 0, 7, None)));
    let house = self::house(&server);
    let wait = json!({"stream": "users", "action": "wait", "seconds": 0});
    let (reason, _) = house.failure(Operator::Stream, wait).await;
    assert!(reason.contains("not caught up after 0 s"), "{reason}");
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_named_with_the_nearest() {
    let server = engine(u64::MAX);
    let house = house(&server);
    let wait = json!({"stream": "usrs", "action": "wait"});
    let (reason, retryable) = house.failure(Operator::Stream, wait).await;
    assert!(
        reason.contains("there is no stream usrs; did you mean users?") && !retryable,
        "{reason}"
    );
    let (reason, _) =
        house.failure(Operator::Stream, json!({"stream": "x", "action": "start"})).await;
    assert!(reason.contains("there is no such stream"), "{reason}");
}
