"""The tutorial's pipeline around Spark: a topic of users, the table created_users, and the reading of the topic."""

import json
import os
import uuid

from cassandra.cluster import Cluster
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json
from pyspark.sql.types import StringType, StructField, StructType

from judge import holds

FIELDS = ("id", "first_name", "last_name", "gender", "address", "post_code", "email", "username", "registered_date",
          "phone", "picture")
SCHEMA = StructType([StructField(name, StringType(), False) for name in FIELDS])
WAIT_SECONDS = 150


class Job:
    """One topic, one keyspace, and what has been produced so far (id -> e-mail)."""

    def __init__(self, judge):
        self.judge = judge
        self.topic, self.back, self.keyspace = judge.unique("users_created"), judge.unique("users_back"), judge.unique("spark_streams")
        self.produced, self.cluster, self.cql = {}, None, None

    @staticmethod
    def identity(text):
        return uuid.UUID(text)

    def prepare(self):
        self.cluster = Cluster([self.judge.cassandra_host], port=self.judge.cassandra_port, connect_timeout=30)
        self.cql = self.cluster.connect()
        self.cql.execute(f"CREATE KEYSPACE IF NOT EXISTS {self.keyspace} WITH replication = "
                         "{'class':'SimpleStrategy','replication_factor':'1'}")
        columns = ", ".join(f"{name} TEXT" for name in FIELDS[1:])
        self.cql.execute(f"CREATE TABLE IF NOT EXISTS {self.keyspace}.created_users (id UUID PRIMARY KEY, {columns})")
        self.produce(300)

    def produce(self, count):
        """Sends users as the tutorial's DAG does: no key, JSON, post code as a number or a text."""
        producer = KafkaProducer(bootstrap_servers=[self.judge.kafka], max_block_ms=30000)
        sent = []
        for number in range(count):
            user = {name: f"{name} {number}" for name in FIELDS}
            user.update(id=str(uuid.uuid4()), gender=("male", "female")[number % 2], dob="1990-01-01T00:00:00Z",
                        post_code=number if number % 2 else f"AB{number}", email=f"user{number}@example.org")
            sent.append((user, producer.send(self.topic, json.dumps(user).encode("utf-8"))))
        producer.flush(60)
        for user, future in sent:
            future.get(10)
            self.produced[user["id"]] = user["email"]
        producer.close(10)

    def session(self, settings):
        builder = (SparkSession.builder.appName("SparkDataStreaming").master("local[2]")
                   .config("spark.jars", os.environ["JUDGE_JARS"]).config("spark.driver.memory", "700m")
                   .config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
                   .config("spark.sql.shuffle.partitions", "2")
                   .config("spark.sql.warehouse.dir", str(self.judge.work / "warehouse")))
        for name, value in settings.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        return spark

    def users(self, spark):
        """The tutorial's transformation: the value as text, as JSON, as columns."""
        source = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", self.judge.kafka)
                  .option("subscribe", self.topic).option("startingOffsets", "earliest").load())
        return (source.selectExpr("CAST(value AS STRING)").select(from_json(col("value"), SCHEMA).alias("data"))
                .select("data.*"))

    @staticmethod
    def wait(query):
        if not query.awaitTermination(WAIT_SECONDS):
            query.stop()
            raise AssertionError(f"the stream did not end within {WAIT_SECONDS} s")
        holds(query.exception() is None, lambda: str(query.exception()))

    def stored(self):
        rows = self.cql.execute(f"SELECT id, email FROM {self.keyspace}.created_users")
        return {str(row.id): row.email for row in rows}

    def batch(self, spark):
        """The offsets of a batch query over the whole topic."""
        frame = (spark.read.format("kafka").option("kafka.bootstrap.servers", self.judge.kafka)
                 .option("subscribe", self.topic).option("startingOffsets", "earliest")
                 .option("endingOffsets", "latest").load())
        rows = frame.select("offset", "timestamp").collect()
        holds(all(row.timestamp is not None for row in rows), "records without a timestamp")
        return sorted(row.offset for row in rows)

    def write_back(self, spark):
        frame = spark.range(100).selectExpr("CAST(id AS STRING) AS key", "CAST(id * 2 AS STRING) AS value")
        (frame.write.format("kafka").option("kafka.bootstrap.servers", self.judge.kafka).option("topic", self.back).save())
        consumer = KafkaConsumer(self.back, bootstrap_servers=self.judge.kafka, auto_offset_reset="earliest",
                                 consumer_timeout_ms=10000)
        got = sorted((int(record.key), int(record.value)) for record in consumer)
        consumer.close()
        holds(got == [(number, 2 * number) for number in range(100)], lambda: f"read back {got[:5]} ... ({len(got)})")

    def end(self):
        self.cql.execute(f"DROP KEYSPACE {self.keyspace}")
        self.cluster.shutdown()
        KafkaAdminClient(bootstrap_servers=self.judge.kafka).delete_topics([self.topic, self.back])
