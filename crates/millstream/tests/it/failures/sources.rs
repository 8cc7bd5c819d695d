//! Sources that are polled and have nothing new.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use super::house::{House, USERS};
use crate::command::FREE_PORTS;

/// An API with positions that has three people and no more.
pub(super) fn people() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            let _headers = lines.find(String::is_empty);
            let from = request.split_once("from=").and_then(|(_, rest)| rest.split('&').next());
            let from: usize = from.and_then(|number| number.parse().ok()).unwrap_or(0);
            let all = ["1", "2", "3"].map(|id| format!("{{\"id\":\"{id}\",\"first_name\":\"A\"}}"));
            let rest = all.get(from..).unwrap_or_default().join(",");
            let body = format!("{{\"results\":[{rest}],\"info\":{{\"from\":{from}}}}}");
            // A peer that goes is no trouble.
            let _answered = write!(
                &stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

/// A stream `users_created` that polls this API; `options` are further ones of its table.
pub(super) fn poll(api: SocketAddr, options: &str) -> String {
    format!(
        "CREATE TABLE random_users (value STRING) WITH ('connector' = 'http', \
         'url' = 'http://{api}/api/', 'records' = 'results'{options});\n\
         CREATE TABLE raw_users (value STRING) WITH ('connector' = 'kafka', \
         'topic' = 'users_created', 'format' = 'raw');\n\
         INSERT INTO raw_users SELECT value FROM random_users;\n"
    )
}

#[test]
fn a_source_with_nothing_new_is_told_as_such_and_the_table_is_up_to_date() {
    let poll = poll(people(), "");
    let files = [("streams/1-poll.sql", poll.as_str()), ("streams/2-users.sql", USERS)];
    let house = House::start(FREE_PORTS, &files);
    house.has_rows("created_users", 3);
    let report = house.says(
        "source-quiet",
        &["The API at http://127.0.0.1:", "answers, but has nothing new", "stands at position 3"],
    );
    assert_eq!(report["findings"][0]["severity"], "info");
    let pipeline = &report["pipelines"][0];
    assert_eq!(pipeline["health"], "quiet", "{pipeline}");
    let sentence = pipeline["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("spark_streams.created_users is up to date: the API at"));
}
