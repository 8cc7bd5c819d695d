#!/usr/bin/env python3
"""Runs unmodified third-party clients against any Kafka and any Cassandra address.

  run.py --kafka HOST:PORT --cassandra HOST:PORT --work DIR [--only NAME,...] [--list] [--install]

The same judges pass against Apache Kafka 4 and Cassandra 5; whatever fails elsewhere is a difference.
Each client is installed by package name into DIR, once. One line is printed per check:

    ok NAME check
    FAIL NAME check: why

and at the end `N passed, N failed`. Exit code 1 when anything failed. A client that cannot be installed, a
judge that dies or runs out of time is a failure. Needs Python 3.9+, Java 17, Maven, Node and, for Debian
packages, root or sudo.
"""

import argparse
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import typing

import install
from install import java, java_tools, node, plain_python, python, spark


@dataclasses.dataclass(frozen=True)
class Entry:
    """One judge: how its client is installed and started, which side it judges, its limit in seconds."""
    name: str
    side: str
    install: typing.Callable
    seconds: int = 300


SPARK_35, SPARK_4 = "3.5.1", "4.2.0"
LOG4J = ("org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",)

JUDGES = [
    Entry("kcat", "kafka", plain_python("kcat.py", "kcat")),
    Entry("confluent-kafka", "kafka", python("confluent.py", "confluent-kafka")),
    Entry("kafka-python-2.0.2", "kafka", python("kafka_python.py", "kafka-python==2.0.2")),
    Entry("kafka-python-3", "kafka", python("kafka_python.py", "kafka-python>=3,<4")),
    Entry("aiokafka", "kafka", python("aio.py", "aiokafka")),
    Entry("kafka-clients-3.4", "kafka", java("KafkaClients.java", "org.apache.kafka:kafka-clients:3.4.1",
                                             "org.slf4j:slf4j-nop:1.7.36")),
    Entry("kafka-clients-4", "kafka", java("KafkaClients.java", "org.apache.kafka:kafka-clients:4.1.0",
                                           "org.slf4j:slf4j-nop:1.7.36")),
    Entry("kafka-tools", "kafka", java_tools("kafka_tools.py", "org.apache.kafka:kafka-tools:4.3.1",
                                             "org.apache.kafka:kafka_2.13:4.3.1", *LOG4J), 900),
    Entry("kafkajs", "kafka", node("kafka_js.js", "kafkajs")),
    Entry("cqlsh", "cassandra", python("cql_shell.py", "cqlsh"), 900),
    Entry("cassandra-driver", "cassandra", python("cassandra_python.py", "cassandra-driver")),
    Entry("scylla-driver", "cassandra", python("cassandra_python.py", "scylla-driver")),
    Entry("cassandra-java", "cassandra", java("CassandraDriver.java", "org.apache.cassandra:java-driver-core:4.19.3",
                                              "org.slf4j:slf4j-nop:2.0.17")),
    Entry("cassandra-node", "cassandra", node("cassandra_node.js", "cassandra-driver")),
    Entry("spark-3.5", "both", spark("spark_connector.py", SPARK_35, ("kafka-python==2.0.2", "cassandra-driver"), (
        f"org.apache.spark:spark-sql-kafka-0-10_2.12:{SPARK_35}",
        "com.datastax.spark:spark-cassandra-connector_2.12:3.5.1")), 600),
    Entry("spark-4", "both", spark("spark_foreach_batch.py", SPARK_4, ("kafka-python==2.0.2", "cassandra-driver"), (
        f"org.apache.spark:spark-sql-kafka-0-10_2.13:{SPARK_4}",)), 600),
]


class Count:
    """What passed and what failed so far; prints every line as it is counted."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def take(self, line):
        if line.startswith("ok "):
            self.passed += 1
        else:
            self.failed.append(line)
        print(line, flush=True)


def run_judge(entry, options, count):
    work = pathlib.Path(options.work).resolve()
    started = time.monotonic()
    try:
        program = entry.install(work, entry.name)
    except install.InstallError as error:
        count.take(f"FAIL {entry.name} is installed: {error}")
        return
    if options.install:
        count.take(f"ok {entry.name} is installed")
        return
    log = work / f"{entry.name}.log"
    before = count.passed + len(count.failed)
    said, code = follow(entry, program, options, work, log, count)
    seen = count.passed + len(count.failed) - before
    if code is None:
        count.take(f"FAIL {entry.name} ends in time: still running after {entry.seconds * options.patience:.0f} s, see {log}")
    elif code != 0:
        count.take(f"FAIL {entry.name} ends well: exit code {code}, see {log}: {tail(log)}")
    elif said != seen or not seen:
        count.take(f"FAIL {entry.name} ran all its checks: {seen} seen, {said} announced, see {log}")
    print(f"   {entry.name}: {seen} checks in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def follow(entry, program, options, work, log, count):
    """Runs the program; returns how many checks it announced at its end, and its exit code (None: too slow)."""
    said = None
    with open(log, "w", encoding="utf-8") as errors:
        process = subprocess.Popen([*map(str, program.command), entry.name, options.kafka, options.cassandra, str(work)],
                                   stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True,
                                   cwd=work, env={**os.environ, "JUDGE_PATIENCE": str(options.patience), **program.environment},
                                   start_new_session=True)
        expired = threading.Event()

        def end():
            expired.set()
            kill_group(process)
        timer = threading.Timer(entry.seconds * options.patience, end)
        timer.start()
        try:
            for line in process.stdout:
                line = line.rstrip("\n")
                if line.startswith((f"ok {entry.name} ", f"FAIL {entry.name} ")):
                    count.take(line)
                elif line.startswith(f"done {entry.name} "):
                    said = int(line.rsplit(" ", 1)[1])
                else:
                    print(line, file=errors, flush=True)
            code = process.wait()
        finally:
            timer.cancel()
            kill_group(process)
    return said, None if expired.is_set() else code


def kill_group(process):
    """Ends the judge and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def tail(log):
    return " ".join(log.read_text(encoding="utf-8", errors="replace").split())[-300:]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kafka", default="127.0.0.1:9092", metavar="HOST:PORT")
    parser.add_argument("--cassandra", default="127.0.0.1:9042", metavar="HOST:PORT")
    parser.add_argument("--work", metavar="DIR", help="where clients are installed and logs are kept")
    parser.add_argument("--only", metavar="NAME,...", help="these judges, or one side: kafka, cassandra, both")
    parser.add_argument("--list", action="store_true", help="print the judges and end")
    parser.add_argument("--install", action="store_true", help="install the clients and end")
    parser.add_argument("--patience", type=float, default=1.0, help="limits are so many times longer; for a busy machine")
    options = parser.parse_args()
    if not options.list and not options.work:
        parser.error("--work DIR is needed")
    return parser, options


def chosen(parser, only):
    if not only:
        return JUDGES
    names = only.split(",")
    unknown = set(names) - {entry.name for entry in JUDGES} - {entry.side for entry in JUDGES}
    if unknown:
        parser.error(f"no judge named {', '.join(sorted(unknown))}; --list shows them")
    return [entry for entry in JUDGES if entry.name in names or entry.side in names]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the running judge is ended too
    parser, options = arguments()
    entries = chosen(parser, options.only)
    if options.list:
        for entry in entries:
            print(f"{entry.name:20} {entry.side}")
        return 0
    pathlib.Path(options.work).mkdir(parents=True, exist_ok=True)
    count = Count()
    for entry in entries:
        run_judge(entry, options, count)
    for line in count.failed:
        print(line, file=sys.stderr)
    print(f"{count.passed} passed, {len(count.failed)} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
