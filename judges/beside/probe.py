"""The foreign programs of the latency measurement, on confluent-kafka and cassandra-driver.

    probe.py topic KAFKA NAME PARTITIONS [KEY=VALUE ...]    makes a topic
    probe.py drop KAFKA NAME                                deletes it
    probe.py table CASSANDRA                                makes measured.seen
    probe.py first KAFKA CASSANDRA                          sends until a row is there; prints when (monotonic s)
    probe.py send KAFKA --rate R --seconds S ...            sends; names the sampled records on its output
    probe.py write CASSANDRA --rate R --seconds S           writes rows itself: what the harness alone costs
    probe.py watch CASSANDRA                                looks for the sampled rows named on its input

Times are CLOCK_MONOTONIC nanoseconds, one clock for all processes. `send` and `watch` are joined by a pipe
that carries `KEY TIME` per sampled record. `send` and `write` say how they fared on stderr, `watch` on its
output, each in one line of JSON. Samples are few, so that looking does not starve what is looked at.
"""

import argparse
import json
import os
import random
import resource
import select
import sys
import time
import uuid

PERIOD_SECONDS = 0.0012
LOST_SECONDS = 30
MOST_AT_ONCE = 24


def percentiles(values, *parts):
    values = sorted(values)
    return [round(values[min(len(values) - 1, int(part * len(values)))], 3) if values else None for part in parts]


def own_cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def session_of(address, seconds=60):
    from cassandra.cluster import Cluster, NoHostAvailable
    host, port = address.split(":")
    deadline = time.monotonic() + seconds
    while True:
        try:
            return Cluster([host], port=int(port), connect_timeout=5).connect()
        except NoHostAvailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def topic(options):
    from confluent_kafka.admin import AdminClient, NewTopic
    settings = dict(one.split("=", 1) for one in options.rest[2:])
    admin = AdminClient({"bootstrap.servers": options.address})
    made = admin.create_topics([NewTopic(options.rest[0], int(options.rest[1]), config=settings)], operation_timeout=30)
    made[options.rest[0]].result(60)


def drop(options):
    from confluent_kafka.admin import AdminClient
    admin = AdminClient({"bootstrap.servers": options.address})
    admin.delete_topics([options.rest[0]], operation_timeout=30)[options.rest[0]].result(60)


def table(options):
    session = session_of(options.address)
    session.execute("CREATE KEYSPACE IF NOT EXISTS measured WITH replication = "
                    "{'class':'SimpleStrategy','replication_factor':'1'}")
    session.execute("CREATE TABLE IF NOT EXISTS measured.seen (id text PRIMARY KEY, payload text)")


def first(options):
    from cassandra import InvalidRequest
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": options.address})
    session = session_of(options.rest[0])
    deadline = time.monotonic() + 300
    sent = 0.0
    while time.monotonic() < deadline:
        if time.monotonic() - sent > 0.5:
            sent = time.monotonic()
            key = str(uuid.uuid4())
            producer.produce("events", json.dumps({"id": key, "payload": "first"}), key=key)
        producer.poll(0)
        try:
            if session.execute("SELECT id FROM measured.seen LIMIT 1").one():
                print(time.monotonic())
                producer.flush(10)
                return
        except InvalidRequest:  # the table is not there yet
            pass
        time.sleep(0.005)
    sys.exit("no row after 300 s")


class Schedule:
    """Says how many records are due, and which of them are samples."""

    def __init__(self, options):
        self.options, self.began, self.count, self.late = options, time.monotonic(), 0, 0.0
        self.warm = False
        self.every = max(1, round(options.rate / options.samples))

    def due(self):
        """The number of the next record once its time has come, None while it has not, and False at the end."""
        now = time.monotonic() - self.began
        if now >= self.options.warm + self.options.seconds:
            return False
        if self.count >= now * self.options.rate:
            return None
        self.warm = now > self.options.warm
        if self.warm:
            self.late = max(self.late, now - self.count / self.options.rate)
        self.count += 1
        return self.count

    def sampled(self, number):
        return self.warm and number % self.every == 0

    def report(self, **more):
        print(json.dumps({"sent": self.count, "most_behind_ms": round(self.late * 1000, 1),
                          "cpu_seconds": round(own_cpu(), 2), **more}), file=sys.stderr)


def tell(key, sent):
    try:
        os.write(1, f"{key} {sent}\n".encode())
    except BrokenPipeError:  # the reader has given up
        sys.exit(0)


def send(options):
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": options.address})
    payload, failed, corrupt = "x" * 100, [], 0

    def delivered(error, _message):
        if error:
            failed.append(str(error))

    def produce(value, key):
        while True:
            try:
                return producer.produce("events", value, key=key, on_delivery=delivered)
            except BufferError:  # the broker is behind: wait, as every producer must
                producer.poll(0.01)
    plan = Schedule(options)
    while (number := plan.due()) is not False:
        if number is None:
            producer.poll(0)
            time.sleep(0.0005)
            continue
        key = str(uuid.uuid4())
        if random.randrange(100) < options.corrupt_percent:
            corrupt += 1
            produce(b'{"id": ', key)
            continue
        sent = time.monotonic_ns()
        produce(f'{{"id": "{key}", "payload": "{payload}"}}', key)
        if plan.sampled(number):
            tell(key, sent)
    left = producer.flush(30)
    plan.report(corrupt=corrupt, undelivered=left + len(failed), error=failed[0] if failed else None)


def write(options):
    session = session_of(options.address)
    insert = session.prepare("INSERT INTO measured.seen (id, payload) VALUES (?, ?)")
    plan = Schedule(options)
    while (number := plan.due()) is not False:
        if number is None:
            time.sleep(0.0005)
            continue
        key = str(uuid.uuid4())
        sent = time.monotonic_ns()
        answer = session.execute_async(insert, (key, "x" * 100))
        if plan.sampled(number):
            tell(key, sent)
        answer.result()
    plan.report()


def watch(options):
    """Polls for all sampled rows at once by one prepared SELECT ... IN, while any is outstanding."""
    session = session_of(options.address)
    look = session.prepare("SELECT id FROM measured.seen WHERE id IN ?")
    os.set_blocking(0, False)
    waiting, waits, gaps, polls, lost, unread, open_input = {}, [], [], 0, 0, b"", True
    last = None
    began = time.monotonic()
    while open_input or waiting:
        if not waiting:
            last = None
            select.select([0], [], [], 1)
        if open_input:
            try:
                data = os.read(0, 65536)
                open_input = bool(data)
                *lines, unread = (unread + data).split(b"\n")
                for line in lines:
                    key, sent = line.decode().split()
                    waiting[key] = int(sent)
            except BlockingIOError:
                pass
        if not waiting:
            continue
        asked = time.monotonic_ns()
        keys = list(waiting)[:MOST_AT_ONCE]
        rows = session.execute(look, (keys,))
        now = time.monotonic_ns()
        polls += 1
        if last is not None:
            gaps.append((now - last) / 1e6)
        last = now
        for row in rows:
            waits.append((now - waiting.pop(row.id)) / 1e6)
        for key in keys:
            sent = waiting.pop(key, None)
            if sent is not None and now - sent > LOST_SECONDS * 1e9:
                lost += 1
            elif sent is not None:
                waiting[key] = sent  # to the end: each gets its turn
        pause = PERIOD_SECONDS - (time.monotonic_ns() - asked) / 1e9
        if pause > 0:
            time.sleep(pause)
        if lost > 200:
            break
    p50, p90, p99, p999 = percentiles(waits, 0.5, 0.9, 0.99, 0.999)
    gap50, gap99 = percentiles(gaps, 0.5, 0.99)
    print(json.dumps({"samples": len(waits), "lost": lost, "p50_ms": p50, "p90_ms": p90, "p99_ms": p99,
                      "p999_ms": p999, "worst_ms": round(max(waits), 3) if waits else None,
                      "polls": polls, "poll_gap_p50_ms": gap50, "poll_gap_p99_ms": gap99,
                      "cpu_seconds": round(own_cpu(), 2), "seconds": round(time.monotonic() - began, 1)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = (topic, drop, table, first, send, write, watch)
    parser.add_argument("what", choices=[one.__name__ for one in commands])
    parser.add_argument("address")
    parser.add_argument("rest", nargs="*")
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--warm", type=float, default=5, help="seconds at the start without samples")
    parser.add_argument("--samples", type=float, default=20, help="per second")
    parser.add_argument("--corrupt-percent", type=float, default=1)
    options = parser.parse_args()
    {one.__name__: one for one in commands}[options.what](options)


if __name__ == "__main__":
    main()
