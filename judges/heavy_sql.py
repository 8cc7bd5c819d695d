"""Sorts a topic that does not fit in memory by `millstream sql`, and judges what its neighbours feel.

  heavy_sql.py BINARY [--records N] [--memory 32MiB] [--directory DIR] [--port N]

A broker starts alone, a topic is filled, and while a query sorts it again and again, a foreign client asks
for Metadata and a member of a consumer group consumes a second topic with the shortest session the broker
allows. Right is: the query went over disk and gave every row in order, the 99th percentile of Metadata is
below 20 ms, and the member was neither lost nor rebalanced. Exit code 0 green, 1 red.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

import crash_loop

LIMIT_MS = 20.0
ASK_SECONDS = 0.02
SESSION_MS = 6_000
PROJECT = """[addresses]
kafka = "embedded"

[broker]
listen = "127.0.0.1:{port}"
"""
TABLES = """CREATE TABLE visits (id BIGINT, page STRING, note STRING)
WITH ('connector' = 'kafka', 'topic' = 'visits', 'format' = 'json', 'partitions' = '4');
"""
QUERY = "SELECT id, page, note FROM visits ORDER BY page, id"


def asked(address, stop, took):
    """Metadata, every 20 ms, by librdkafka; milliseconds from question to answer."""
    client = AdminClient({"bootstrap.servers": address})
    client.list_topics("pulse", timeout=10)
    while not stop.is_set():
        began = time.monotonic()
        client.list_topics("pulse", timeout=10)
        took.append((time.monotonic() - began) * 1000)
        time.sleep(ASK_SECONDS)


class Member:
    """A member of a group, and what happened to it."""

    def __init__(self, address):
        self.assigned, self.taken_away, self.records = 0, 0, 0
        self.client = confluent_kafka.Consumer({
            "bootstrap.servers": address, "group.id": "neighbour", "session.timeout.ms": SESSION_MS,
            "heartbeat.interval.ms": 2_000, "auto.offset.reset": "earliest"})
        self.client.subscribe(["pulse"], on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_revoke)

    def on_assign(self, _client, _partitions):
        self.assigned += 1

    def on_revoke(self, _client, _partitions):
        self.taken_away += 1

    def live(self, stop):
        while not stop.is_set():
            message = self.client.poll(0.1)
            if message is not None and message.error() is None:
                self.records += 1


def fill(address, records):
    admin = AdminClient({"bootstrap.servers": address})
    for made in admin.create_topics([NewTopic("visits", 4), NewTopic("pulse", 1)]).values():
        made.result(30)
    producer = confluent_kafka.Producer({"bootstrap.servers": address, "linger.ms": 20, "compression.type": "lz4",
                                         "queue.buffering.max.messages": 50_000})
    note = "a note that makes the row as wide as rows are " * 2
    for number in range(records):
        value = json.dumps({"id": number, "page": f"/{number * 7919 % 100_003}", "note": note})
        while True:
            try:
                producer.produce("visits", value, str(number))
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1_000 == 0:
            producer.poll(0)
    producer.produce("pulse", b"first")
    if producer.flush(120):
        raise RuntimeError("the topic could not be filled")


def sort(binary, project, environment, records):
    """One query; what is wrong with its rows, and what it said of its memory."""
    command = [binary, "sql", QUERY, "--project", str(project)]
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    count, last, wrong = 0, ("", -1), None
    for line in process.stdout:
        cells = line.split()
        if not cells or not cells[0].isdigit():
            continue
        key = (cells[1], int(cells[0]))
        if key < last:
            wrong = f"{key} came after {last}"
        count, last = count + 1, key
    said = process.stderr.read().strip()
    if process.wait() != 0:
        wrong = said
    elif count != records:
        wrong = f"{count} rows of {records}"
    elif "went over disk" not in said:
        wrong = f"nothing went over disk: {said}"
    print(f"  sorted {count} rows in {time.monotonic() - began:.1f} s: {said}", flush=True)
    return wrong


def judge(options, directory):
    port, = crash_loop.free_ports(options.port, 1)
    address = f"127.0.0.1:{port}"
    project = directory / "project"
    (project / "streams").mkdir(parents=True)
    (project / "millstream.toml").write_text(PROJECT.format(port=port), "utf-8")
    (project / "streams/visits.sql").write_text(TABLES, "utf-8")
    environment = os.environ | {"MILLSTREAM_SQL_MEMORY": options.memory}
    with open(directory / "up.log", "wb") as log:
        product = subprocess.Popen([options.binary, "up", str(project), "--only", "broker"], stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
    stop, took = threading.Event(), []
    threads = []
    try:
        if not crash_loop.answers(address, 30):
            raise RuntimeError((directory / "up.log").read_text("utf-8"))
        fill(address, options.records)
        member = Member(address)
        threads = [threading.Thread(target=asked, args=(address, stop, took)),
                   threading.Thread(target=member.live, args=(stop,))]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 30
        while not member.records and time.monotonic() < deadline:
            time.sleep(0.1)
        took.clear()
        time.sleep(5)
        calm = took[:]
        took.clear()
        began, wrong = time.monotonic(), []
        # Longer than two sessions, so that a member that cannot beat is seen to expire.
        while time.monotonic() < began + 2.5 * SESSION_MS / 1000 and not wrong:
            if trouble := sort(options.binary, project, environment, options.records):
                wrong.append(trouble)
        busy = took[:]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        product.send_signal(signal.SIGINT)
        product.wait(30)
    for name, values in (("calm", calm), ("while it sorts", busy)):
        parts = statistics.quantiles(values, n=100)
        print(f"  Metadata, {name}: {len(values)} asked, p50 {parts[49]:.2f} ms, p99 {parts[98]:.2f} ms, "
              f"at most {max(values):.1f} ms", flush=True)
    if statistics.quantiles(busy, n=100)[98] >= LIMIT_MS:
        wrong.append(f"Metadata took longer than {LIMIT_MS:.0f} ms at the 99th percentile")
    print(f"  the group's member: assigned {member.assigned} time(s), taken away {member.taken_away} time(s)", flush=True)
    if member.assigned != 1 or member.taken_away:
        wrong.append("the group's member was rebalanced")
    for trouble in wrong:
        print(f"  WRONG {trouble}", flush=True)
    return not wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--records", type=int, default=600_000)
    parser.add_argument("--memory", default="32MiB", help="of the query: sql.memory")
    parser.add_argument("--directory", help="where its project lies; default: a temporary one")
    parser.add_argument("--port", type=int, default=19400, help="first port to try")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that the product is ended too
    with tempfile.TemporaryDirectory(prefix="heavy-sql-", dir=options.directory) as directory:
        green = judge(options, pathlib.Path(directory))
    print("green" if green else "red")
    return not green


if __name__ == "__main__":
    sys.exit(main())
