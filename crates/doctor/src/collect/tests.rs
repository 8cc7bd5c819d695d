//! The collectors against servers that are away, silent, of another kind, or play a part.

use super::*;
use crate::facts::{Probe, State, Target};
use crate::settings::Patience;
use metadata::{
    Change, DagRecord, LogLine, Metadata, NewRun, RunType, SecretKey, TaskKey, TaskKind,
};
use runtime::SystemClock;
use scheduler::TaskState;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn settings(kafka: SocketAddr, cassandra: SocketAddr, engine: SocketAddr) -> Settings {
    Settings {
        patience: Patience {
            connect: Duration::from_millis(200),
            question: Duration::from_millis(300),
            look_apart: Duration::from_millis(1),
            deadline: Duration::from_millis(800),
        },
        ..Settings::new(&kafka.to_string(), &[cassandra.to_string()], engine)
    }
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A server that gives each connection this answer once something was asked; without one it is silent.
async fn server(answer: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            match answer {
                None => kept.push(stream),
                Some(answer) => {
                    let mut asked = [0; 1_024];
                    let _count = stream.read(&mut asked).await;
                    let _gone = stream.write_all(answer.as_bytes()).await;
                }
            }
        }
    });
    address
}

const HTTP: &str = "HTTP/1.1 400 Bad Request\r\n\r\n";

#[tokio::test]
async fn what_is_away_is_said_to_be_away() {
    let away = nobody().await;
    let report = examine(&settings(away, away, away), &SystemClock::new()).await;
    let sentences: Vec<&str> =
        report.findings.iter().map(|finding| finding.sentence.as_str()).collect();
    assert_eq!(
        sentences,
        [
            format!("The engine does not answer at {away}: connection refused."),
            format!("Kafka does not answer at {away}: connection refused."),
            format!("Cassandra does not answer at {away}: connection refused."),
        ]
    );
    assert!(!report.is_well());
}

#[tokio::test]
async fn servers_that_never_answer_do_not_keep_the_answer_back() {
    let silent = server(None).await;
    let settings = settings(silent, silent, silent);
    let deadline = settings.patience.deadline;
    let report = examine(&settings, &SystemClock::new()).await;
    assert_eq!(report.findings.len(), 3, "{report:#?}");
    for finding in &report.findings {
        assert_eq!(finding.rule, "server-away", "{}", finding.sentence);
        assert!(finding.sentence.contains("no answer"), "{}", finding.sentence);
    }
    // Greetings of a suspect may go over it by theirs.
    assert!(report.took_ms < deadline.as_millis() as u64 + 500, "{}", report.took_ms);
}

#[tokio::test]
async fn a_server_of_another_kind_has_taken_the_port() {
    let web = server(Some(HTTP)).await;
    let report = examine(&settings(web, web, web), &SystemClock::new()).await;
    let taken: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(taken, ["port-taken"; 3], "{report:#?}");
    assert_eq!(
        report.findings[1].sentence,
        format!("The port of {web} is taken: an HTTP server answers there instead of Kafka.")
    );
}

#[tokio::test]
async fn the_status_of_an_engine_is_read_and_the_source_of_its_stream_is_asked() {
    let api = server(Some("HTTP/1.0 200 OK\r\n\r\n{\"results\": []}")).await;
    let status = format!(
        "HTTP/1.0 200 OK\r\n\r\n{}",
        serde_json::json!({"streams": [{
            "name": "users_created", "file": "streams/10_poll.sql", "state": "running",
            "source": {"kind": "http", "name": format!("http://{api}/api/?a=b"), "address": ""},
            "sink": {"kind": "kafka", "name": "users_created", "address": "k"},
            "error": null, "records_per_second": 0.0, "lag": 0, "unknown": [1],
            "latency_ms": {"p50": 1.5, "p99": 9.0},
            "partitions": [{"partition": 0, "position": 70, "end": 70, "watermark_ms": null,
                "read": 70, "written": 70, "filtered": 0, "duplicate": 0, "late": 0,
                "dead_lettered": 0}],
        }]})
    );
    let engine = server(Some(Box::leak(status.into_boxed_str()))).await;
    let away = nobody().await;
    let facts = collect(&settings(away, away, engine), &SystemClock::new()).await;
    let [stream] = facts.streams.as_slice() else { panic!("{:#?}", facts.streams) };
    assert_eq!((stream.state, stream.tally().written), (Some(State::Running), 70));
    assert_eq!(stream.latency_p99_ms, 9.0);
    assert_eq!(
        facts.sources[&format!("http://{api}/api/?a=b")],
        Probe::Answers { records: Some(0) }
    );
}

#[tokio::test]
async fn pipelines_are_known_from_the_files_while_the_engine_is_away() {
    let away = nobody().await;
    let mut settings = settings(away, away, away);
    settings.declared.push(Declared {
        name: "created_users".into(),
        line: Some(41),
        source: crate::facts::Endpoint { kind: "kafka".into(), name: "users_created".into() },
        sink: crate::facts::Endpoint { kind: "cassandra".into(), name: "s.created_users".into() },
        ..Declared::default()
    });
    let report = examine(&settings, &SystemClock::new()).await;
    let [pipeline] = report.pipelines.as_slice() else { panic!("{report:#?}") };
    assert_eq!(
        pipeline.sentence,
        format!(
            "Nothing is known of s.created_users: the engine does not answer at {away}: connection refused."
        )
    );
    let text = crate::to_text(&report);
    assert!(text.starts_with("unknown  Nothing is known of s.created_users"), "{text}");
    assert!(text.contains("\n1. error: The engine does not answer"), "{text}");
    assert!(text.contains("\n   next: start the project with `millstream up`"), "{text}");
}

fn key() -> TaskKey {
    TaskKey { dag_id: "d".into(), run_id: "r".into(), task_id: "t".into() }
}

/// A database with a Python DAG whose only task ended well and was warned.
async fn database(directory: &std::path::Path) -> Metadata {
    let secret = SecretKey::load_or_create(&directory.join("key")).unwrap();
    let address = format!("sqlite:{}", directory.join("metadata.db").display());
    let metadata = Metadata::open(&address, &secret).await.unwrap();
    let now = DateTime::from_timestamp(1_704_110_400, 0).unwrap();
    let dag = DagRecord {
        dag_id: "d".into(),
        file: "d.py".into(),
        serialised: r#"{"tasks": [{"task_id": "t", "operator": "airflow"}]}"#.into(),
        source: "producer.send('user_created', value)\n".into(),
        ..DagRecord::default()
    };
    metadata.record_dag(&dag, now).await.unwrap();
    metadata.record_import_error("e.yml", "x", "line 1, column 2: no", now).await.unwrap();
    let run = NewRun {
        dag_id: "d".into(),
        run_id: "r".into(),
        run_type: RunType::Manual,
        logical_date: None,
        interval_start: None,
        interval_end: None,
        run_after: now,
        queued_at: now,
        conf: serde_json::json!({}),
        version: 1,
        triggered_by: "me".into(),
        note: None,
    };
    assert!(metadata.create_run(&run).await.unwrap());
    let change = Change {
        task_id: "t".into(),
        from: TaskState::None,
        to: TaskState::Queued,
        kind: TaskKind { operator: "airflow".into(), retries: 2, ..TaskKind::default() },
        reason: None,
        retry_at: None,
    };
    metadata.apply("d", "r", &[change], None, now).await.unwrap();
    assert!(metadata.start_try(&key(), TaskState::Queued, 1, "me", now).await.unwrap());
    let line = |level: &str, text: &str| LogLine {
        at: now,
        stream: metadata::Stream::Task,
        level: level.into(),
        text: text.into(),
    };
    let lines = [line("info", "kafka: hello"), line("warning", "kafka: the task sent nothing")];
    metadata.append_log(&key(), 1, &lines).await.unwrap();
    let ended = metadata.end_try(&key(), 1, "me", TaskState::Success, None, None, now).await;
    assert!(ended.unwrap());
    metadata
}

#[tokio::test]
async fn dags_tasks_and_their_warnings_are_read_from_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let away = nobody().await;
    let mut settings = settings(away, away, away);
    settings.metadata = Some(database(directory.path()).await);
    let facts = collect(&settings, &SystemClock::new()).await;
    let told = facts.orchestrator.known().unwrap();
    assert_eq!(told.import_errors[0].error, "line 1, column 2: no");
    assert_eq!(told.pools[0].slots, 128);
    let [dag] = told.dags.as_slice() else { panic!("{told:#?}") };
    assert_eq!(dag.feeds[0].into, Target::Topic("user_created".into()));
    assert_eq!((dag.feeds[0].task_id.as_deref(), dag.feeds[0].line), (Some("t"), Some(1)));
    let task = &dag.runs[0].tasks[0];
    assert_eq!((task.state.as_str(), task.try_number, task.tries_max), ("success", 1, 3));
    assert_eq!(task.warnings, ["kafka: the task sent nothing"]);
}

#[tokio::test]
async fn a_database_that_could_not_be_opened_is_a_finding() {
    let away = nobody().await;
    let mut settings = settings(away, away, away);
    settings.metadata_address = "postgres://db:5432/m".into();
    settings.metadata_trouble = Some("connection refused".into());
    let report = examine(&settings, &SystemClock::new()).await;
    let said = report.findings.iter().any(|finding| {
        finding.sentence
            == "The metadata database at postgres://db:5432/m does not answer (connection refused), so nothing is known of DAGs and their tasks."
    });
    assert!(said, "{report:#?}");
}
