"""Ways to use, and to misuse, Kafka's Python clients in a task."""

from datetime import datetime

from airflow import DAG
from airflow.models import Variable
from airflow.operators.python import PythonOperator

TOPIC = "python_dags"


def producer(**options):
    from kafka import KafkaProducer

    return KafkaProducer(bootstrap_servers=Variable.get("kafka_servers", "localhost:9092"), max_block_ms=3000, **options)


def well():
    made = producer()
    for number in range(7):
        made.send(TOPIC, str(number).encode())
    made.flush()


def serialiser():
    import json
    import uuid

    made = producer(value_serializer=lambda value: json.dumps(value).encode())
    for _ in range(3):
        try:
            made.send(TOPIC, {"id": uuid.uuid4()})
        except TypeError as error:
            print("swallowed:", error)
    made.flush()


def some_lost():
    made = producer(max_request_size=1000)
    for size in (10, 5000, 10):
        try:
            made.send(TOPIC, b"x" * size)
        except Exception as error:
            print("swallowed:", error)
    made.close()


def unflushed():
    # Waits for more to send together, and the process ends before.
    made = producer(linger_ms=60000, batch_size=1000000)
    for number in range(4):
        made.send(TOPIC, str(number).encode())


def nothing():
    producer().close()


def no_broker():
    from kafka import KafkaProducer

    try:
        KafkaProducer(bootstrap_servers="127.0.0.1:1", bootstrap_timeout_ms=500)
    except Exception as error:
        print("swallowed:", error)


def fails():
    producer().close()
    raise ValueError("boom")


def confluent():
    from confluent_kafka import Producer

    made = Producer({"bootstrap.servers": Variable.get("kafka_servers", "localhost:9092")})
    told = []
    for number in range(5):
        made.produce(TOPIC, str(number), on_delivery=lambda error, message: told.append(error))
    made.flush(10)
    return len(told)


def confluent_unflushed():
    from confluent_kafka import Producer

    made = Producer({"bootstrap.servers": Variable.get("kafka_servers", "localhost:9092"), "linger.ms": 60000})
    made.produce(TOPIC, "1")


def reads_only():
    import kafka

    return kafka.__name__


with DAG("kafka_clients", start_date=datetime(2026, 1, 1), schedule=None) as dag:
    for work in (well, serialiser, some_lost, unflushed, nothing, no_broker, fails, confluent, confluent_unflushed, reads_only):
        PythonOperator(task_id=work.__name__, python_callable=work)
