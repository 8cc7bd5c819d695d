"""The judges' own producer: fills a topic with the generator's records and some worse ones, keyed by
uuid with Kafka's murmur2 partitioner, records without a key to the partitions in turn, and writes down
what was acknowledged, so that the content of every partition is given and is the same for the same seed.

Beyond the generator's records it sends, by seed: records out of order (shuffled within a reach),
returning users (an earlier uuid with another phone number, an hour of records later), bytes that are
no UTF-8, empty and null values, and headers.
"""

import argparse
import base64
import dataclasses
import json
import pathlib
import random
import sys
import time

import confluent_kafka
from confluent_kafka import admin

import generator

RAW_BROKEN = (b"\xff\xfe{not utf-8}", b"", None, b'{"login":{"uuid":"', b"null", b"NaN", b"12")


@dataclasses.dataclass
class Load:
    """What to send. Percentages are of all records."""
    records: int = 10_000
    partitions: int = 3
    rate_per_second: float = 50.0
    late_percent: float = 2.0
    duplicate_percent: float = 3.0
    corrupt_percent: float = 2.0
    returning_percent: float = 1.0
    raw_broken_percent: float = 0.3
    shuffle_reach: int = 20
    seed: int = 1
    start_ms: int = generator.Knobs.start_ms


def knobs_of(load):
    return generator.Knobs(seed=load.seed, start_ms=load.start_ms, rate_per_second=load.rate_per_second, late_percent=load.late_percent,
                           duplicate_percent=load.duplicate_percent, corrupt_percent=load.corrupt_percent)


def messages(load):
    """(key, value, timestamp, headers) in the order of sending."""
    made, chance = generator.Generator(knobs_of(load)), random.Random(load.seed)
    order = sorted(range(load.records), key=lambda position: position + chance.uniform(0, load.shuffle_reach))
    for position in order:
        record, headers = made.record(position), []
        key, value, at = record.uuid, record.payload.encode(), record.event_time_ms
        if chance.random() * 100 < load.raw_broken_percent:
            key, value = None, chance.choice(RAW_BROKEN)
        elif chance.random() * 100 < load.returning_percent and position > 100:
            earlier = made.record(chance.randrange(position - 100))
            if earlier.kind == "original":
                user = json.loads(earlier.payload)
                user["phone"] = f"moved-{position}"
                key, value, at = earlier.uuid, generator.text_of(user).encode(), made.base_time(position)
        if position % 7 == 0:
            headers = [("trace", f"t-{position}".encode())]
        yield (None if key is None else key.encode()), value, at, headers


def create_topics(bootstrap, topics, replication=-1):
    """Creates topics (name -> partitions) that are not there yet, and waits until each has leaders.

    Retention is off: it goes by the records' own timestamps, and these are months old.
    """
    client = admin.AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    futures = client.create_topics(
        [admin.NewTopic(name, num_partitions=count, replication_factor=replication,
                        config={"retention.ms": "-1"}) for name, count in topics.items()],
        operation_timeout=30)
    for future in futures.values():
        try:
            future.result(60)
        except confluent_kafka.KafkaException as error:
            if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        known = {name: client.list_topics(name, timeout=10).topics[name].partitions for name in topics}
        if all(len(known[name]) == count and all(part.leader >= 0 for part in known[name].values())
               for name, count in topics.items()):
            return
        time.sleep(0.1)
    raise TimeoutError(f"topics {sorted(topics)} have no leaders after 60 s")


class Producer:
    """Sends messages and keeps what was acknowledged, with partition and offset."""

    def __init__(self, bootstrap, topic, acknowledged, patience_ms=600_000):
        self.topic, self.failed, self.count = topic, [], 0
        self.keyless = 0
        self.acknowledged = open(acknowledged, "w", encoding="utf-8")
        self.client = confluent_kafka.Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random",
            "linger.ms": 5, "message.timeout.ms": patience_ms, "broker.address.family": "v4",
            "reconnect.backoff.max.ms": 500, "log_level": 2})
        self.partitions = len(self.client.list_topics(topic, timeout=60).topics[topic].partitions)

    def send(self, message):
        key, value, at, headers = message
        place = {}
        if key is None:
            place = {"partition": self.keyless % self.partitions}
            self.keyless += 1
        while True:
            try:
                self.client.produce(self.topic, value=value, key=key, timestamp=at, headers=headers, **place,
                                    on_delivery=lambda error, sent: self.delivered(error, sent, at))
                break
            except BufferError:
                self.client.poll(0.1)
        self.client.poll(0)

    def delivered(self, error, sent, at):
        if error is not None:
            self.failed.append(str(error))
            return
        self.count += 1
        self.acknowledged.write(json.dumps({
            "partition": sent.partition(), "offset": sent.offset(), "timestamp": at,
            "key": encoded(sent.key()), "value": encoded(sent.value())}) + "\n")

    def finish(self, seconds=600):
        left = self.client.flush(seconds)
        self.acknowledged.close()
        if left or self.failed:
            raise RuntimeError(f"{left} records unsent, {len(self.failed)} refused: {self.failed[:3]}")


def encoded(value):
    return None if value is None else base64.b64encode(value).decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("acknowledged", type=pathlib.Path, help="file to write")
    parser.add_argument("--create", action="store_true", help="create the topic first")
    parser.add_argument("--per-second", type=float, default=0, help="pace of sending; 0 is as fast as it goes")
    for field in dataclasses.fields(Load):
        parser.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default)
    arguments = vars(parser.parse_args())
    bootstrap, topic, path, create, pace = (arguments.pop(name) for name in
                                            ("bootstrap", "topic", "acknowledged", "create", "per_second"))
    load = Load(**arguments)
    if create:
        create_topics(bootstrap, {topic: load.partitions})
    producer, begun = Producer(bootstrap, topic, path), time.monotonic()
    for number, message in enumerate(messages(load)):
        producer.send(message)
        if pace:
            time.sleep(max(0.0, begun + number / pace - time.monotonic()))
    producer.finish()
    print(f"{producer.count} records acknowledged in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
