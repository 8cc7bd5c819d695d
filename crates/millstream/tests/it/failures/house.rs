//! A project that runs, and the three ways of asking its doctor.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};

use scylla::client::session_builder::SessionBuilder;
use serde_json::Value;

use crate::command::{FREE_PORTS, millstream, project, run, tries};
use crate::up::Up;

/// The doctor's answer is there within two seconds of asking.
const MOST_MS: u64 = 2_000;

/// The tutorial's table, from its topic.
pub(crate) const USERS: &str = "\
CREATE TABLE users_created (id STRING, first_name STRING)
WITH ('connector' = 'kafka', 'topic' = 'users_created', 'format' = 'json');
CREATE TABLE created_users (id STRING, first_name STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'cassandra', 'keyspace' = 'spark_streams', 'table' = 'created_users');
INSERT INTO created_users SELECT id, first_name FROM users_created;
";

/// A record that fits it.
pub(crate) const ADA: &str = "{\"id\": \"1\", \"first_name\": \"Ada\"}\n";

/// Settings of a node on free ports that lets this DAG run.
pub(crate) fn unpaused(id: &str) -> String {
    format!("{FREE_PORTS}[orchestrator]\nunpaused = \"{id}\"\n")
}

/// A free port of an address that no other test and no other program has.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let ip = Ipv4Addr::new(127, high.clamp(1, 254), low, NEXT.fetch_add(1, Ordering::Relaxed));
    let free = TcpListener::bind((ip, 0)).unwrap();
    free.local_addr().unwrap()
}

/// A running project and a person who is logged in to its console.
pub(crate) struct House {
    project: tempfile::TempDir,
    up: Option<Up>,
    console: SocketAddr,
    cookie: String,
}

impl House {
    /// Makes a project and starts it.
    pub(crate) fn start(settings: &str, files: &[(&str, &str)]) -> Self {
        Self::start_parts(settings, files, &[])
    }

    /// The same with arguments of `up`; the webserver and the console must be of its parts.
    pub(crate) fn start_parts(settings: &str, files: &[(&str, &str)], up: &[&str]) -> Self {
        let project = project(&[&[("millstream.toml", settings)], files].concat());
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut house = Self { project, up: None, console: nowhere, cookie: String::new() };
        house.start_again(up);
        house
    }

    /// Starts it, after a stop too.
    pub(crate) fn start_again(&mut self, arguments: &[&str]) {
        let (up, table, link) = Up::start_with_link(self.at(), arguments);
        self.up = Some(up);
        let row = table.iter().find(|line| line.starts_with("console")).unwrap();
        let (_, rest) = row.split_once("http://").unwrap();
        self.console = rest.split_whitespace().next().unwrap().parse().unwrap();
        let (_, path) = link.split_once("/login/link").unwrap();
        let answer = self.get(&format!("/login/link{path}"), false);
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
    }

    pub(crate) fn stop(&mut self) {
        self.up.take().unwrap().stop();
    }

    /// The project's directory.
    pub(crate) fn at(&self) -> &Path {
        self.project.path()
    }

    /// Where a part listens: `kafka`, `cassandra`, `engine` and so on.
    pub(crate) fn address(&self, part: &str) -> String {
        let text = std::fs::read_to_string(self.at().join("data/addresses.json")).unwrap();
        let addresses: BTreeMap<String, Option<String>> = serde_json::from_str(&text).unwrap();
        addresses[part].clone().unwrap()
    }

    /// Sends lines to a topic.
    pub(crate) fn produce(&self, topic: &str, lines: &str) {
        let mut command = millstream(self.at(), &["produce", topic]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Runs statements of CQL.
    pub(crate) fn cql(&self, statements: &[&str]) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let node = self.address("cassandra");
            let session = SessionBuilder::new().known_node(node).build().await.unwrap();
            for statement in statements {
                session.query_unpaged(*statement, ()).await.unwrap();
            }
        });
    }

    /// Asks for rows until there are so many.
    #[track_caller]
    pub(crate) fn has_rows(&self, table: &str, count: u64) {
        let query = format!("SELECT count(*) FROM {table}");
        let mut last = String::new();
        for _ in tries() {
            last = run(self.at(), &["sql", "--format", "csv", &query]).out;
            if last.lines().nth(1) == Some(&count.to_string()) {
                return;
            }
        }
        panic!("{table} never has {count} rows: {last}");
    }

    /// Asks for the status until it says all these words.
    #[track_caller]
    pub(crate) fn status_says(&self, words: &[&str]) {
        let mut last = String::new();
        for _ in tries() {
            last = run(self.at(), &["status"]).out;
            if holds(&last, words) {
                return;
            }
        }
        panic!("the status never says {words:?}: {last}");
    }

    /// Asks command, API and page until each names this cause first, and returns the API's report.
    #[track_caller]
    pub(crate) fn says(&self, rule: &str, words: &[&str]) -> Value {
        let report = self.command_says(rule, words);
        self.text_says(words);
        self.page_says(words);
        let told = self.asked("GET /api/doctor", rule, words, || self.api());
        assert_eq!(shape(&report), shape(&told), "one report, two ways of asking");
        told
    }

    /// `millstream doctor --json`.
    #[track_caller]
    pub(crate) fn command_says(&self, rule: &str, words: &[&str]) -> Value {
        self.asked("millstream doctor --json", rule, words, || {
            let said = run(self.at(), &["doctor", "--json"]);
            assert_eq!(said.code, Some(0), "{}", said.err);
            said.out
        })
    }

    #[track_caller]
    fn asked(&self, how: &str, rule: &str, words: &[&str], ask: impl Fn() -> String) -> Value {
        let mut last = String::new();
        for _ in tries() {
            last = ask();
            let report: Value = serde_json::from_str(&last).unwrap();
            let first = &report["findings"][0];
            let sentence = first["sentence"].as_str().unwrap_or_default();
            let in_time = report["took_ms"].as_u64().unwrap() < MOST_MS;
            if first["rule"] == rule && holds(sentence, words) && in_time {
                return report;
            }
        }
        panic!("{how} never says {rule} and {words:?} first: {last}");
    }

    /// `millstream doctor`.
    #[track_caller]
    fn text_says(&self, words: &[&str]) {
        let mut last = String::new();
        for _ in tries() {
            last = run(self.at(), &["doctor"]).out;
            let first = last.lines().map(str::trim_start).find(|line| line.starts_with("1. "));
            if first.is_some_and(|first| holds(first, words)) {
                return;
            }
        }
        panic!("millstream doctor never says {words:?} first: {last}");
    }

    /// The page `/doctor`.
    #[track_caller]
    fn page_says(&self, words: &[&str]) {
        let mut last = String::new();
        for _ in tries() {
            last = self.get("/doctor", true);
            let list = last.split_once("<ol class=\"findings\">");
            let first = list.and_then(|(_, list)| list.split_once("<p>")?.1.split_once("</p>"));
            if first.is_some_and(|(first, _)| holds(&plain(first), words)) {
                return;
            }
        }
        panic!("the page never says {words:?} first: {last}");
    }

    /// The body of `GET /api/doctor`.
    fn api(&self) -> String {
        let stranger = self.get("/api/doctor", false);
        assert!(stranger.starts_with("HTTP/1.1 401 ") && stranger.contains("{\"detail\":"));
        let answer = self.get("/api/doctor", true);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// The whole answer of the console.
    fn get(&self, path: &str, logged_in: bool) -> String {
        let cookie = if logged_in { format!("Cookie: {}\r\n", self.cookie) } else { String::new() };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookie}\r\n",
            self.console
        );
        let mut stream = TcpStream::connect(self.console).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn holds(text: &str, words: &[&str]) -> bool {
    words.iter().all(|word| text.contains(word))
}

/// The text of a piece of HTML without tags.
fn plain(html: &str) -> String {
    let letters = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    letters.into_iter().fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// What of two reports of the same moment must be the same: its members, and the first finding's hop.
fn shape(report: &Value) -> (Vec<String>, Value) {
    let members = report.as_object().unwrap().keys().cloned().collect();
    (members, report["findings"][0]["hop"].clone())
}
