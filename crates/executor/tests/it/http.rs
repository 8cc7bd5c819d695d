//! `http` tasks, as Airflow's `HttpOperator` would send them.

use crate::desk::House;
use crate::server::Server;
use dag::Operator;
use executor::Connection;
use serde_json::json;

#[tokio::test]
async fn a_request_goes_to_the_connections_address_with_its_credentials() {
    let server = Server::start(|_| (200, "{\"id\": 1}".into()));
    let house = House::new();
    house.desk.connect(Connection {
        id: "api".into(),
        kind: "http".into(),
        host: Some(server.address.ip().to_string()),
        port: Some(server.address.port()),
        login: Some("me".into()),
        password: Some("secret".into()),
        extra: Some("{\"X-Team\": \"data\", \"timeout\": 5}".into()),
        ..Connection::default()
    });
    let post = json!({
        "endpoint": "v1/users?day={{ ds }}",
        "http_conn_id": "api",
        "data": {"name": "a b", "list": [1, 2]},
        "headers": {"X-Run": "{{ run_id }}"},
    });
    assert_eq!(house.result(Operator::Http, post).await, json!("{\"id\": 1}"));
    let asked = server.last();
    assert_eq!(asked.line, "POST /v1/users?day=2026-01-02");
    assert_eq!(asked.body, "name=a%20b&list=1&list=2");
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.header("authorization"), Some("Basic bWU6c2VjcmV0"));
    assert_eq!((asked.header("x-team"), asked.header("timeout")), (Some("data"), None));
    assert_eq!(asked.header("x-run"), Some("manual__2026-01-02T03:04:05+00:00"));
    let get = json!({"endpoint": "/q", "http_conn_id": "api", "method": "GET", "data": {"a": "&"}});
    house.result(Operator::Http, get).await;
    assert_eq!(server.last().line, "GET /q?a=%26");
}

#[tokio::test]
async fn a_body_is_json_where_a_header_says_so_and_methods_are_as_written() {
    let server = Server::start(|_| (204, String::new()));
    let house = House::new();
    let url = format!("http://{}/x", server.address);
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let arguments = json!({
            "endpoint": url,
            "method": method,
            "headers": {"Content-Type": "application/json"},
            "data": {"n": 1},
        });
        assert_eq!(house.result(Operator::Http, arguments).await, json!(""));
        assert_eq!(server.last().line, format!("{method} /x"));
        assert_eq!(server.last().body, "{\"n\":1}");
    }
    let text = json!({"endpoint": url, "data": "plain {{ ds }}"});
    house.result(Operator::Http, text).await;
    assert_eq!(server.last().body, "plain 2026-01-02");
}

#[tokio::test]
async fn answers_from_400_on_fail_and_say_what_they_say() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "POST /missing" => (404, "no\nsuch page".into()),
        "POST /large" => (200, "x".repeat(2 << 20)),
        _ => (500, String::new()),
    });
    let house = House::new();
    let url = |path: &str| json!({"endpoint": format!("http://{}/{path}", server.address)});
    let (reason, _) = house.failure(Operator::Http, url("missing")).await;
    assert!(reason.contains("404 Not Found: no such page"), "{reason}");
    house.result(Operator::Http, url("large")).await;
    assert_eq!(house.desk.result(), None);
    assert!(house.desk.log_text().contains("is not kept"), "{}", house.desk.log_text());
    let (reason, _) = house.failure(Operator::Http, json!({"endpoint": "x"})).await;
    assert!(reason.contains("there is no connection http_default"), "{reason}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = json!({"endpoint": format!("http://{closed}/?token=abc")});
    let (reason, retryable) = house.failure(Operator::Http, nobody).await;
    assert!(reason.contains("POST http://127.0.0.1") && retryable, "{reason}");
    assert!(!reason.contains("abc"), "{reason}");
}
