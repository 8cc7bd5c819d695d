"""The tutorial's DAG with kafka-python: polls users from an API for a minute and sends each to Kafka.

Needs Python 3.8 or later with kafka-python (python3 -m pip install kafka-python). Apache Airflow need not be
installed; where it is, Millstream lets it run this file.

It does what dags/user_automation.yml does without Python. Both may run: the stream created_users takes each
user once. Variables, all optional: users_url, users_seconds, kafka_servers.
"""

from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator

TOPIC = "users_created"

default_args = {
    "owner": "millstream",
    "start_date": datetime(2026, 1, 1),
}


def get_users(url):
    """The newest users that the API tells of."""
    import json
    from urllib.request import urlopen

    with urlopen(url, timeout=10) as response:
        return json.load(response)["results"]


def as_record(user):
    """A user as key and value. What is no user goes on as it came: the stream tells why it does not fit."""
    import json

    if not isinstance(user, dict):
        return None, str(user).encode()
    return user["login"]["uuid"].encode(), json.dumps(user).encode()


def stream_data():
    """Polls once a second and sends what comes."""
    import logging
    import time

    from airflow.models import Variable
    from kafka import KafkaProducer

    url = Variable.get("users_url", "http://127.0.0.1:8089/api/?results=10")
    seconds = float(Variable.get("users_seconds", "60"))
    producer = KafkaProducer(
        bootstrap_servers=Variable.get("kafka_servers", "127.0.0.1:9092").split(","),
        acks="all",
        max_block_ms=5000,
    )
    sent = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            users = get_users(url)
        except OSError as error:
            # The API may be away for a moment. That Kafka is away ends the task instead.
            logging.warning("no answer from %s: %s", url, error)
            users = []
        for user in users:
            key, value = as_record(user)
            producer.send(TOPIC, key=key, value=value)
            sent += 1
        time.sleep(max(0, min(1, end - time.monotonic())))
    # Without this, what was sent last would be lost with the process.
    producer.flush(timeout=30)
    producer.close()
    if sent == 0:
        raise RuntimeError("no user came from {} within {} s".format(url, seconds))
    return sent


with DAG(
    "user_automation_kafka_python",
    default_args=default_args,
    schedule_interval="@daily",
    catchup=False,
    description="Users from an API into Kafka, as the tutorial does it",
    tags=["users", "kafka-python"],
) as dag:
    streaming_task = PythonOperator(
        task_id="stream_data_from_api",
        python_callable=stream_data,
    )
