//! Facts in, sentences out: every root cause that the doctor must name.

use super::*;
use crate::facts::{
    Broker, Endpoint, Feed, Group, GroupPartition, ImportError, Part, Partition, Peek, Pool, Probe,
    Run, Schema, Seen, Silence, SilenceKind, State, StreamPartition, Tally, Task, Unasked,
};
use crate::report::Health;
use chrono::{DateTime, TimeDelta, Utc};

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_704_110_400, 0).unwrap()
}

fn ago(seconds: i64) -> DateTime<Utc> {
    noon() - TimeDelta::seconds(seconds)
}

fn end(kind: &str, name: &str) -> Endpoint {
    Endpoint { kind: kind.into(), name: name.into() }
}

fn part<T>(address: &str, told: T) -> Part<T> {
    Part { address: address.into(), embedded: true, seen: Seen::Known(told) }
}

fn silent<T>(address: &str, kind: SilenceKind, why: &str) -> Part<T> {
    let silence = Silence { kind, why: why.into() };
    Part { address: address.into(), embedded: false, seen: Seen::Silent(silence) }
}

fn topic(records: i64) -> Topic {
    let partition = Partition {
        leader: Some(1),
        replicas: vec![1],
        isr: vec![1],
        earliest: Some(0),
        end: Some(records),
        end_before: Some(records),
        ..Partition::default()
    };
    Topic { partitions: vec![partition], ..Topic::default() }
}

fn stream(name: &str, source: Endpoint, sink: Endpoint) -> Stream {
    Stream {
        name: name.into(),
        file: format!("streams/{name}.sql"),
        source,
        sink,
        state: Some(State::Running),
        ..Stream::default()
    }
}

fn at(position: i64, tally: Tally) -> Vec<StreamPartition> {
    vec![StreamPartition { partition: 0, position, has_watermark: true, tally }]
}

fn written(read: u64) -> Tally {
    Tally { read, written: read, ..Tally::default() }
}

/// The tutorial's pipeline, well: a DAG starts the poll, the poll fills the topic, the stream the table.
fn users() -> Facts {
    let poll = Stream {
        starts_by_task: Some(true),
        records_per_second: 100.0,
        partitions: at(1_000, written(1_000)),
        ..stream("users_created", end("http", "http://api/"), end("kafka", "users_created"))
    };
    let write = Stream {
        records_per_second: 100.0,
        latency_p50_ms: 12.0,
        latency_p99_ms: 40.0,
        line: Some(41),
        partitions: at(1_000, written(1_000)),
        ..stream(
            "created_users",
            end("kafka", "users_created"),
            end("cassandra", "spark_streams.created_users"),
        )
    };
    let mut cluster = Cluster { sampled_ms: 300, groups: Some(Vec::new()), ..Cluster::default() };
    cluster.brokers.push(Broker {
        id: 1,
        advertised: "127.0.0.1:9092".into(),
        reached: Some(Ok(())),
    });
    cluster.topics.insert("users_created".into(), topic(1_000));
    let columns = [("id", "uuid"), ("first_name", "text")];
    let columns = columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).into();
    let mut schema = Schema::default();
    schema.keyspaces.insert("spark_streams".into(), [("created_users".to_owned(), columns)].into());
    schema.empty.insert("spark_streams.created_users".into(), false);
    let run = Run {
        run_id: "r1".into(),
        state: "running".into(),
        run_after: ago(30),
        start: Some(ago(30)),
        tasks: vec![task("running")],
        ..Run::default()
    };
    let dag = Dag {
        id: "user_automation".into(),
        file: "user_automation.yml".into(),
        max_active_runs: 1,
        feeds: vec![Feed {
            task_id: Some("stream_data_from_api".into()),
            into: Target::Stream("users_created".into()),
            line: Some(12),
        }],
        runs: vec![run],
        ..Dag::default()
    };
    let pool = Pool { name: "default_pool".into(), slots: 128, taken: 1, running: 1 };
    let orchestrator = Orchestrator {
        executor: Some("LocalExecutor".into()),
        parallelism: Some(32),
        pools: vec![pool],
        dags: vec![dag],
        ..Orchestrator::default()
    };
    Facts {
        now: noon(),
        engine: part("127.0.0.1:9020", ()),
        streams: vec![poll, write],
        kafka: part("127.0.0.1:9092", cluster),
        cassandra: part("127.0.0.1:9042", schema),
        orchestrator: part("sqlite", orchestrator),
        ..Facts::default()
    }
}

fn task(state: &str) -> Task {
    Task {
        task_id: "stream_data_from_api".into(),
        state: state.into(),
        try_number: 1,
        tries_max: 1,
        pool: "default_pool".into(),
        pool_slots: 1,
        queued_at: Some(ago(30)),
        ..Task::default()
    }
}

/// The tutorial's project without a poll: a Python DAG sends to `topic`.
fn python(into: &str) -> Facts {
    let mut facts = users();
    facts.streams.remove(0);
    facts.streams[0].records_per_second = 0.0;
    facts.streams[0].partitions = at(0, Tally::default());
    cluster(&mut facts).topics.insert("users_created".into(), topic(0));
    cassandra(&mut facts).empty.insert("spark_streams.created_users".into(), true);
    let dag = dag(&mut facts);
    dag.file = "kafka_stream.py".into();
    dag.source = "import json\nid = uuid.uuid4()\nproducer.send('user_created', id)\n".into();
    dag.feeds[0].into = Target::Topic(into.into());
    dag.feeds[0].line = Some(3);
    dag.runs[0].state = "success".into();
    dag.runs[0].end = Some(ago(20));
    dag.runs[0].tasks[0].state = "success".into();
    dag.runs[0].tasks[0].end = Some(ago(20));
    facts
}

fn cluster(facts: &mut Facts) -> &mut Cluster {
    let Seen::Known(cluster) = &mut facts.kafka.seen else { panic!("Kafka is silent") };
    cluster
}

fn cassandra(facts: &mut Facts) -> &mut Schema {
    let Seen::Known(schema) = &mut facts.cassandra.seen else { panic!("Cassandra is silent") };
    schema
}

fn orchestrator(facts: &mut Facts) -> &mut Orchestrator {
    let Seen::Known(orchestrator) = &mut facts.orchestrator.seen else { panic!("it is silent") };
    orchestrator
}

fn dag(facts: &mut Facts) -> &mut Dag {
    &mut orchestrator(facts).dags[0]
}

fn peek(seconds: i64) -> Peek {
    Peek { at: Some(ago(seconds)), ..Peek::default() }
}

/// The first finding, which must explain the pipeline too.
#[track_caller]
fn cause(facts: &Facts) -> Finding {
    let (findings, pipelines) = diagnose(facts);
    let first = findings.first().expect("something is found").clone();
    assert_eq!(pipelines.last().unwrap().cause, Some(first.id), "{findings:#?}");
    first
}

#[track_caller]
fn check(facts: &Facts, rule: &str, sentence: &str) -> Finding {
    let first = cause(facts);
    assert_eq!(first.sentence, sentence, "{:#?}", diagnose(facts).0);
    assert_eq!(first.rule, rule);
    assert!(!first.next.is_empty());
    first
}

#[track_caller]
fn found(facts: &Facts, rule: &str) -> Finding {
    let (findings, _) = diagnose(facts);
    let one = findings.iter().find(|finding| finding.rule == rule);
    one.unwrap_or_else(|| panic!("no {rule} in {findings:#?}")).clone()
}

#[test]
fn a_pipeline_that_is_well_is_told_in_one_sentence_with_rate_and_latency() {
    let (findings, pipelines) = diagnose(&users());
    assert_eq!(findings, []);
    let [pipeline] = pipelines.as_slice() else { panic!("{pipelines:#?}") };
    assert_eq!(
        pipeline.sentence,
        "spark_streams.created_users is up to date: 100 records a second come from users_created, half of them within 12 ms and 99 of 100 within 40 ms."
    );
    let hops: Vec<&str> = pipeline.hops.iter().map(|hop| hop.name.as_str()).collect();
    assert_eq!(
        hops,
        [
            "http://api/",
            "user_automation",
            "user_automation.stream_data_from_api",
            "users_created",
            "users_created",
            "created_users",
            "spark_streams.created_users"
        ]
    );
}

#[test]
fn a_producer_that_writes_to_a_similar_topic_is_named_with_its_task() {
    let mut facts = python("user_created");
    cluster(&mut facts).topics.insert("user_created".into(), topic(5));
    let found = check(
        &facts,
        "topic-misnamed",
        "Topic user_created gets records that nobody reads, while users_created, which stream created_users reads, gets none: task stream_data_from_api of DAG user_automation writes to user_created.",
    );
    assert_eq!(
        found.next,
        "write users_created instead of user_created, or set 'topic' = 'user_created' in streams/created_users.sql"
    );
    let place = found.place.unwrap();
    assert_eq!((place.file.as_str(), place.line), ("dags/kafka_stream.py", Some(3)));
    let (_, pipelines) = diagnose(&facts);
    assert_eq!(pipelines[0].health, Health::Empty);
    assert!(
        pipelines[0]
            .sentence
            .starts_with("spark_streams.created_users is empty: topic user_created"),
        "{}",
        pipelines[0].sentence
    );
}

#[test]
fn a_misspelt_topic_is_found_before_its_first_record_and_without_a_dag() {
    check(
        &python("user_created"),
        "topic-misnamed",
        "Nobody reads topic user_created, while users_created, which stream created_users reads, gets no records: task stream_data_from_api of DAG user_automation writes to user_created.",
    );
    let mut facts = python("user_created");
    orchestrator(&mut facts).dags.clear();
    cluster(&mut facts).topics.insert("user_created".into(), topic(5));
    check(
        &facts,
        "topic-misnamed",
        "Topic user_created gets records that nobody reads, while users_created, which stream created_users reads, gets none: its producer uses the wrong name.",
    );
}

#[test]
fn a_topic_that_somebody_consumes_is_not_a_misspelt_one() {
    let mut facts = python("users_created");
    orchestrator(&mut facts).dags.clear();
    cluster(&mut facts).topics.insert("user_created".into(), topic(5));
    let at = GroupPartition { topic: "user_created".into(), committed: 5, ..Default::default() };
    cluster(&mut facts).groups =
        Some(vec![Group { id: "other".into(), members: 1, partitions: vec![at] }]);
    assert_eq!(cause(&facts).rule, "topic-unfed");
}

#[test]
fn a_missing_topic_is_named_with_the_nearest_one() {
    let mut facts = python("users_created");
    orchestrator(&mut facts).dags.clear();
    let topics = &mut cluster(&mut facts).topics;
    topics.remove("users_created");
    topics.insert("users_create".into(), topic(0));
    check(
        &facts,
        "topic-missing",
        "Topic users_created, which stream created_users reads, does not exist; the nearest name is users_create.",
    );
}

#[test]
fn a_topic_that_nothing_produces_to_is_told() {
    let mut facts = python("users_created");
    orchestrator(&mut facts).dags.clear();
    check(
        &facts,
        "topic-unfed",
        "Topic users_created, which stream created_users reads, is empty, and nothing produces to it: no stream and no DAG writes it.",
    );
}

#[test]
fn a_value_that_cannot_be_serialised_is_told_with_its_line() {
    let mut facts = python("users_created");
    let warning = "kafka: the task ended without an error, but no record reached Kafka: 5 sends failed: Object of type UUID is not JSON serializable";
    dag(&mut facts).runs[0].tasks[0].warnings = vec![warning.into()];
    let found = check(
        &facts,
        "value-not-serialisable",
        "Task stream_data_from_api of DAG user_automation ended without an error, but no record reached Kafka: 5 sends failed: Object of type UUID is not JSON serializable.",
    );
    assert_eq!(found.next, "make the value text before it is sent, as in str(uuid.uuid4())");
    assert_eq!(found.place.unwrap().line, Some(2));
    // That the topic is empty follows.
    let (findings, _) = diagnose(&facts);
    let empty = findings.iter().find(|finding| finding.rule == "topic-empty").unwrap();
    assert_eq!(empty.because_of, Some(found.id));
}

#[test]
fn a_producer_that_was_never_flushed_is_told() {
    let mut facts = python("users_created");
    let warning = "kafka: the task ended with 5 records that were never sent: nothing reached Kafka, since the producer was not flushed";
    dag(&mut facts).runs[0].tasks[0].warnings = vec![warning.into()];
    let found = check(
        &facts,
        "producer-not-flushed",
        "Task stream_data_from_api of DAG user_automation ended with 5 records that were never sent: nothing reached Kafka, since the producer was not flushed.",
    );
    assert_eq!(found.next, "call producer.flush() before the task ends");
    assert_eq!(found.place.unwrap().line, Some(3));
}

#[test]
fn a_task_that_ends_well_and_sends_nothing_is_suspected_even_without_a_warning() {
    check(
        &python("users_created"),
        "task-sent-nothing",
        "Task stream_data_from_api of DAG user_automation ended well at 11:59:40 UTC, yet topic users_created has no record: it sent none, or ended before they left.",
    );
}

#[test]
fn a_checkpoint_ahead_of_a_wiped_log_is_seen_from_the_offsets() {
    let mut facts = users();
    cluster(&mut facts).topics.insert("users_created".into(), topic(12));
    let found = check(
        &facts,
        "checkpoint-ahead",
        "Stream created_users stands at offset 1000 of topic users_created partition 0, which ends at 12: the topic was wiped or made anew after the stream's checkpoint, so the stream reads nothing.",
    );
    assert!(
        found.next.contains("`millstream reset created_users --to earliest`"),
        "{}",
        found.next
    );
}

#[test]
fn a_checkpoint_ahead_of_a_wiped_log_is_heard_from_the_engine() {
    let mut facts = users();
    let stream = &mut facts.streams[1];
    stream.state = Some(State::Failed);
    stream.partitions.clear();
    stream.error = Some("the checkpoint of stream created_users is at offset 1000 of topic users_created partition 0, but the topic ends at 12: the topic was wiped or made anew; run `millstream reset created_users` to choose where it goes on".into());
    check(
        &facts,
        "checkpoint-ahead",
        "Stream created_users reads nothing, since its checkpoint is ahead of its topic: the checkpoint of stream created_users is at offset 1000 of topic users_created partition 0, but the topic ends at 12: the topic was wiped or made anew.",
    );
}

#[test]
fn records_that_were_deleted_unread_are_counted() {
    let mut facts = users();
    facts.streams[1].state = Some(State::Failed);
    facts.streams[1].partitions = at(40, written(40));
    let known = cluster(&mut facts).topics.get_mut("users_created").unwrap();
    known.partitions[0].earliest = Some(100);
    check(
        &facts,
        "records-deleted",
        "Topic users_created partition 0 begins at offset 100, and stream created_users has read only up to 40: 60 records were deleted before it read them.",
    );
}

#[test]
fn a_missing_column_is_named_with_the_statement_that_adds_it() {
    let mut facts = users();
    let stream = &mut facts.streams[1];
    stream.state = Some(State::Failed);
    stream.error = Some("Cassandra at 127.0.0.1:9042 refused to INSERT INTO spark_streams.created_users (id, dob) VALUES (?, ?): Failed to prepare the statement: Undefined column name dob in table spark_streams.created_users; compare the table's columns in Cassandra with the stream's CREATE TABLE".into());
    let sentence =
        "Table spark_streams.created_users has no column dob, which stream created_users writes.";
    let found = check(&facts, "column-missing", sentence);
    assert!(found.next.contains("ALTER TABLE spark_streams.created_users ADD dob TYPE"));
    assert_eq!(found.place.unwrap().line, Some(41));
    facts.streams[1].columns = vec![("dob".into(), Some("timestamp".into()))];
    let found = check(&facts, "column-missing", sentence);
    assert!(found.next.contains("ADD dob timestamp"), "{}", found.next);
}

#[test]
fn a_missing_table_and_a_missing_keyspace_are_told_apart() {
    let mut facts = users();
    let tables = cassandra(&mut facts).keyspaces.get_mut("spark_streams").unwrap();
    let columns = tables.remove("created_users").unwrap();
    tables.insert("created_user".into(), columns);
    check(
        &facts,
        "table-missing",
        "Table spark_streams.created_users, which stream created_users writes, does not exist; the nearest name is created_user.",
    );
    assert_eq!(diagnose(&facts).1[0].health, Health::Empty);
    cassandra(&mut facts).keyspaces.clear();
    check(
        &facts,
        "keyspace-missing",
        "Keyspace spark_streams, whose table created_users stream created_users writes, does not exist.",
    );
}

#[test]
fn a_sink_that_refuses_is_told_with_its_reason() {
    let mut facts = users();
    facts.streams[1].state = Some(State::Failed);
    facts.streams[1].error = Some("Cassandra at 127.0.0.1:9042 refused to write 12 rows to spark_streams.created_users: Database returned an error: User nobody has no MODIFY permission; give the user of this process the right to do so".into());
    check(
        &facts,
        "sink-refuses",
        "Table spark_streams.created_users takes nothing from stream created_users: Cassandra refused to write 12 rows to spark_streams.created_users: Database returned an error: User nobody has no MODIFY permission.",
    );
}

#[test]
fn an_advertised_address_that_cannot_be_reached_is_named() {
    let mut facts = users();
    facts.kafka.embedded = false;
    facts.kafka.address = "localhost:9092".into();
    let broker = &mut cluster(&mut facts).brokers[0];
    broker.advertised = "broker:29092".into();
    broker.reached = Some(Err("no such host".into()));
    check(
        &facts,
        "wrong-advertised-address",
        "Kafka answers at localhost:9092, but broker 1 tells clients to come to broker:29092, which cannot be reached from here: no such host.",
    );
}

#[test]
fn a_server_that_is_away_is_named_with_who_waits_and_since_when() {
    let mut facts = users();
    facts.cassandra = silent("127.0.0.1:9042", SilenceKind::Away, "connection refused");
    let stream = &mut facts.streams[1];
    stream.state = Some(State::Waiting);
    stream.since = Some(ago(60));
    stream.error =
        Some("Cassandra at 127.0.0.1:9042 cannot open a session now: Connection refused".into());
    let first = check(
        &facts,
        "server-away",
        "Cassandra does not answer at 127.0.0.1:9042: connection refused; stream created_users has waited for it since 11:59:00 UTC.",
    );
    let waits = found(&facts, "stream-waiting");
    assert_eq!(waits.because_of, Some(first.id));
    assert_eq!(first.pipelines, ["spark_streams.created_users"]);
}

#[test]
fn a_stream_that_waits_for_a_server_that_answers_us_is_a_cause_by_itself() {
    let mut facts = users();
    facts.streams[1].state = Some(State::Waiting);
    facts.streams[1].error =
        Some("Kafka at k:9092 cannot tell its cluster id now: timed out".into());
    check(&facts, "stream-waiting", "Stream created_users waits for Kafka: timed out.");
}

#[test]
fn the_engine_that_does_not_answer_comes_first() {
    let mut facts = users();
    facts.engine = silent("127.0.0.1:9020", SilenceKind::Away, "connection refused");
    facts.engine.embedded = true;
    for stream in &mut facts.streams {
        stream.state = None;
    }
    facts.kafka = silent("127.0.0.1:9092", SilenceKind::Away, "connection refused");
    check(
        &facts,
        "server-away",
        "The engine does not answer at 127.0.0.1:9020: connection refused.",
    );
}

#[test]
fn a_taken_port_is_told_with_what_answers_there() {
    let mut facts = users();
    facts.kafka = silent("127.0.0.1:9092", SilenceKind::Foreign, "an HTTP server");
    facts.kafka.embedded = true;
    let found = check(
        &facts,
        "port-taken",
        "The port of 127.0.0.1:9092 is taken: an HTTP server answers there instead of Kafka.",
    );
    assert!(found.next.contains("broker.listen"), "{}", found.next);
}

#[test]
fn a_stranger_on_the_embedded_brokers_port_is_suspected_while_the_engine_is_away() {
    let mut facts = users();
    facts.engine = silent("127.0.0.1:9020", SilenceKind::Away, "connection refused");
    let found = found(&facts, "port-taken");
    assert_eq!(
        found.sentence,
        "The engine does not run, yet Kafka answers at 127.0.0.1:9092: if that is not this project's own, it holds the port that the embedded one needs."
    );
}

#[test]
fn a_paused_dag_explains_a_stream_that_is_stopped() {
    let mut facts = users();
    dag(&mut facts).paused = true;
    dag(&mut facts).runs.clear();
    facts.streams[0].state = Some(State::Stopped);
    let first = check(
        &facts,
        "dag-paused",
        "DAG user_automation is paused, so its task stream_data_from_api does not start stream users_created.",
    );
    assert_eq!(found(&facts, "stream-stopped").because_of, Some(first.id));
    assert_eq!(diagnose(&facts).1[0].health, Health::Late);
}

#[test]
fn a_paused_dag_beside_one_that_runs_is_nobodys_trouble() {
    let mut facts = users();
    let mut other = dag(&mut facts).clone();
    other.id = "user_automation_python".into();
    other.paused = true;
    other.feeds[0].into = Target::Topic("users_created".into());
    orchestrator(&mut facts).dags.push(other);
    assert_eq!(diagnose(&facts).0, []);
}

#[test]
fn a_dag_file_that_does_not_parse_is_named_with_line_and_column() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let orchestrator = orchestrator(&mut facts);
    orchestrator.dags.clear();
    orchestrator.import_errors.push(ImportError {
        file: "user_automation.yml".into(),
        source: "  stream: users_created\n".into(),
        error: "line 3, column 5: unknown key schedul; did you mean schedule?".into(),
    });
    let first = check(
        &facts,
        "dag-not-parsing",
        "dags/user_automation.yml does not parse, so its DAGs do not run: line 3, column 5: unknown key schedul; did you mean schedule?.",
    );
    let place = first.place.clone().unwrap();
    assert_eq!((place.line, place.column), (Some(3), Some(5)));
    assert_eq!(found(&facts, "stream-unstarted").because_of, Some(first.id));
}

#[test]
fn a_dag_that_left_its_file_is_missing() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).stale = true;
    check(
        &facts,
        "dag-missing",
        "DAG user_automation is no longer in dags/user_automation.yml, so its task stream_data_from_api does not start stream users_created.",
    );
}

#[test]
fn a_stream_that_no_task_starts_is_told_with_the_task_that_names_another() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).feeds.clear();
    check(
        &facts,
        "stream-unstarted",
        "Stream users_created waits for a task to start it, and no DAG has such a task.",
    );
    dag(&mut facts).feeds.push(Feed {
        task_id: Some("poll".into()),
        into: Target::Stream("user_created".into()),
        line: Some(9),
    });
    check(
        &facts,
        "stream-misnamed",
        "Stream users_created is stopped: task poll of DAG user_automation starts user_created, and there is no stream of that name.",
    );
}

#[test]
fn a_failing_task_is_told_with_its_reason_and_its_try() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let task = &mut dag(&mut facts).runs[0].tasks[0];
    *task = Task {
        state: "up_for_retry".into(),
        try_number: 2,
        tries_max: 3,
        reason: Some("the command ended with exit code 3".into()),
        retry_at: Some(noon() + TimeDelta::seconds(90)),
        ..task.clone()
    };
    let first = check(
        &facts,
        "task-failing",
        "Task stream_data_from_api of DAG user_automation fails: try 2 of 3 ended with: the command ended with exit code 3; it is tried again at 12:01:30 UTC.",
    );
    assert_eq!(found(&facts, "stream-stopped").because_of, Some(first.id));
    let task = &mut dag(&mut facts).runs[0].tasks[0];
    (task.state, task.try_number) = ("failed".into(), 3);
    check(
        &facts,
        "task-failing",
        "Task stream_data_from_api of DAG user_automation has failed after 3 of 3 tries: the command ended with exit code 3.",
    );
}

#[test]
fn a_task_that_fails_after_the_feeding_one_is_no_cause() {
    let mut facts = users();
    let run = &mut dag(&mut facts).runs[0];
    let alert = Task { task_id: "send_alert".into(), ..task("failed") };
    run.tasks = vec![task("success"), alert];
    let (findings, pipelines) = diagnose(&facts);
    assert_eq!(findings[0].rule, "task-failing");
    assert_eq!(pipelines[0].health, Health::Well);
}

#[test]
fn a_task_that_waits_for_a_slot_is_told_why() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).runs[0].tasks = vec![task("queued")];
    let pool = &mut orchestrator(&mut facts).pools[0];
    (pool.slots, pool.running) = (1, 1);
    let sentence = |why: &str| {
        format!(
            "Task stream_data_from_api of DAG user_automation has been queued for 30 seconds: {why}."
        )
    };
    check(&facts, "task-queued", &sentence("pool default_pool has 1 slot, and 1 is taken"));
    orchestrator(&mut facts).pools[0].slots = 128;
    orchestrator(&mut facts).executor = Some("SequentialExecutor".into());
    check(
        &facts,
        "task-queued",
        &sentence("the SequentialExecutor runs one task at a time, and another one runs"),
    );
    orchestrator(&mut facts).executor = Some("LocalExecutor".into());
    orchestrator(&mut facts).parallelism = Some(1);
    check(&facts, "task-queued", &sentence("the executor runs at most 1 task, and so many run"));
    orchestrator(&mut facts).parallelism = Some(32);
    check(&facts, "task-queued", &sentence("slots are free, and no scheduler takes it"));
    dag(&mut facts).runs[0].tasks[0].pool = "default_pol".into();
    let found = check(&facts, "task-queued", &sentence("there is no pool default_pol"));
    assert_eq!(found.next, "did you mean pool default_pool?");
}

#[test]
fn a_run_that_no_scheduler_takes_is_told() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let run = &mut dag(&mut facts).runs[0];
    *run =
        Run { run_id: "r1".into(), state: "queued".into(), run_after: ago(30), ..Run::default() };
    check(
        &facts,
        "run-queued",
        "Run r1 of DAG user_automation has been queued for 30 seconds, and no scheduler takes it.",
    );
}

#[test]
fn a_stream_between_two_runs_of_its_dag_is_no_trouble() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let run = &mut dag(&mut facts).runs[0];
    (run.state, run.end) = ("success".into(), Some(ago(1)));
    run.tasks = vec![task("success")];
    assert_eq!(diagnose(&facts).0, []);
}

#[test]
fn a_stream_whose_dag_runs_again_tomorrow_rests() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    let dag = dag(&mut facts);
    dag.runs.clear();
    dag.next_run = Some(noon() + TimeDelta::hours(12));
    let first = check(
        &facts,
        "stream-resting",
        "Stream users_created rests until DAG user_automation starts it again at 2024-01-02 00:00:00 UTC.",
    );
    assert_eq!(first.severity, Severity::Info);
    assert_eq!(diagnose(&facts).1[0].health, Health::Quiet);
}

#[test]
fn a_dag_without_a_schedule_that_was_never_triggered_is_told() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Stopped);
    dag(&mut facts).runs.clear();
    check(
        &facts,
        "dag-never-run",
        "DAG user_automation has no schedule and was never triggered, so its task stream_data_from_api did not start stream users_created.",
    );
}

fn group(parts: &[(i32, i64)]) -> Group {
    let parts = parts.iter().map(|(partition, committed)| GroupPartition {
        topic: "users_created".into(),
        partition: *partition,
        committed: *committed,
        committed_before: Some(*committed),
    });
    Group { id: "billing".into(), members: 1, partitions: parts.collect() }
}

#[test]
fn a_consumer_that_is_stuck_on_one_record_is_told_which() {
    let mut facts = users();
    let cluster = cluster(&mut facts);
    let known = cluster.topics.get_mut("users_created").unwrap();
    known.partitions.push(Partition { index: 1, ..known.partitions[0].clone() });
    cluster.groups = Some(vec![group(&[(0, 1_000), (1, 17)])]);
    cluster.records.insert(("users_created".into(), 1, 17), peek(45));
    let found = found(&facts, "consumer-stuck");
    assert_eq!(
        found.sentence,
        "Consumer group billing does not get past offset 17 of topic users_created partition 1, while it goes on with other partitions: that record has waited since 11:59:15 UTC, and 982 records behind it."
    );
    assert!(found.next.contains("--partition 1 --from 17 --count 1"), "{}", found.next);
}

#[test]
fn a_consumer_that_is_slow_everywhere_is_behind_and_not_stuck() {
    let mut facts = users();
    let cluster = cluster(&mut facts);
    let known = cluster.topics.get_mut("users_created").unwrap();
    known.partitions[0].end = Some(5_000);
    known.partitions.push(Partition { index: 1, ..known.partitions[0].clone() });
    cluster.groups = Some(vec![group(&[(0, 20), (1, 17)])]);
    cluster.records.insert(("users_created".into(), 1, 17), peek(45));
    cluster.records.insert(("users_created".into(), 0, 20), peek(45));
    assert_eq!(
        found(&facts, "group-behind").sentence,
        "Consumer group billing is 9963 records behind topic users_created."
    );
}

#[test]
fn a_group_ahead_of_a_wiped_topic_and_one_without_members_are_told() {
    let mut facts = users();
    cluster(&mut facts).groups = Some(vec![group(&[(0, 1_200)])]);
    assert_eq!(
        found(&facts, "group-ahead").sentence,
        "Consumer group billing has committed offset 1200 of topic users_created partition 0, which ends at 1000: the topic was wiped or made anew, and the group reads nothing until it is reset."
    );
    let mut gone = group(&[(0, 900)]);
    gone.members = 0;
    cluster(&mut facts).groups = Some(vec![gone]);
    assert_eq!(
        found(&facts, "group-without-members").sentence,
        "Consumer group billing has no member, and 100 records of topic users_created wait for it."
    );
}

#[test]
fn a_source_with_nothing_new_is_quiet_and_not_broken() {
    let mut facts = users();
    for stream in &mut facts.streams {
        stream.records_per_second = 0.0;
    }
    facts.sources.insert("http://api/".into(), Probe::Answers { records: Some(0) });
    let first = check(
        &facts,
        "source-quiet",
        "The API at http://api/ answers, but has nothing new: stream users_created stands at position 1000.",
    );
    assert_eq!(first.severity, Severity::Info);
    assert_eq!(
        diagnose(&facts).1[0].sentence,
        "spark_streams.created_users is up to date: the API at http://api/ answers, but has nothing new: stream users_created stands at position 1000."
    );
}

#[test]
fn a_source_that_cannot_be_reached_is_told() {
    let mut facts = users();
    facts.streams[0].state = Some(State::Waiting);
    facts.streams[0].error = Some(
        "the API at http://api/ does not answer: timeout: global; the stream asks again".into(),
    );
    let sentence = "The API at http://api/, which stream users_created polls, does not answer";
    check(&facts, "source-unreachable", &format!("{sentence}: timeout: global."));
    facts.sources.insert("http://api/".into(), Probe::Silent("connection refused".into()));
    check(&facts, "source-unreachable", &format!("{sentence}: connection refused."));
    facts.sources.insert("http://api/".into(), Probe::Refused(503));
    check(
        &facts,
        "source-unreachable",
        "The API at http://api/, which stream users_created polls, answers with HTTP status 503.",
    );
}

#[test]
fn dead_letters_are_told_with_the_first_reason_and_graded_by_their_share() {
    let mut facts = users();
    let tally = Tally { read: 120, dead_lettered: 120, ..Tally::default() };
    facts.streams[1].partitions = at(1_000, tally);
    let headers = [
        ("millstream.reason", "column id: \"7\" is not a UUID"),
        ("millstream.topic", "users_created"),
        ("millstream.partition", "0"),
        ("millstream.offset", "3"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let letter = Peek { headers, ..Peek::default() };
    cluster(&mut facts).dead_letters.insert("created_users.dead-letters".into(), letter);
    cassandra(&mut facts).empty.insert("spark_streams.created_users".into(), true);
    check(
        &facts,
        "dead-letters",
        "All 120 records that stream created_users read were dead-lettered; the first, offset 3 of users_created partition 0, because column id: \"7\" is not a UUID.",
    );
    facts.streams[1].partitions[0].tally = Tally { dead_lettered: 1, ..written(200) };
    let found = found(&facts, "dead-letters");
    assert_eq!(found.severity, Severity::Info);
    assert!(
        found.sentence.starts_with("1 of 200 records (0.5 %) that stream created_users read was")
    );
}

#[test]
fn late_and_filtered_records_are_told() {
    let mut facts = users();
    facts.streams[1].partitions[0].tally =
        Tally { read: 100, late: 40, written: 60, ..Tally::default() };
    let first = check(
        &facts,
        "late-records",
        "40 of 100 records (40 %) that stream created_users read came too late and were left out: the watermark of their partition had passed them.",
    );
    assert_eq!(
        (first.severity, diagnose(&facts).1[0].health),
        (Severity::Warning, Health::Partial)
    );
    facts.streams[1].partitions[0].tally = Tally { read: 9, filtered: 9, ..Tally::default() };
    check(
        &facts,
        "all-filtered",
        "All 9 records that stream created_users read were refused by its WHERE, so it has written nothing.",
    );
}

#[test]
fn a_stream_that_is_behind_is_told_when_it_catches_up_or_that_it_does_not() {
    let mut facts = users();
    facts.streams[1].lag = 120_000;
    facts.streams[1].records_per_second = 400.0;
    let known = cluster(&mut facts).topics.get_mut("users_created").unwrap();
    known.partitions[0].end_before = Some(970);
    let first = check(
        &facts,
        "stream-behind",
        "Stream created_users is 120000 records behind topic users_created; at this rate, 400 a second, it takes 7 minutes to catch up.",
    );
    assert_eq!((first.severity, diagnose(&facts).1[0].health), (Severity::Warning, Health::Late));
    facts.streams[1].records_per_second = 50.0;
    check(
        &facts,
        "stream-behind",
        "Stream created_users is 120000 records behind topic users_created and does not catch up: 100 a second come, and 50 are read.",
    );
}

#[test]
fn a_stream_that_reads_nothing_though_records_wait_is_stuck() {
    let mut facts = users();
    facts.streams[1].lag = 5;
    facts.streams[1].records_per_second = 0.0;
    cluster(&mut facts).records.insert(("users_created".into(), 0, 1_000), peek(60));
    check(
        &facts,
        "stream-stuck",
        "Stream created_users runs and reads nothing, while 5 records of topic users_created wait, the oldest since 11:59:00 UTC.",
    );
}

#[test]
fn unread_records_that_are_about_to_be_deleted_are_told() {
    let mut facts = users();
    facts.streams[1].lag = 5;
    let cluster = cluster(&mut facts);
    cluster.topics.get_mut("users_created").unwrap().retention_ms = Some(3_600_000);
    cluster.records.insert(("users_created".into(), 0, 1_000), peek(3_500));
    assert_eq!(
        found(&facts, "records-expiring").sentence,
        "The oldest record that stream created_users has not read is 58 minutes old, and topic users_created keeps records for 60 minutes: unread ones are about to be deleted."
    );
}

#[test]
fn a_partition_without_records_that_holds_windows_back_is_named() {
    let mut facts = users();
    let idle = StreamPartition { partition: 3, ..StreamPartition::default() };
    let mut partitions = at(1_000, written(1_000));
    partitions.push(idle);
    facts.streams[1].sink = end("kafka", "per_minute");
    facts.streams[1].state_entries = 8;
    facts.streams[1].partitions = partitions;
    cluster(&mut facts).topics.insert("per_minute".into(), topic(0));
    check(
        &facts,
        "window-held-back",
        "Stream created_users holds 8 entries back from topic per_minute: partition 3 of topic users_created has had no record, so no window is final.",
    );
}

#[test]
fn a_dead_broker_is_named_with_what_it_takes_with_it() {
    let mut facts = users();
    let cluster = cluster(&mut facts);
    cluster.brokers.push(Broker { id: 2, ..Broker::default() });
    let known = cluster.topics.get_mut("users_created").unwrap();
    known.partitions[0].replicas = vec![1, 2, 3];
    known.partitions[0].isr = vec![1, 2];
    let broker = found(&facts, "under-replicated");
    assert_eq!(
        broker.sentence,
        "Broker 3 is down: 1 partition of 1 topic has fewer copies than they should; all can still be read and written."
    );
    let cluster = self::cluster(&mut facts);
    cluster.topics.get_mut("users_created").unwrap().partitions[0].leader = None;
    check(
        &facts,
        "no-leader",
        "Broker 3 is down: 1 partition of 1 topic has no leader and can be neither read nor written.",
    );
}

#[test]
fn what_could_not_be_asked_is_a_finding() {
    let mut facts = users();
    facts.unasked.push(Unasked {
        what: "Kafka for its consumer groups".into(),
        why: "no answer within 500 ms".into(),
    });
    assert_eq!(
        found(&facts, "not-asked").sentence,
        "Could not ask Kafka for its consumer groups: no answer within 500 ms."
    );
}

#[test]
fn the_root_cause_comes_before_what_stands_further_down() {
    let mut facts = users();
    dag(&mut facts).paused = true;
    facts.streams[0].state = Some(State::Stopped);
    facts.streams[1].columns = vec![("dob".into(), None)];
    let rules: Vec<&str> = diagnose(&facts).0.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["dag-paused", "column-missing", "stream-stopped"]);
}

#[test]
fn a_project_of_nothing_is_well() {
    let facts = Facts { now: noon(), ..Facts::default() };
    assert_eq!(diagnose(&facts), (Vec::new(), Vec::new()));
}
