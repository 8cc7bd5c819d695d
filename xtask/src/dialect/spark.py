"""Evaluates the catalogue's examples on Spark; one JSON answer per line."""

import json
import os
import signal
import sys

os.environ["PYSPARK_PYTHON"] = sys.executable

from pyspark.sql import SparkSession

# The whole run takes about three minutes on two cores.
signal.alarm(1800)

catalogue = json.load(sys.stdin)
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "700m")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "1")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")


def answer(kind, sql):
    source = f" FROM {catalogue['sample']}" if kind == "Aggregate" else ""
    try:
        frame = spark.sql(f"SELECT {sql} AS v{source}")
        name = frame.schema[0].dataType.simpleString()
        value = frame.selectExpr("CAST(v AS STRING) AS v").collect()[0][0]
        return {"value": "NULL" if value is None else value, "type": name}
    except Exception as error:
        return {"value": "ERROR", "type": None, "error": str(error).strip().split("\n")[0][:160]}


for entry in catalogue["entries"]:
    for example in entry["examples"]:
        print(json.dumps(answer(entry["kind"], example["sql"])), flush=True)
