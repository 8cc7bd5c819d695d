//! The console from outside, over TCP, beside parts that are away and a pretended engine.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use accounts::Accounts;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use console::{Console, Finding, Findings, Neighbours, Settings, Severity, StartError};
use door::Role;
use metadata::{Metadata, SecretKey};
use runtime::{Durability, World};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where nobody listens.
const NOWHERE: &str = "127.0.0.1:1";

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn settings(listen: SocketAddr, engine: SocketAddr) -> Settings {
    Settings { listen, kafka: NOWHERE.to_owned(), cassandra: vec![NOWHERE.to_owned()], engine }
}

async fn engine() -> SocketAddr {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let streams = json!({"streams": [{
        "name": "users", "file": "users.sql", "state": "running",
        "source": {"kind": "kafka", "name": "users_created", "address": "k"},
        "sink": {"kind": "cassandra", "name": "ks.created_users", "address": "c"},
        "records_per_second": 40.0, "lag": 7, "latency_ms": {"p50": 4.0, "p99": 18.2}, "batch_ms": {"p50": 3.0, "p99": 5.0},
        "latency_histogram": [{"le_ms": 8.0, "count": 3}],
        "partitions": [{"partition": 0, "read": 10, "written": 10, "position": 10, "end": 17}],
    }]});
    let router = Router::new()
        .route("/status", get(move || async move { Json(streams.clone()) }))
        .route("/sql", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Two rows for who shows the token; a wrong statement is refused.
async fn answer(headers: HeaderMap, asked: String) -> (StatusCode, &'static str) {
    if headers.get("authorization").is_none_or(|shown| shown != "Bearer t0ken") {
        return (StatusCode::UNAUTHORIZED, "{\"detail\":\"who are you?\"}");
    }
    match asked.as_str() {
        "{\"sql\":\"SELECT n FROM t\"}" => (StatusCode::OK, "{\"n\":\"<1>\"}\n{\"n\":null}\n"),
        _ => (StatusCode::BAD_REQUEST, "{\"detail\":\"there is no table u; did you mean t?\"}"),
    }
}

#[derive(Debug)]
struct Doctor;

impl Findings for Doctor {
    fn findings(&self) -> Pin<Box<dyn Future<Output = Vec<Finding>> + Send + '_>> {
        Box::pin(async {
            vec![Finding {
                hop: "table ks.<t>".to_owned(),
                severity: Severity::Problem,
                sentence: "It is empty.".to_owned(),
                next: "Do this.".to_owned(),
                so: vec!["Nobody sees users.".to_owned()],
            }]
        })
    }

    fn json(&self) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + '_>> {
        Box::pin(async { Ok("{\"findings\":[]}".to_owned()) })
    }
}

/// A console with a user for each of these roles, whose name is the role's and password `secret123`.
struct WithUsers {
    console: Console,
    _place: tempfile::TempDir,
}

async fn with_users() -> WithUsers {
    let world = World::real(Durability::Os);
    let place = tempfile::tempdir().unwrap();
    let key = SecretKey::load_or_create(&place.path().join("key")).unwrap();
    let address = format!("sqlite:{}", place.path().join("m.db").display());
    let accounts =
        Accounts::open(Metadata::open(&address, &key).await.unwrap(), Arc::clone(&world.clock));
    for role in [Role::Viewer, Role::User, Role::Op] {
        accounts.create_user("test", role.name(), "secret123", role).await.unwrap();
    }
    let neighbours = Neighbours {
        accounts: Some(accounts),
        engine_token: Some("t0ken".to_owned()),
        findings: Some(Arc::new(Doctor)),
        orchestrator_port: Some(8080),
        names: Vec::new(),
    };
    let settings = settings(loopback(), engine().await);
    let console = Console::start_beside(settings, neighbours, world).await.unwrap();
    WithUsers { console, _place: place }
}

/// The whole answer to a request of a browser.
async fn ask(address: SocketAddr, request: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!(
        "{request} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nAccept: text/html\r\n\
         Content-Length: {length}\r\n",
        port = address.port(),
        length = body.len()
    );
    for header in headers {
        text.push_str(&format!("{header}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap()
}

/// The cookie of a session.
async fn sign_in(address: SocketAddr, name: &str) -> String {
    let own = format!("Origin: http://localhost:{}", address.port());
    let form = format!("name={name}&password=secret123&next=%2Ftopics");
    let answer = ask(address, "POST /login", &[&own], &form).await;
    assert_eq!(status(&answer), "303", "{answer}");
    assert!(answer.contains("location: /topics\r\n"), "{answer}");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    format!("Cookie: {}", cookie.split(';').next().unwrap())
}

#[tokio::test]
async fn without_accounts_the_pages_are_read_and_nothing_changes_and_no_content_is_shown() {
    let settings = settings(loopback(), engine().await);
    let console = Console::start(settings, World::real(Durability::Os)).await.unwrap();
    let at = console.address();
    let page = ask(at, "GET /", &[], "").await;
    assert_eq!(status(&page), "200");
    for part in ["users_created", "id=\"live\"", "id=\"theme\"", "keyspace ks", "data-seed"] {
        assert!(page.contains(part), "{part}");
    }
    for place in ["/topics/t/messages", "/dead-letters/t", "/tables/ks/t", "/cql"] {
        let answer = ask(at, &format!("GET {place}"), &[], "").await;
        assert!(["403", "502"].contains(&status(&answer)), "{place}: {answer}");
    }
    for place in ["/topics/create", "/topics/t/delete", "/groups/g/delete", "/cql"] {
        assert_eq!(status(&ask(at, &format!("POST {place}"), &[], "").await), "403", "{place}");
    }
    let page = ask(at, "GET /topics", &[], "").await;
    assert!(!page.contains("New topic"), "what changes something is absent");
    assert!(ask(at, "GET /doctor", &[], "").await.contains("The doctor is not here"));
    let answer = ask(at, "GET /api/doctor", &[], "").await;
    assert!(status(&answer) == "404" && answer.contains("\"detail\""), "{answer}");
    let health = ask(at, "GET /health", &[], "").await;
    assert!(
        health.contains("\"status\":\"ok\"") && health.contains("\"state\":\"down\""),
        "{health}"
    );
    console.stop().await;
}

#[tokio::test]
async fn a_part_that_is_away_is_named_with_what_to_do() {
    let settings = settings(loopback(), engine().await);
    let console = Console::start(settings, World::real(Durability::Os)).await.unwrap();
    let answer = ask(console.address(), "GET /brokers", &[], "").await;
    assert_eq!(status(&answer), "502");
    assert!(answer.contains("Cannot reach Kafka broker 127.0.0.1:1"), "{answer}");
    let answer = ask(console.address(), "GET /tables", &[], "").await;
    assert!(answer.contains("Cassandra at 127.0.0.1:1 does not answer"), "{answer}");
    let answer = ask(console.address(), "GET /streams/nobody", &[], "").await;
    assert_eq!(status(&answer), "404", "{answer}");
    console.stop().await;
}

#[tokio::test]
async fn someone_who_signs_in_sees_what_their_role_may() {
    let WithUsers { console, _place } = with_users().await;
    let at = console.address();
    let answer = ask(at, "GET /topics?search=a", &[], "").await;
    assert!(answer.contains("location: /login?next=%2Ftopics%3Fsearch%3Da"), "{answer}");
    assert_eq!(
        status(&ask(at, "GET /", &[], "").await),
        "200",
        "pipelines are open on this machine"
    );
    let own = format!("Origin: http://localhost:{}", at.port());
    for (name, query, create) in
        [("Viewer", "403", "403"), ("User", "200", "403"), ("Op", "200", "303")]
    {
        let cookie = sign_in(at, name).await;
        let page = ask(at, "GET /topics", &[&cookie], "").await;
        assert!(page.contains(&format!("<small>{name}</small>")), "{page}");
        assert_eq!(page.contains("New topic"), create == "303", "{name}");
        assert_eq!(status(&ask(at, "GET /cql", &[&cookie], "").await), query, "{name}");
        let answer = ask(at, "POST /topics/create", &[&cookie, &own], "name=t").await;
        assert_eq!(status(&answer), create, "{name}: {answer}");
        let answer = ask(at, "POST /topics/create", &[&cookie], "name=t").await;
        assert_eq!(status(&answer), "403", "another site's page");
    }
    let cookie = sign_in(at, "User").await;
    let answer = ask(at, "POST /cql", &[&cookie, &own], "statement=DROP+TABLE+t").await;
    assert!(answer.contains("Your role may run statements that read"), "{answer}");
    let rows = ask(at, "POST /sql", &[&cookie, &own], "statement=SELECT+n+FROM+t;").await;
    for part in ["<th scope=\"col\">n</th>", "&lt;1&gt;</td>", "null</td>", "2 rows in"] {
        assert!(rows.contains(part), "{part}: {rows}");
    }
    let refused = ask(at, "POST /sql", &[&cookie, &own], "statement=SELECT+n+FROM+u").await;
    assert!(refused.contains("There is no table u; did you mean t?"), "{refused}");
    let page = ask(at, "GET /doctor", &[&cookie], "").await;
    for part in ["table ks.&lt;t&gt;", "Do this.", "So: Nobody sees users."] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let answer = ask(at, "GET /api/doctor", &[&cookie], "").await;
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(answer.ends_with("{\"findings\":[]}"), "{answer}");
    let answer = ask(at, "GET /api/doctor", &[], "").await;
    assert_eq!(status(&answer), "401", "a program is not sent to a form");
    assert!(answer.contains("{\"detail\":\"sign in, or send an API token\"}"), "{answer}");
    let page = ask(at, "GET /pipelines/users", &[&cookie], "").await;
    assert!(page.contains(
        "The slowest hop is users, users_created to ks.created_users: 178 ms at the median"
    ));
    assert!(page.contains("//localhost:8080/dags"), "it links to the orchestrator");
    let answer = ask(at, "POST /logout", &[&cookie, &own], "").await;
    assert_eq!(status(&answer), "303");
    assert_eq!(status(&ask(at, "GET /topics", &[&cookie], "").await), "303");
    console.stop().await;
}

#[tokio::test]
async fn a_page_that_is_followed_sends_what_changed() {
    let settings = settings(loopback(), engine().await);
    let console = Console::start(settings, World::real(Durability::Os)).await.unwrap();
    for (place, expected) in [("/streams", "\"id\":\"streams\""), ("/events", "\"shape\"")] {
        let mut stream = TcpStream::connect(console.address()).await.unwrap();
        let port = console.address().port();
        let request = format!(
            "GET {place} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: text/event-stream\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = String::new();
        while !read.contains(expected) {
            let mut part = [0; 4_096];
            let count = stream.read(&mut part).await.unwrap();
            assert!(count > 0, "{read}");
            read.push_str(&String::from_utf8_lossy(&part[..count]));
        }
    }
    console.stop().await;
}

#[tokio::test]
async fn beyond_loopback_it_listens_only_with_users() {
    let all = SocketAddr::from(([0, 0, 0, 0], 0));
    let engine = engine().await;
    let started = Console::start(settings(all, engine), World::real(Durability::Os)).await;
    assert!(matches!(started, Err(StartError::NotLoopback { .. })));
}

#[tokio::test]
async fn every_page_may_be_read_by_name_only_from_this_machine() {
    let settings = settings(loopback(), engine().await);
    let console = Console::start(settings, World::real(Durability::Os)).await.unwrap();
    let mut stream = TcpStream::connect(console.address()).await.unwrap();
    let request = "GET /api/pipelines HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "421");
    console.stop().await;
}
