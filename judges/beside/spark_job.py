"""The measuring stream on Spark: topic events -> JSON -> table measured.seen, by foreachBatch.

    spark_job.py KAFKA CASSANDRA CHECKPOINT

Rows go out through the Python Cassandra driver, 128 at a time. What is not JSON is dropped: Spark does less
here than Millstream, which keeps it as a dead letter.
"""

import sys

from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent_with_args
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json, upper

kafka, cassandra, checkpoint = sys.argv[1:]
host, port = cassandra.split(":")
session = Cluster([host], port=int(port), connect_timeout=30).connect()
insert = session.prepare("INSERT INTO measured.seen (id, payload) VALUES (?, ?)")


def store(batch, _number):
    """Writes one micro-batch."""
    rows = [(row.id, row.payload) for row in batch.collect()]
    if rows:
        execute_concurrent_with_args(session, insert, rows, concurrency=128)


spark = SparkSession.builder.appName("measured").config("spark.sql.shuffle.partitions", "2").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
source = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", kafka)
          .option("subscribe", "events").option("startingOffsets", "earliest").load())
events = (source.select(from_json(col("value").cast("string"), "id STRING, payload STRING").alias("event"))
          .where("event.id IS NOT NULL").select("event.id", upper("event.payload").alias("payload")))
events.writeStream.foreachBatch(store).option("checkpointLocation", checkpoint).start().awaitTermination()
