//! A server with a DAG, its runs, and a user for each role.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use accounts::Accounts;
use chrono::{DateTime, TimeDelta, Utc};
use dag::{Dag, Operator, Retry, Schedule, Task, TaskGroup, TriggerRule};
use door::Role;
use metadata::{
    Change, Connection, DagRecord, LogLine, Metadata, NewRun, RunType, SecretKey, Stream, TaskKey,
    TaskKind,
};
use runtime::ManualClock;
use scheduler::{RunState, TaskState};
use serde_json::{Value, json};
use tempfile::TempDir;
use timetable::Timetable;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use webserver::{Settings, Webserver};

/// The password of every user.
pub(crate) const PASSWORD: &str = "a long enough password";
/// 2026-03-01, noon.
const NOON: i64 = 1_772_366_400_000_000;
/// A text that must never become markup.
pub(crate) const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

/// A server and what it serves.
pub(crate) struct World {
    pub(crate) metadata: Metadata,
    pub(crate) accounts: Accounts,
    pub(crate) address: SocketAddr,
    tokens: BTreeMap<&'static str, String>,
    _server: Webserver,
    _directory: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// What the next page will say.
    pub(crate) fn said(&self) -> String {
        let cookies = self.head.lines().filter(|line| line.starts_with("set-cookie: "));
        let said = cookies.filter_map(|line| line.split_once("millstream_said=")).next();
        let text = said.unwrap().1.split(';').next().unwrap();
        pages::decode(text)
    }
}

impl World {
    /// A server without DAGs.
    pub(crate) async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = SecretKey::load_or_create(&directory.path().join("secret.key")).unwrap();
        let address = format!("sqlite:{}", directory.path().join("metadata.db").display());
        let metadata = Metadata::open(&address, &key).await.unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let accounts = Accounts::open(metadata.clone(), clock.clone());
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            names: Vec::new(),
            console_port: Some(9021),
        };
        let server =
            Webserver::start(settings, metadata.clone(), accounts.clone(), clock.clone()).await;
        let server = server.unwrap();
        Self {
            address: server.address(),
            tokens: BTreeMap::new(),
            metadata,
            accounts,
            _server: server,
            _directory: directory,
        }
    }

    /// A server with users, of whom each has an API token, and the DAG `users`.
    pub(crate) async fn filled() -> Self {
        let mut world = Self::empty().await;
        for (name, role) in Role::NAMES {
            world.accounts.create_user("test", name, PASSWORD, role).await.unwrap();
            let token = world.accounts.create_token(name, "test").await.unwrap();
            world.tokens.insert(name, token);
        }
        world.record(&users(), "users.yml", "users:\n  schedule: None\n").await;
        world
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(NOON).unwrap()
    }

    /// Keeps a DAG as its file says.
    pub(crate) async fn record(&self, dag: &Dag, file: &str, source: &str) -> i64 {
        let record = DagRecord {
            dag_id: dag.id.clone(),
            file: file.to_owned(),
            runtime: "native".to_owned(),
            runtime_reason: "a YAML file".to_owned(),
            description: dag.description.clone(),
            owners: vec!["ann".to_owned()],
            tags: dag.tags.clone(),
            schedule: dag.schedule.text.clone(),
            source: source.to_owned(),
            serialised: dag.to_json().to_string(),
            max_active_runs: 16,
            max_active_tasks: 16,
            paused_upon_creation: false,
        };
        self.metadata.record_dag(&record, self.now()).await.unwrap()
    }

    /// Makes a run of the DAG `users` in which `extract` ended so, and `load` waits.
    pub(crate) async fn run(&self, run_id: &str, ended: TaskState) {
        let now = self.now();
        let (dag_id, one) = ("users", TimeDelta::seconds(1));
        let run = NewRun {
            dag_id: dag_id.to_owned(),
            run_id: run_id.to_owned(),
            run_type: RunType::Manual,
            logical_date: None,
            interval_start: None,
            interval_end: None,
            run_after: now,
            queued_at: now,
            conf: json!({"seconds": 60}),
            version: 1,
            triggered_by: "Admin".to_owned(),
            note: None,
        };
        assert!(self.metadata.create_run(&run).await.unwrap());
        let moved =
            self.metadata.move_run(dag_id, run_id, RunState::Queued, RunState::Running, now);
        assert!(moved.await.unwrap());
        let change = |task: &str, from, to| Change {
            task_id: task.to_owned(),
            from,
            to,
            kind: TaskKind {
                operator: "bash".to_owned(),
                pool: "default_pool".to_owned(),
                pool_slots: 1,
                priority: 1,
                retries: 1,
            },
            reason: None,
            retry_at: None,
        };
        use TaskState as S;
        let steps = [
            change("extract", S::None, S::Scheduled),
            change("extract", S::Scheduled, S::Queued),
            change("load.rows", S::None, S::None),
        ];
        for step in steps {
            self.metadata.apply(dag_id, run_id, &[step], None, now).await.unwrap();
        }
        let key = key(run_id);
        assert!(self.metadata.start_try(&key, S::Queued, 1, "local/1", now).await.unwrap());
        self.log(run_id, &["hello", EVIL]).await;
        self.metadata.set_rendered(&key, &json!({"bash_command": EVIL})).await.unwrap();
        self.metadata.push_xcom(&key, "return_value", &json!({"rows": EVIL})).await.unwrap();
        if ended == S::Running {
            return;
        }
        let reason = (ended == S::Failed).then_some("exit code 1");
        let done = self.metadata.end_try(&key, 1, "local/1", ended, reason, None, now + one);
        assert!(done.await.unwrap());
        let state = if ended == S::Success { RunState::Success } else { RunState::Failed };
        let moved = self.metadata.move_run(dag_id, run_id, RunState::Running, state, now + one);
        assert!(moved.await.unwrap());
    }

    /// Adds lines to the log of the first try of `extract`.
    pub(crate) async fn log(&self, run_id: &str, texts: &[&str]) {
        let line = |text: &&str| LogLine {
            at: self.now(),
            stream: Stream::Out,
            level: "info".to_owned(),
            text: (*text).to_owned(),
        };
        let lines: Vec<LogLine> = texts.iter().map(line).collect();
        self.metadata.append_log(&key(run_id), 1, &lines).await.unwrap();
    }

    /// A connection with secrets.
    pub(crate) async fn connection(&self) {
        let connection = Connection {
            id: "warehouse".to_owned(),
            kind: "postgres".to_owned(),
            description: None,
            host: Some("db".to_owned()),
            port: Some(5432),
            schema: None,
            login: Some("etl".to_owned()),
            password: Some("pass-s3cret".to_owned()),
            extra: Some("{\"key\": \"extra-s3cret\"}".to_owned()),
        };
        self.metadata.set_connection(&connection).await.unwrap();
    }

    /// A request with these header lines and this body.
    pub(crate) async fn send(&self, request: &str, headers: &[&str], body: &str) -> Answer {
        let mut text = format!("{request} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|header| header.starts_with("Host:")) {
            text.push_str(&format!("Host: localhost:{}\r\n", self.address.port()));
        }
        for header in headers {
            text.push_str(&format!("{header}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        parse(&bytes)
    }

    /// As [`Self::send`], by a program with a user's token.
    pub(crate) async fn by(&self, role: &str, request: &str, body: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {}", self.tokens[role]);
        self.send(request, &[&bearer, "Content-Type: application/json"], body).await
    }

    /// A page as a user sees it.
    pub(crate) async fn page(&self, role: &str, path: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {}", self.tokens[role]);
        self.send(&format!("GET {path}"), &[&bearer, "Accept: text/html"], "").await
    }

    /// A form as a user sends it.
    pub(crate) async fn form(&self, role: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {}", self.tokens[role]);
        let kind = "Content-Type: application/x-www-form-urlencoded";
        self.send(&format!("POST {path}"), &[&bearer, "Accept: text/html", kind], body).await
    }

    /// The beginning of an event stream: as much as holds `until`.
    pub(crate) async fn stream(&self, role: &str, path: &str, until: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let text = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nAccept: text/event-stream\r\n\
             Authorization: Bearer {}\r\n\r\n",
            self.address.port(),
            self.tokens[role]
        );
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut seen = String::new();
        let mut piece = [0; 4096];
        while !until.iter().all(|text| seen.contains(text)) {
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "the stream ended: {seen}");
            seen.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        seen
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { joined(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

/// The chunks of a body, joined.
fn joined(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        text.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
    text
}

/// The first task of a run.
pub(crate) fn key(run_id: &str) -> TaskKey {
    TaskKey { dag_id: "users".to_owned(), run_id: run_id.to_owned(), task_id: "extract".to_owned() }
}

fn task(id: &str, upstream: &[&str]) -> Task {
    Task {
        id: id.to_owned(),
        operator: Operator::Bash,
        arguments: json!({"bash_command": "echo"}).as_object().cloned().unwrap(),
        group: id.split_once('.').map(|(group, _)| group.to_owned()),
        upstream: upstream.iter().map(|id| (*id).to_owned()).collect(),
        trigger_rule: TriggerRule::AllSuccess,
        owner: "ann".to_owned(),
        doc: None,
        retry: Retry { retries: 1, ..Retry::default() },
        execution_timeout: None,
        depends_on_past: false,
        wait_for_downstream: false,
        pool: "default_pool".to_owned(),
        pool_slots: 1,
        priority_weight: 1,
    }
}

/// A DAG of two tasks, with params of several types.
pub(crate) fn users() -> Dag {
    Dag {
        id: "users".to_owned(),
        description: Some("Users from the API".to_owned()),
        doc: None,
        schedule: Schedule { text: "None".to_owned(), timetable: Timetable::Null },
        start_date: None,
        end_date: None,
        catchup: false,
        paused_upon_creation: None,
        max_active_runs: 16,
        max_active_tasks: 16,
        timeout: None,
        fail_fast: false,
        tags: vec!["kafka".to_owned()],
        params: json!({"seconds": 60, "verbose": false, "source": "api", "shops": ["a"]})
            .as_object()
            .cloned()
            .unwrap(),
        groups: vec![TaskGroup {
            id: "load".to_owned(),
            parent: None,
            tooltip: None,
            upstream: Vec::new(),
        }],
        tasks: vec![task("extract", &[]), task("load.rows", &["extract"])],
    }
}
