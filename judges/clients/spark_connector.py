"""The tutorial's own Spark job (PySpark 3.5, spark-sql-kafka, spark-cassandra-connector 3.5.1):
topic users_created, structured streaming, Cassandra table created_users."""

import spark_job
from judge import Judge, equal

judge = Judge()
job = spark_job.Job(judge)

with judge.check("has a topic of users and the tutorial's table"):
    job.prepare()

with judge.check("starts a Spark session with the connector", 150):
    spark = job.session({"spark.cassandra.connection.host": judge.cassandra_host,
                         "spark.cassandra.connection.port": str(judge.cassandra_port)})
CASSANDRA = "org.apache.spark.sql.cassandra"


def stream():
    """One run of the tutorial's job over all that is in the topic now."""
    query = (job.users(spark).writeStream.format(CASSANDRA)
             .option("checkpointLocation", str(judge.work / "checkpoint"))
             .option("keyspace", job.keyspace).option("table", "created_users")
             .trigger(availableNow=True).start())
    job.wait(query)


with judge.check("streams the topic into the table", 200):
    stream()
    equal(job.stored(), job.produced, "users in the table")

with judge.check("goes on from its checkpoint", 200):
    job.produce(50)
    stream()
    equal(job.stored(), job.produced, "users in the table")


def table():
    return spark.read.format(CASSANDRA).options(keyspace=job.keyspace, table="created_users").load()


with judge.check("reads the table", 150):
    equal({row.id: row.email for row in table().select("id", "email").collect()}, job.produced)

with judge.check("pushes a key filter down, counts and aggregates", 150):
    some = sorted(job.produced)[0]
    equal([row.email for row in table().where(f"id = '{some}'").collect()], [job.produced[some]])
    equal(table().count(), len(job.produced))
    equal(sum(row["count"] for row in table().groupBy("gender").count().collect()), len(job.produced))

with judge.check("appends a data frame to the table", 150):
    frame = table().limit(1).selectExpr("uuid() AS id", "'extra@b.c' AS email")
    frame.write.format(CASSANDRA).options(keyspace=job.keyspace, table="created_users").mode("append").save()
    equal(len(job.stored()), len(job.produced) + 1)

with judge.check("reads the topic as a batch, with timestamps and offsets", 150):
    equal(job.batch(spark), list(range(len(job.produced))))

with judge.check("writes a data frame to a topic", 150):
    job.write_back(spark)

with judge.check("cleans up"):
    job.end()

judge.finish()
