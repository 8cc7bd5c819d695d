"""PySpark 4 with spark-sql-kafka: reads the topic, writes through foreachBatch with the Python Cassandra driver."""

import spark_job
from judge import Judge, equal

judge = Judge()
job = spark_job.Job(judge)

with judge.check("has a topic of users and the tutorial's table"):
    job.prepare()

with judge.check("starts a Spark session", 150):
    spark = job.session({})


def store(batch, _number):
    """Writes one micro-batch with prepared statements."""
    insert = job.cql.prepare(f"INSERT INTO {job.keyspace}.created_users (id, first_name, gender, email) VALUES (?, ?, ?, ?)")
    for row in batch.collect():
        job.cql.execute(insert, (job.identity(row.id), row.first_name, row.gender, row.email))


def stream():
    query = (job.users(spark).writeStream.foreachBatch(store)
             .option("checkpointLocation", str(judge.work / "checkpoint")).trigger(availableNow=True).start())
    job.wait(query)


with judge.check("streams the topic into the table", 200):
    stream()
    equal(job.stored(), job.produced, "users in the table")

with judge.check("goes on from its checkpoint", 200):
    job.produce(50)
    stream()
    equal(job.stored(), job.produced, "users in the table")

with judge.check("reads the topic as a batch, with timestamps and offsets", 150):
    equal(job.batch(spark), list(range(len(job.produced))))

with judge.check("writes a data frame to a topic", 150):
    job.write_back(spark)

with judge.check("cleans up"):
    job.end()

judge.finish()
