"""Start, memory and idle CPU: the demo at 10 records/s beside the same chain of peers at 10 records/s."""

import subprocess
import time

import processes
from sides import Cassandra, Kafka, Millstream, Tutorial, cql_rows, metadata_answers, wait_for

FIRST_ROW = "SELECT id FROM spark_streams.created_users LIMIT 1"
SETTLE_SECONDS = 10
ALONE_SECONDS = 15


def over_time(bench, side, column, what, window=None):
    """Memory and CPU of `side` over a window of so many seconds, after it has settled."""
    window = window or bench.idle_seconds
    time.sleep(SETTLE_SECONDS)
    before, began = side.cpu(), time.monotonic()
    memory = []
    for _ in range(5):
        time.sleep(window / 5)
        memory.append(side.pss())
    share = 100 * (side.cpu() - before) / (time.monotonic() - began)
    bench.add("start", f"CPU, {what}", "% of a core", "lower", column, share)
    bench.add("start", f"memory (PSS), {what}", "MiB", "lower", column, max(memory))
    bench.say(f"{column} {what}: {share:.2f} % of a core, {max(memory):.0f} MiB")


def ours(bench, column):
    for _ in range(2 if bench.quick else 5):
        side = bench.sides.start(Millstream, column, only="broker")
        answered = wait_for(lambda port=side.broker: metadata_answers(port), 30, "Metadata")
        bench.add("start", "broker alone: start to first Metadata answer", "ms", "lower", column, 1000 * (answered - side.began))
        bench.add("start", "broker alone: CPU of the start", "s", "lower", column, side.cpu())
        bench.add("start", "broker alone: memory (PSS)", "MiB", "lower", column, side.pss())
        bench.sides.end(side)
        side = bench.sides.start(Millstream, column, project="demo")
        row = wait_for(lambda port=side.store: cql_rows(port, FIRST_ROW) > 0, 60, "the demo's first row")
        bench.add("start", "everything: cold start to first row", "s", "lower", column, row - side.began)
        bench.sides.end(side)
    side = bench.sides.start(Millstream, column, project="demo")
    over_time(bench, side, column, "everything, 10 records/s")
    bench.sides.end(side)
    if column == "group":
        for part in ("broker", "store"):
            side = bench.sides.start(Millstream, column, only=part)
            over_time(bench, side, column, f"{part} alone, idle", ALONE_SECONDS)
            bench.sides.end(side)


def alone(bench, kind, name):
    """A server by itself: start of its process until it answers, then idle.

    Making Kafka's log directory is a process of its own before it, and is not counted.
    """
    side = bench.sides.start(kind)
    began = processes.began(side.roots[0])
    bench.add("start", f"{name} alone: CPU of the start", "s", "lower", "peer", side.cpu())
    if kind is Kafka:
        bench.add("start", "broker alone: start to first Metadata answer", "ms", "lower", "peer", 1000 * (side.ready - began))
        bench.add("start", "broker alone: memory (PSS)", "MiB", "lower", "peer", side.pss())
    over_time(bench, side, "peer", f"{name} alone, idle", ALONE_SECONDS)
    bench.sides.end(side)


def peers(bench):
    side = bench.sides.start(Tutorial, bench.probe)
    row = float(bench.probe("first", side.kafka, side.cassandra))
    bench.add("start", "everything: cold start to first row", "s", "lower", "peer", row - side.began)
    sender = subprocess.Popen([*bench.probe_command, "send", side.kafka, "--rate", "10", "--seconds",
                               str(SETTLE_SECONDS + bench.idle_seconds + 20), "--samples", "0.0001"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        over_time(bench, side, "peer", "everything, 10 records/s")
    finally:
        sender.kill()
        sender.wait()
    for part, name in zip(side.parts, ("Kafka", "Cassandra", "Spark")):
        bench.keep("start", {"part": name, "pss_mb": part.pss()})
    bench.sides.end(side)


def measure(bench):
    for column in bench.columns_of("group", "os"):
        ours(bench, column)
    if "peer" in bench.columns:
        alone(bench, Kafka, "broker")
        alone(bench, Cassandra, "store")
        peers(bench)
