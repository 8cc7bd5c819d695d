"""kafka-python, old (2.0.2) and new (3.x): produce, group consume, admin, seek by time."""

import contextlib
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import CommitFailedError, TopicAlreadyExistsError, UnknownTopicOrPartitionError
from kafka.structs import OffsetAndMetadata
from kafka.version import __version__

from judge import Judge, equal, holds, refused, until

judge = Judge()
OLD = __version__.startswith("2.0.")
made = []
producer = admin = None


def new_topic(stem, partitions=1, **settings):
    name = judge.unique(stem)
    admin.create_topics([NewTopic(name, partitions, 1, **settings)])
    made.append(name)
    return name


def new_consumer(*topics, **settings):
    return contextlib.closing(KafkaConsumer(*topics, **{"bootstrap_servers": judge.kafka,
                                                        "auto_offset_reset": "earliest", **settings}))


def offset(number):
    """kafka-python asks for the leader epoch since 2.1."""
    return OffsetAndMetadata(number, "") if OLD else OffsetAndMetadata(number, "", -1)


def read(consumer, count, seconds=30):
    records, deadline = [], time.monotonic() + seconds
    while len(records) < count and time.monotonic() < deadline:
        for batch in consumer.poll(500).values():
            records += batch
    return records


with judge.check("finds out the version of the broker and connects"):
    producer = KafkaProducer(bootstrap_servers=judge.kafka)
    admin = KafkaAdminClient(bootstrap_servers=judge.kafka)
    holds(admin.list_topics() is not None, "no topic list")
    if OLD:  # the version it guesses from the broker's answers
        holds(producer.config["api_version"] >= (2, 5), f"took the broker for {producer.config['api_version']}")

with judge.check("produces as the tutorial does: no key, JSON, topic made by the first record"):
    topic = judge.unique("kp_tutorial")
    made.append(topic)
    tutorial = KafkaProducer(bootstrap_servers=[judge.kafka], max_block_ms=5000)
    tutorial.send(topic, b'{"id": 1}')
    tutorial.flush(20)
    tutorial.close(10)
    with new_consumer(topic) as consumer:
        equal([(record.offset, record.key, record.value) for record in read(consumer, 1)], [(0, None, b'{"id": 1}')])

with judge.check("produces with acks=all and reads records back in order"):
    topic = new_topic("kp_plain")
    sender = KafkaProducer(bootstrap_servers=judge.kafka, acks="all", linger_ms=5)
    futures = [sender.send(topic, key=b"k", value=f"{i}".encode(), headers=[("h", b"1")],
                           timestamp_ms=1700000000000 + i * 1000) for i in range(500)]
    sender.flush(30)
    equal([future.get(10).offset for future in futures], list(range(500)))
    with new_consumer(topic) as consumer:
        records = read(consumer, 500)
    equal([(record.offset, record.value) for record in records], [(i, f"{i}".encode()) for i in range(500)])
    equal((records[7].key, list(records[7].headers), records[7].timestamp), (b"k", [("h", b"1")], 1700000007000))

with judge.check("produces with gzip"):
    squeezed = new_topic("kp_gzip")
    sender = KafkaProducer(bootstrap_servers=judge.kafka, compression_type="gzip")
    for i in range(200):
        sender.send(squeezed, b"%d" % i)
    sender.flush(30)
    with new_consumer(squeezed) as consumer:
        equal([record.value for record in read(consumer, 200)], [b"%d" % i for i in range(200)])

with judge.check("seeks by offset and by time"):
    part = TopicPartition(topic, 0)
    with new_consumer(group_id=None) as consumer:
        consumer.assign([part])
        consumer.seek(part, 490)
        equal([record.offset for record in read(consumer, 10)][:10], list(range(490, 500)))
        found = consumer.offsets_for_times({part: 1700000100500})
        equal((found[part].offset, found[part].timestamp), (101, 1700000101000))
        equal(consumer.offsets_for_times({part: 1900000000000})[part], None, "after the last record")
        equal((consumer.beginning_offsets([part])[part], consumer.end_offsets([part])[part]), (0, 500))
        consumer.seek_to_end(part)
        equal(consumer.position(part), 500)
        consumer.seek_to_beginning(part)
        equal(consumer.position(part), 0)

with judge.check("lists topics and partitions"):
    with new_consumer() as consumer:
        holds(topic in consumer.topics(), "the topic is not listed")
        equal(consumer.partitions_for_topic(topic), {0})

with judge.check("shares a topic among two members of a group and commits", 120):
    shared, group = new_topic("kp_group", 4), judge.unique("kp_group")
    seen, assigned, errors, leave = [], {}, [], threading.Event()

    def member(number):
        with new_consumer(shared, group_id=group, enable_auto_commit=False, session_timeout_ms=10000) as consumer:
            while not leave.is_set():
                try:
                    for batch in consumer.poll(200).values():
                        seen.extend((record.partition, record.offset) for record in batch)
                        consumer.commit()
                except CommitFailedError:  # the other member joined meanwhile: it reads these records again
                    pass
                except Exception as error:  # shown below; a dead thread would say nothing
                    errors.append(repr(error))
                    return
                assigned[number] = sorted(part.partition for part in consumer.assignment())

    threads = [threading.Thread(target=member, args=(number,), daemon=True) for number in range(2)]
    try:
        for thread in threads:
            thread.start()
        until(lambda: [len(assigned.get(number, [])) for number in range(2)] == [2, 2], 60,
              why=lambda: f"assigned {assigned}, errors {errors}")
        for i in range(100):
            producer.send(shared, b"%d" % i, partition=i % 4)
        producer.flush(30)
        until(lambda: len(set(seen)) == 100, why=lambda: f"{len(set(seen))} of 100 records, errors {errors}")
    finally:
        leave.set()
        for thread in threads:
            thread.join(20)
    equal({part.partition: entry.offset for part, entry in admin.list_consumer_group_offsets(group).items()}
          if OLD else {part.partition: entry.offset for part, entry in next(iter(
              admin.list_group_offsets([group]).values())).items()}, {number: 25 for number in range(4)})

with judge.check("starts again where the group committed"):
    for partition in range(4):
        producer.send(shared, b"new", partition=partition)
    producer.flush(30)
    with new_consumer(shared, group_id=group) as consumer:
        equal(sorted((record.partition, record.offset) for record in read(consumer, 4)), [(i, 25) for i in range(4)])
        consumer.commit({TopicPartition(shared, 1): offset(3)})
        equal(consumer.committed(TopicPartition(shared, 1)), 3)

with judge.check("lists and describes groups"):
    listed = admin.list_consumer_groups() if OLD else admin.list_groups()
    holds(any(group in (entry if isinstance(entry, tuple) else entry.values()) for entry in listed), f"{group} not listed")
    described = admin.describe_consumer_groups([group]) if OLD else admin.describe_groups([group])
    holds("Empty" in str(described), f"state: {described}")

with judge.check("refuses a topic that exists"):
    with refused(TopicAlreadyExistsError):
        admin.create_topics([NewTopic(topic, 1, 1)])

with judge.check("describes settings and adds partitions"):
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    described = admin.describe_configs([resource]) if OLD else admin.describe_configs([resource], config_filter="all")
    holds("retention.ms" in str(described), "no retention.ms")
    admin.create_partitions({squeezed: NewPartitions(3)} if OLD else {squeezed: 3})
    def partitions():
        with new_consumer() as consumer:
            return consumer.partitions_for_topic(squeezed) == {0, 1, 2}
    until(partitions, why="not three partitions")

with judge.check("describes the cluster"):
    cluster = admin.describe_cluster()
    holds(cluster["brokers"] and cluster["cluster_id"], f"{cluster}")

if not OLD:
    with judge.check("produces idempotently and in transactions"):
        topic = new_topic("kp_txn")
        sender = KafkaProducer(bootstrap_servers=judge.kafka, transactional_id=judge.unique("kp_txn"))
        sender.init_transactions()
        for end in ("abort", "commit"):
            sender.begin_transaction()
            sender.send(topic, end.encode())
            sender.flush(30)
            (sender.commit_transaction if end == "commit" else sender.abort_transaction)()
        with new_consumer(topic, isolation_level="read_committed") as consumer:
            equal([record.value for record in read(consumer, 1)], [b"commit"])

with judge.check("deletes topics"):
    admin.delete_topics(made)
    def gone():
        with new_consumer() as consumer:
            return not set(made) & consumer.topics()
    until(gone, why="deleted topics are still listed")
    with refused(UnknownTopicOrPartitionError):
        admin.delete_topics([made[0]])

judge.finish()
