//! Records that go astray: a misspelt topic, a log that was wiped, a consumer stuck on one record.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{Message as _, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::house::{ADA, House, USERS, unpaused};
use crate::command::{FREE_PORTS, run};
use crate::up::Up;

const MISSPELT: &str = "\
user_automation:
  schedule: '@once'
  default_args: {start_date: 2023-09-03}
  tasks:
    - {task_id: stream_data_from_api, operator: kafka.produce, topic: user_created, value: {id: '1'}}
";

#[test]
fn a_topic_that_a_task_misspells_is_named_with_the_task_and_the_nearest_name() {
    let files = [("streams/users.sql", USERS), ("dags/user_automation.yml", MISSPELT)];
    let house = House::start(&unpaused("user_automation"), &files);
    let report = house.says(
        "topic-misnamed",
        &[
            "Topic user_created gets records that nobody reads",
            "while users_created, which stream created_users reads, gets none",
            "task stream_data_from_api of DAG user_automation writes to user_created",
        ],
    );
    assert_eq!(report["findings"][0]["place"]["file"], "dags/user_automation.yml");
    assert_eq!(report["findings"][0]["place"]["line"], 5);
    let sentence = report["pipelines"][0]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("spark_streams.created_users is empty: topic user_created"));
}

#[test]
fn a_topic_that_a_producer_misspells_is_named_with_the_nearest_name() {
    let house = House::start(FREE_PORTS, &[("streams/users.sql", USERS)]);
    house.produce("user_created", ADA);
    house.says(
        "topic-misnamed",
        &["Topic user_created gets records that nobody reads", "its producer uses the wrong name"],
    );
}

#[test]
fn a_checkpoint_of_a_broker_that_lost_its_data_is_named_with_the_command_that_helps() {
    let mut house = House::start(FREE_PORTS, &[("streams/users.sql", USERS)]);
    house.produce("users_created", ADA);
    house.has_rows("created_users", 1);
    house.stop();
    std::fs::remove_dir_all(house.at().join("data/broker")).unwrap();
    house.start_again(&[]);
    let report = house.says(
        "checkpoint-foreign",
        &["Stream created_users reads nothing", "another Kafka cluster", "Kafka was wiped"],
    );
    let next = report["findings"][0]["next"].as_str().unwrap();
    assert!(next.contains("millstream reset created_users --to earliest"), "{next}");
}

#[test]
fn a_checkpoint_ahead_of_a_topic_that_was_made_anew_is_named_with_both_offsets() {
    let mut house = House::start(FREE_PORTS, &[("streams/users.sql", USERS)]);
    house.produce("users_created", &ADA.repeat(3));
    house.has_rows("created_users", 1);
    house.stop();
    let (broker, _) = Up::start(house.at(), &["--only", "broker"]);
    for action in ["delete", "create"] {
        assert_eq!(run(house.at(), &["topics", action, "users_created"]).code, Some(0));
    }
    broker.stop();
    house.start_again(&[]);
    house.says(
        "checkpoint-ahead",
        &["created_users", "at offset 3 of topic users_created partition 0", "ends at 0", "wiped"],
    );
    house.status_says(&["failed", "the topic was wiped or made anew"]);
}

#[test]
fn a_consumer_that_does_not_get_past_a_record_is_named_with_that_record() {
    let house = House::start(FREE_PORTS, &[]);
    let kafka = house.address("kafka");
    // Its records came a minute ago: none is on its way any more.
    let minute_ago = runtime::World::real(runtime::Durability::Os).clock.wall_millis() - 60_000;
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &kafka).create().unwrap();
    for value in ["{\"id\": 1}", "{\"id\": 2}", "{\"id\": ", "{\"id\": 4}", "{\"id\": 5}"] {
        let record = BaseRecord::<str, str>::to("orders").payload(value).timestamp(minute_ago);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let consumer = stuck_consumer(&kafka);
    let report = house.says(
        "consumer-stuck",
        &[
            "Consumer group billing does not get past offset 2 of topic orders partition 0",
            "that record has waited since",
            "and 2 records behind it",
        ],
    );
    let next = report["findings"][0]["next"].as_str().unwrap();
    assert!(next.contains("millstream consume orders --partition 0 --from 2"), "{next}");
    drop(consumer);
}

/// A consumer that commits what it can parse, and stands still at what it cannot.
fn stuck_consumer(kafka: &str) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "billing")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&["orders"]).unwrap();
    // A poll also ends, without a record, when the group has given it partitions.
    let mut polls = std::iter::repeat_with(|| consumer.poll(Duration::from_secs(1))).take(60);
    loop {
        let record = polls.by_ref().flatten().next().unwrap().unwrap();
        let parsed = serde_json::from_slice::<serde_json::Value>(record.payload().unwrap());
        assert!(matches!(record.timestamp(), Timestamp::CreateTime(_)));
        if parsed.is_err() {
            break;
        }
        let mut next = TopicPartitionList::new();
        let offset = Offset::Offset(record.offset() + 1);
        next.add_partition_offset("orders", record.partition(), offset).unwrap();
        consumer.commit(&next, CommitMode::Sync).unwrap();
    }
    consumer
}
