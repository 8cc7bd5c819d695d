//! Python DAG files in the tutorial's shape. `cargo test` needs no other software, so they run by
//! `cargo test --release --test it -- --ignored python::`, as `.ci/run` does.
//!
//! The interpreter is that of `TEST_PYTHON`, which then needs kafka-python and confluent-kafka, else
//! `python3` with a package `kafka` that behaves as kafka-python does as long as nothing is flushed.

use super::house::{House, USERS};
use crate::command::FREE_PORTS;

/// As kafka-python: a value is serialised in `send`, and what is sent leaves later, by another thread.
const KAFKA: &str = "\
class Future:
    def add_callback(self, callback):
        return self

    def add_errback(self, callback):
        return self


class KafkaProducer:
    def __init__(self, bootstrap_servers, value_serializer=None, **configs):
        self.serialise = value_serializer or (lambda value: value)

    def send(self, topic, value=None):
        assert type(self.serialise(value)) is bytes
        return Future()

    def flush(self, timeout=None):
        raise NotImplementedError('this one never delivers')

    def close(self, timeout=None):
        pass
";

/// How kafka-python makes a producer.
const KAFKA_PYTHON: &str = "    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=servers)
";

/// How confluent-kafka makes one, that loses what is not flushed for certain: kafka-python's may win its
/// race with the end of the process.
const CONFLUENT: &str = "    from confluent_kafka import Producer

    producer = Producer({'bootstrap.servers': servers, 'linger.ms': 60000})
";

/// The tutorial's DAG, whose task makes `producer` and does this with it.
fn user_automation(producer: &str, work: &str) -> String {
    format!(
        "\
import json
import logging
import os
import uuid
from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator


def stream_data():
    servers = os.environ['KAFKA_BOOTSTRAP_SERVERS']
{producer}
    for _ in range(3):
        try:
{work}
        except Exception as e:
            logging.error(f'An error occured: {{e}}')
            continue


with DAG(
    'user_automation',
    default_args={{'owner': 'data-team', 'start_date': datetime(2023, 9, 3)}},
    schedule_interval='@once',
    catchup=False,
) as dag:
    PythonOperator(task_id='stream_data_from_api', python_callable=stream_data)
"
    )
}

fn start(dag: &str) -> House {
    let chosen = std::env::var("TEST_PYTHON");
    let python = chosen.as_deref().unwrap_or("python3");
    let settings = format!(
        "{FREE_PORTS}[orchestrator]\nunpaused = \"user_automation\"\npython = \"{python}\"\n"
    );
    let mut files = vec![("streams/users.sql", USERS), ("dags/user_automation.py", dag)];
    if chosen.is_err() {
        files.push(("dags/kafka/__init__.py", KAFKA));
    }
    House::start(&settings, &files)
}

#[test]
#[ignore = "needs python3; .ci/run asks for it"]
fn a_value_that_cannot_be_serialised_is_named_with_its_type_and_line() {
    let work = "            data = {'id': uuid.uuid4(), 'first_name': 'Ada'}
            producer.send('users_created', json.dumps(data).encode('utf-8'))";
    let dag = user_automation(KAFKA_PYTHON, work);
    let house = start(&dag);
    let report = house.says(
        "value-not-serialisable",
        &[
            "Task stream_data_from_api of DAG user_automation ended without an error",
            "no record reached Kafka",
            "3 records could not be serialised: Object of type UUID is not JSON serializable",
        ],
    );
    let finding = &report["findings"][0];
    assert!(finding["next"].as_str().unwrap().contains("str(uuid.uuid4())"), "{finding}");
    let line = dag.lines().position(|line| line.contains("uuid4()")).unwrap() + 1;
    assert_eq!(finding["place"]["line"], line, "{finding}");
    let sentence = report["pipelines"][0]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("spark_streams.created_users is empty: task stream_data"));
}

#[test]
#[ignore = "needs python3; .ci/run asks for it"]
fn a_producer_that_is_never_flushed_is_named_with_its_task() {
    let (producer, send) = match std::env::var("TEST_PYTHON") {
        Ok(_) => (CONFLUENT, "produce"),
        Err(_) => (KAFKA_PYTHON, "send"),
    };
    let work = format!(
        "            data = {{'id': str(uuid.uuid4()), 'first_name': 'Ada'}}
            producer.{send}('users_created', json.dumps(data).encode('utf-8'))"
    );
    let house = start(&user_automation(producer, &work));
    let report = house.says(
        "producer-not-flushed",
        &[
            "Task stream_data_from_api of DAG user_automation ended without an error",
            "no record reached Kafka",
            "3 records still on the way when the task ended",
            "neither flushed nor closed",
        ],
    );
    let next = report["findings"][0]["next"].as_str().unwrap();
    assert!(next.contains("producer.flush()"), "{next}");
}

#[test]
#[ignore = "needs python3; .ci/run asks for it"]
fn a_dag_file_with_a_missing_import_is_named_with_the_module_and_the_line() {
    let send = "            producer.send('users_created', b'{}')";
    let dag = user_automation(KAFKA_PYTHON, send)
        .replace("import uuid\n", "import uuid\nimport kafka_pyhton\n");
    let house = start(&dag);
    let report = house.says(
        "dag-not-parsing",
        &["dags/user_automation.py does not parse", "line 5", "No module named 'kafka_pyhton'"],
    );
    assert_eq!(report["findings"][0]["place"]["line"], 5);
}
