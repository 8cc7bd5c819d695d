//! Topics that streams read: missing, misnamed, empty, and why.

use super::*;

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
fn what_the_watch_of_python_tasks_says_is_understood() {
    let said = include_str!("../../../../python/py/kafka_watch.py");
    for words in [
        "the task ended without an error, but ",
        "no record reached Kafka",
        "could not be serialised",
        "neither flushed nor closed",
        "no producer could be made",
    ] {
        assert!(said.contains(words), "{words}");
    }
    let told = |causes: &str| {
        let mut facts = python("users_created");
        let warning = format!(
            "kafka: the task ended without an error, but no record reached Kafka: {causes}"
        );
        dag(&mut facts).runs[0].tasks[0].warnings = vec![warning];
        let found = cause(&facts);
        assert!(found.sentence.ends_with(&format!("{causes}.")), "{}", found.sentence);
        found
    };
    let json = "5 records could not be serialised: Object of type UUID is not JSON serializable";
    assert_eq!(told(json).rule, "value-not-serialisable");
    let flush = "5 records still on the way when the task ended, since the producer was neither flushed nor closed; end with producer.flush()";
    assert_eq!(told(flush).rule, "producer-not-flushed");
    let broker = told("no producer could be made: NoBrokersAvailable: NoBrokersAvailable");
    assert_eq!(broker.rule, "producer-without-broker");
    assert!(broker.next.ends_with("127.0.0.1:9092"), "{}", broker.next);
    assert_eq!(told("none was sent").rule, "task-sent-nothing");
}

#[test]
fn an_emptied_topic_is_the_business_of_the_checkpoint_that_knows_of_its_records() {
    let mut facts = python("users_created");
    orchestrator(&mut facts).dags.clear();
    let stream = &mut facts.streams[0];
    stream.state = Some(State::Failed);
    stream.error = Some(
        "the checkpoint of stream created_users belongs to another Kafka cluster; run `millstream \
         reset created_users` to choose where it goes on"
            .into(),
    );
    assert_eq!(cause(&facts).rule, "checkpoint-foreign");
}
