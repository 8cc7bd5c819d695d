"""The shape of a widely copied DAG whose task ends well and sends nothing: a UUID is no JSON, and the loop
swallows what json.dumps says about it."""

from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator

default_args = {"owner": "judge", "start_date": datetime(2023, 9, 3, 10, 00)}


def make_user():
    import uuid

    return {"id": uuid.uuid4(), "first_name": "Ada", "last_name": "Lovelace"}


def stream_data():
    import json
    import logging
    import time

    from airflow.models import Variable
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=[Variable.get("kafka_servers", "localhost:9092")], max_block_ms=5000)
    end = time.time() + float(Variable.get("seconds", "60"))
    while time.time() < end:
        try:
            producer.send("users_created", json.dumps(make_user()).encode("utf-8"))
        except Exception as error:
            logging.error(f"An error occured: {error}")
        time.sleep(0.2)


with DAG("swallowed_errors", default_args=default_args, schedule_interval="@daily", catchup=False) as dag:
    streaming_task = PythonOperator(task_id="stream_data_from_api", python_callable=stream_data)
