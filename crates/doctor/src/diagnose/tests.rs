//! Facts in, sentences out: every root cause that the doctor must name.

mod dags;
mod groups;
mod servers;
mod streams;
mod tables;
mod topics;

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
