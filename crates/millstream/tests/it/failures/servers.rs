//! Servers that are not where they should be: a wrong advertised address, a start in the wrong order, a
//! port that somebody else has.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use super::house::{ADA, House, USERS, own_address};
use crate::command::{FREE_PORTS, run};
use crate::up::Up;

#[test]
fn an_advertised_address_that_leads_nowhere_is_named_with_its_setting() {
    let nowhere = own_address().ip().to_string();
    let settings =
        FREE_PORTS.replace("[broker]\n", &format!("[broker]\nadvertised_host = \"{nowhere}\"\n"));
    let house = House::start(&settings, &[("streams/users.sql", USERS)]);
    let report = house.says(
        "wrong-advertised-address",
        &["Kafka answers at 127.0.0.1:", &format!("to come to {nowhere}:"), "connection refused"],
    );
    let finding = &report["findings"][0];
    let next = finding["next"].as_str().unwrap();
    assert!(next.contains("broker.advertised_host in millstream.toml"), "{next}");
    let followers = report["findings"].as_array().unwrap().iter().skip(1);
    for one in followers.filter(|one| one["severity"] == "error") {
        assert_eq!(one["because_of"], finding["id"], "{one}");
    }
}

/// Settings of a project whose parts are processes of their own.
fn apart(broker: SocketAddr, store: SocketAddr) -> String {
    FREE_PORTS.replacen("127.0.0.1:0", &broker.to_string(), 1).replacen(
        "127.0.0.1:0",
        &store.to_string(),
        1,
    )
}

#[test]
fn an_engine_that_starts_first_waits_says_for_what_and_goes_on_by_itself() {
    let (broker, store) = (own_address(), own_address());
    let mut house = House::start_parts(
        &apart(broker, store),
        &[("streams/users.sql", USERS)],
        &["--only", "engine,webserver,console"],
    );
    let kafka_is_away = format!("Kafka at {broker} cannot");
    house.status_says(&["created_users", "waiting", &kafka_is_away]);
    let report = house.says(
        "server-away",
        &[
            &format!("Kafka does not answer at {broker}: connection refused"),
            "stream created_users has waited for it since",
        ],
    );
    let next = report["findings"][0]["next"].as_str().unwrap();
    assert!(next.contains("millstream up --only broker"), "{next}");

    let servers = ["--only", "broker", "--data", "broker-data"];
    let (_broker, _) = Up::start(house.at(), &servers);
    house.status_says(&["created_users", "waiting", &format!("Cassandra at {store} cannot")]);
    house.says(
        "server-away",
        &[
            &format!("Cassandra does not answer at {store}: connection refused"),
            "stream created_users has waited for it since",
        ],
    );

    let (_store, _) = Up::start(house.at(), &["--only", "store", "--data", "store-data"]);
    house.status_says(&["created_users", "running"]);
    house.produce("users_created", ADA);
    house.has_rows("created_users", 1);
    house.stop();
}

/// Answers every request on a port of its own as a web server that knows nothing.
fn stranger() -> SocketAddr {
    let listener = TcpListener::bind((own_address().ip(), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            // What is asked does not matter, and a peer that goes is no trouble.
            let _asked = stream.read(&mut [0; 1_024]);
            let _answered =
                stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    address
}

#[test]
fn a_port_that_somebody_else_has_is_named_at_the_start_and_by_the_doctor() {
    let taken = stranger();
    let settings = apart(taken, own_address());
    // The pages are another process's, and tell why the project does not run.
    let house = House::start_parts(
        &settings,
        &[("streams/users.sql", USERS)],
        &["--only", "webserver,console", "--set", &format!("engine.listen={}", own_address())],
    );
    let said = run(house.at(), &["up", "--data", "other"]);
    assert_eq!(said.code, Some(1));
    let what = format!("error: the broker cannot listen on {taken}");
    assert!(said.err.contains(&what) && said.err.contains("millstream.toml:2"), "{}", said.err);
    let report = house.says(
        "port-taken",
        &[&format!("The port of {taken} is taken: an HTTP server answers there instead of Kafka")],
    );
    let findings = report["findings"].as_array().unwrap();
    assert!(findings[0]["next"].as_str().unwrap().contains("change broker.listen"));
    let engine = findings.iter().find(|one| one["hop"]["name"] == "engine").unwrap();
    assert_eq!(engine["because_of"], findings[0]["id"], "{engine}");
}
