"""A small engine for the demo's two streams, to prove the checker and the invariant on real Kafka and
Cassandra. It is no product: its state is rebuilt from the topic at each start.

Batch N is a range of offsets per partition, drawn at random and logged with fsync before it runs. Then:
upserts into the tables, then one Kafka transaction with the late records, the dead letters and the
consumed offsets, whose metadata says "batch N". A restart that finds N in the metadata does not send N
again. It ends itself with SIGKILL at random steps; run() starts it again until the topic is consumed.

Sabotage, to see the checker go red: see SABOTAGES.
"""

import collections
import datetime
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import confluent_kafka
from cassandra.cluster import Cluster, ExecutionProfile, EXEC_PROFILE_DEFAULT
from cassandra.policies import WhiteListRoundRobinPolicy

import check
import model

KILLED = -signal.SIGKILL
SABOTAGES = ("drop-record", "double-record", "stale-row", "skip-dead-letter", "double-dead-letter", "skip-late", "wrong-status")


class State:
    """One stream's state: watermarks, the candidates of each key, counters."""

    def __init__(self, stream):
        self.stream, self.highest, self.keys = stream, {}, collections.defaultdict(list)
        self.counts = collections.defaultdict(collections.Counter)
        self.windows, self.touched_rows, self.touched_windows = collections.Counter(), {}, set()

    def take(self, partition, offset, timestamp, value):
        """One record; "late" and ("dead_lettered", class, why) go to side topics."""
        counts = self.counts[partition]
        counts["read"] += 1
        try:
            document = model.decode(value, self.stream.decode)
        except ValueError as error:
            counts["dead_lettered"] += 1
            return "dead_lettered", "decode", str(error)
        watermark = self.highest.get(partition, -(1 << 62)) - self.stream.delay_ms
        self.highest[partition] = max(timestamp, self.highest.get(partition, -(1 << 62)))
        if timestamp < watermark:
            counts["late"] += 1
            return ("late", "late", f"{watermark - timestamp} ms behind the watermark")
        try:
            for path, kind in self.stream.evaluate.items():
                model.conform(model.at_path(document, path), kind, path)
        except ValueError as error:
            counts["dead_lettered"] += 1
            return "dead_lettered", "expression", str(error)
        if not model.kept(document, self.stream.where):
            counts["filtered"] += 1
            return None
        self.insert(partition, offset, timestamp, document)
        return None

    def insert(self, partition, offset, timestamp, document):
        """Puts a candidate in its place among its key's; takes back and gives anew what that changes."""
        candidates = self.keys[document["login"]["uuid"]]
        before = winners(candidates, self.stream.delay_ms)
        candidates.append((timestamp, partition, offset, document))
        candidates.sort(key=lambda candidate: candidate[:3])
        after = winners(candidates, self.stream.delay_ms)
        self.counts[partition]["duplicate"] += 1
        for sign, some in ((-1, before), (1, after)):
            for at, owner, _, winner in some:
                self.counts[owner]["written"] += sign
                self.counts[owner]["duplicate"] -= sign
                window = (winner["location"]["country"], at // self.stream.window_ms * self.stream.window_ms)
                self.windows[window] += sign
                self.touched_windows.add(window)
        self.touched_rows[document["login"]["uuid"]] = after[-1][3]


def patiently(call, *arguments):
    """Calls the client library, again for up to 30 s while a young cluster still elects coordinators."""
    for attempt in range(60):
        try:
            return call(*arguments)
        except confluent_kafka.KafkaException as error:
            code = error.args[0].code()
            if attempt == 59 or code not in (
                    confluent_kafka.KafkaError.NOT_COORDINATOR, confluent_kafka.KafkaError.COORDINATOR_NOT_AVAILABLE,
                    confluent_kafka.KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
                    confluent_kafka.KafkaError.CONCURRENT_TRANSACTIONS):
                raise
            time.sleep(0.5)
    raise AssertionError("unreachable")


def winners(candidates, horizon):
    won = []
    for candidate in candidates:
        if not won or candidate[0] - won[-1][0] > horizon:
            won.append(candidate)
    return won


class Engine:
    def __init__(self, config):
        self.config = config
        self.directory = pathlib.Path(config["directory"])
        self.chance = random.Random()
        self.streams = {entry["name"]: State(check.stream_of(entry, config)) for entry in config["streams"]}
        self.group = config["topic"] + ".reference"
        client = {"bootstrap.servers": config["kafka"], "broker.address.family": "v4", "log_level": 2}
        self.consumer = confluent_kafka.Consumer(client | {
            "group.id": self.group, "enable.auto.commit": False, "auto.offset.reset": "error",
            "isolation.level": "read_committed", "enable.partition.eof": True,
            "fetch.wait.max.ms": 20})
        self.producer = confluent_kafka.Producer(client | {"transactional.id": self.group, "transaction.timeout.ms": 30_000})
        host, port = config["cassandra"].rsplit(":", 1)
        self.cluster = Cluster([host], port=int(port), execution_profiles={
            EXEC_PROFILE_DEFAULT: ExecutionProfile(WhiteListRoundRobinPolicy([host]), request_timeout=60)})
        self.session = self.cluster.connect()
        self.armed, passes = (os.environ.get("MILLSTREAM_CRASH_AT") or ":0").split(":")
        self.passes = int(passes)

    def maybe_die(self, step):
        if step == self.armed:
            self.passes -= 1
        if self.chance.random() < self.config.get("kill_chance", 0) or (step == self.armed and self.passes == 0):
            os.kill(os.getpid(), signal.SIGKILL)

    def sabotage(self, kind):
        """True for the first record that a sabotage of this kind is to hit, also after restarts."""
        mark = self.directory / f"sabotaged-{kind}"
        if self.config.get("sabotage") != kind or mark.exists():
            return False
        mark.touch()
        return True

    # --- batches ---

    def logged(self):
        path = self.directory / "batches.jsonl"
        text = path.read_bytes() if path.exists() else b""
        whole = text[:text.rfind(b"\n") + 1]
        if whole != text:                                   # a torn tail
            os.truncate(path, len(whole))
        return [json.loads(line) for line in whole.splitlines()]

    def log(self, batch):
        with open(self.directory / "batches.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(batch) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def next_batch(self, number, positions, ends):
        ranges = {}
        for partition, end in ends.items():
            start = positions.get(partition, 0)
            stop = min(end, start + self.chance.randint(0, self.config.get("batch_records", 800)))
            if stop > start:
                ranges[str(partition)] = [start, stop]
        return {"number": number, "ranges": ranges}

    def fetch(self, ranges):
        """The records of the ranges, by partition and offset."""
        left = {int(partition): stop for partition, (_, stop) in ranges.items()}
        self.consumer.assign([confluent_kafka.TopicPartition(self.config["topic"], int(partition), start)
                              for partition, (start, _) in ranges.items()])
        records, idle = [], 0
        while left and idle < 60:
            for message in self.consumer.consume(1000, 1.0) or [None]:
                if message is None:
                    idle += 1
                    continue
                stop = left.get(message.partition())
                if stop is None:
                    continue
                if message.error():
                    if message.error().code() != confluent_kafka.KafkaError._PARTITION_EOF:
                        raise confluent_kafka.KafkaException(message.error())
                    left.pop(message.partition(), None)
                    continue
                if message.offset() < stop:
                    records.append(message)
                if message.offset() >= stop - 1:
                    left.pop(message.partition())
        if left:
            raise TimeoutError(f"partitions {sorted(left)} gave no records for a minute")
        return sorted(records, key=lambda message: (message.partition(), message.offset()))

    def apply(self, batch):
        """Moves the state; returns what goes to side topics."""
        sides = []
        for message in self.fetch(batch["ranges"]):
            place = (message.partition(), message.offset(), message.timestamp()[1])
            for name, state in self.streams.items():
                verdict = state.take(*place, message.value())
                if verdict is not None:
                    sides.append((name, *verdict, message))
        return sides

    def run_batch(self, batch, sent):
        for state in self.streams.values():
            state.touched_rows, state.touched_windows = {}, set()
        sides = self.apply(batch)
        self.write_tables()
        self.maybe_die("sink-written")
        if sent:
            return
        self.producer.begin_transaction()
        for side in sides:
            self.send_side(*side)
        self.maybe_die("dead-letters-sent")
        offsets = [confluent_kafka.TopicPartition(self.config["topic"], int(partition), stop, f"batch {batch['number']}")
                   for partition, (_, stop) in batch["ranges"].items()]
        patiently(self.producer.send_offsets_to_transaction, offsets, self.consumer.consumer_group_metadata(), 60)
        self.maybe_die("offsets-sent")
        self.producer.commit_transaction(60)
        self.maybe_die("transaction-committed")

    # --- sinks ---

    def send_side(self, name, outcome, reason, why, message):
        if self.sabotage("skip-late" if outcome == "late" else "skip-dead-letter"):
            return
        ours = {"stream": name, "reason": f"{reason}: {why}", "topic": message.topic(),
                "partition": message.partition(), "offset": message.offset(), "timestamp": message.timestamp()[1]}
        headers = [*(message.headers() or []), *((f"millstream.{key}", str(value).encode()) for key, value in ours.items())]
        topic = f"{name}.late" if outcome == "late" else f"{name}.dead-letters"
        for _ in range(2 if outcome == "dead_lettered" and self.sabotage("double-dead-letter") else 1):
            self.producer.produce(topic, value=message.value(), key=message.key(), headers=headers)
        self.producer.poll(0)

    def write_tables(self):
        futures = []
        for state in self.streams.values():
            futures += self.rows(state) if state.stream.kind == "upsert" else self.windows(state)
        for future in futures:
            future.result()

    def rows(self, state):
        columns = ("id", "first_name", "last_name", "gender", "address", "post_code", "email", "username", "dob",
                   "registered_date", "phone", "picture")
        insert = self.session.prepare(
            f"INSERT INTO {state.stream.table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})")
        for document in state.touched_rows.values():
            if self.sabotage("drop-record"):
                continue
            row = model.user_row(document)
            row["id"] = model.uuid.UUID(row["id"])
            if row["phone"].startswith("moved-") and self.sabotage("stale-row"):
                row["phone"] = "0"
            for column in ("dob", "registered_date"):
                row[column] = datetime.datetime.fromtimestamp(model.moment(row[column]) / 1000, datetime.timezone.utc)
            yield self.session.execute_async(insert, [row[column] for column in columns])

    def windows(self, state):
        insert = self.session.prepare(f"INSERT INTO {state.stream.table} (country, minute, users) VALUES (?, ?, ?)")
        delete = self.session.prepare(f"DELETE FROM {state.stream.table} WHERE country = ? AND minute = ?")
        for country, window in state.touched_windows:
            count = state.windows[country, window]
            at = datetime.datetime.fromtimestamp(window / 1000, datetime.timezone.utc)
            if count == 0:
                yield self.session.execute_async(delete, [country, at])
                continue
            if self.sabotage("double-record"):
                state.windows[country, window] = count = count + 1
            yield self.session.execute_async(insert, [country, at, count])

    # --- life ---

    def committed_batch(self):
        """The number of the last batch whose transaction is committed."""
        topic = self.consumer.list_topics(self.config["topic"], 30).topics[self.config["topic"]]
        found = patiently(
            self.consumer.committed, [confluent_kafka.TopicPartition(self.config["topic"], partition) for partition in topic.partitions], 30)
        return max((int(place.metadata.split()[1]) for place in found if place.metadata), default=0), list(topic.partitions)

    def recover(self):
        """Rebuilds the state, runs again what may not be committed; where to go on."""
        self.producer.init_transactions(60)
        done, partitions = self.committed_batch()
        positions, past, again = dict.fromkeys(partitions, 0), {}, []
        for batch in self.logged():
            for partition, (_, stop) in batch["ranges"].items():
                positions[int(partition)] = stop
                if batch["number"] < done:
                    past[partition] = [0, stop]
            if batch["number"] >= done:
                again.append(batch)
        if past:
            self.apply({"ranges": past})
        self.maybe_die("recovery")
        for batch in again:
            self.run_batch(batch, batch["number"] == done)
        return len(self.logged()), positions

    def run(self, live=False):
        """Runs batches to the end of the topic; for ever when live."""
        number, positions = self.recover()
        while True:
            ends = {partition: self.consumer.get_watermark_offsets(
                confluent_kafka.TopicPartition(self.config["topic"], partition), 30)[1] for partition in positions}
            batch = self.next_batch(number + 1, positions, ends)
            if not batch["ranges"]:
                self.write_status()
                if not live and positions == ends:
                    break
                time.sleep(0.05 if live else 0)
                continue
            number += 1
            self.log(batch)
            self.maybe_die("batch-logged")
            self.run_batch(batch, False)
            positions |= {int(partition): stop for partition, (_, stop) in batch["ranges"].items()}
        self.cluster.shutdown()

    def write_status(self):
        status = {"streams": [{"name": name, "partitions": [
            {"partition": partition, "read": counts["read"], **{outcome: counts[outcome] for outcome in model.OUTCOMES}}
            for partition, counts in sorted(state.counts.items())]}
                              for name, state in self.streams.items()]}
        if self.config.get("sabotage") == "wrong-status":
            status["streams"][0]["partitions"][0]["written"] += 1
        path = self.directory / "status.json"
        path.with_suffix(".new").write_text(json.dumps(status))
        path.with_suffix(".new").replace(path)


def run(config_path, limit=500):
    """Starts the engine until it ends by itself; how often it was killed."""
    for kills in range(limit):
        code = subprocess.run([sys.executable, __file__, str(config_path)], check=False, timeout=600).returncode
        if code == 0:
            return kills
        if code != KILLED:
            raise RuntimeError(f"the reference engine ended with {code}")
    raise RuntimeError(f"the reference engine was killed {limit} times and did not finish")


if __name__ == "__main__":
    Engine(json.loads(pathlib.Path(sys.argv[1]).read_text())).run()
