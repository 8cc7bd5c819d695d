"""confluent-kafka (librdkafka): producer guarantees, transactions, group rebalance, admin."""

import contextlib
import threading
import time

from confluent_kafka import (OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError,
                             KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
                                   NewTopic, OffsetSpec, ResourceType)

from judge import Judge, equal, holds, until

judge = Judge()
BASE = {"bootstrap.servers": judge.kafka, "broker.address.family": "v4"}
admin = AdminClient(BASE)
made = []


def new_topic(stem, partitions=1, config=None):
    name = judge.unique(stem)
    admin.create_topics([NewTopic(name, partitions, 1, config=config or {})])[name].result(30)
    made.append(name)
    return name


def produce(topic, values, settings=None, partition=None):
    """Produces and returns the (partition, offset) of every acknowledged record, in order of acknowledgement."""
    acknowledged, failed = [], []

    def delivered(error, message):
        (failed if error else acknowledged).append(error or (message.partition(), message.offset()))
    producer = Producer({**BASE, **(settings or {})})
    where = {} if partition is None else {"partition": partition}
    for value in values:
        producer.produce(topic, value, key=value, on_delivery=delivered, **where)
        producer.poll(0)
    equal(producer.flush(60), 0, "records not acknowledged")
    equal(failed, [], "delivery failures")
    return acknowledged


def new_consumer(group, **settings):
    return Consumer({**BASE, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                     "session.timeout.ms": 10000, **{name.replace("_", "."): value for name, value in settings.items()}})


def read(topic, count, **settings):
    """Reads `count` values of partition 0 from its start, then makes sure that no more come."""
    with contextlib.closing(new_consumer(judge.unique("reader"), **settings)) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        values, deadline = [], time.monotonic() + 30
        while len(values) < count and time.monotonic() < deadline:
            values += values_of(consumer.consume(count - len(values), 1))
        return values + values_of(consumer.consume(1, 1))


def values_of(messages):
    for message in messages:
        if message.error():
            raise KafkaException(message.error())
    return [message.value().decode() for message in messages]


# ---------------------------------------------------------------- producer

with judge.check("creates topics with settings, and finds them in the metadata"):
    topic = new_topic("conf_admin", 3, {"retention.ms": "3600000", "cleanup.policy": "compact,delete"})
    until(lambda: topic in admin.list_topics(timeout=10).topics, why="the topic is not listed")
    equal(len(admin.list_topics(topic, timeout=10).topics[topic].partitions), 3, "partitions")

with judge.check("produces with acks=all and gets every offset"):
    topic = new_topic("conf_acks")
    equal(produce(topic, [f"{i}" for i in range(1000)], {"acks": "all"}), [(0, i) for i in range(1000)])
    equal(read(topic, 1000), [f"{i}" for i in range(1000)])

with judge.check("produces idempotently, in order, with several requests in flight"):
    topic = new_topic("conf_idempotent")
    settings = {"enable.idempotence": True, "batch.num.messages": 10, "linger.ms": 1, "compression.type": "lz4"}
    equal(produce(topic, [f"{i}" for i in range(2000)], settings), [(0, i) for i in range(2000)])
    equal(read(topic, 2000), [f"{i}" for i in range(2000)])

with judge.check("produces with acks=0 and acks=1"):
    topic = new_topic("conf_weak")
    produce(topic, ["zero"], {"acks": 0})
    equal(read(topic, 1), ["zero"])
    equal(produce(topic, ["one"], {"acks": 1}), [(0, 1)])

with judge.check("keeps timestamps and headers"):
    topic = new_topic("conf_headers")
    producer = Producer(BASE)
    producer.produce(topic, b"v", timestamp=1700000000123, headers=[("a", b"1"), ("a", None), ("b", b"")])
    producer.flush(30)
    with contextlib.closing(new_consumer(judge.unique("headers"))) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        message = consumer.poll(20)
        equal(message.timestamp(), (1, 1700000000123))
        equal(message.headers(), [("a", b"1"), ("a", None), ("b", b"")])
        equal(message.key(), None)

with judge.check("refuses a record that is larger than the topic allows"):
    topic = new_topic("conf_large", config={"max.message.bytes": "2000"})
    errors = []
    producer = Producer(BASE)
    producer.produce(topic, b"x" * 5000, on_delivery=lambda error, _: errors.append(error))
    producer.flush(30)
    equal([error and error.code() for error in errors], [KafkaError.MSG_SIZE_TOO_LARGE])


# ---------------------------------------------------------------- transactions

with judge.check("commits and aborts transactions; read_committed sees only the committed"):
    topic = new_topic("conf_txn")
    producer = Producer({**BASE, "transactional.id": judge.unique("txn")})
    producer.init_transactions(30)
    for number, end in enumerate(["commit", "abort", "commit", "abort", "commit"]):
        producer.begin_transaction()
        for i in range(10):
            producer.produce(topic, f"{end} {number} {i}")
        producer.flush(30)
        (producer.commit_transaction if end == "commit" else producer.abort_transaction)(30)
    committed = [f"commit {number} {i}" for number in (0, 2, 4) for i in range(10)]
    equal(read(topic, 30, isolation_level="read_committed"), committed)
    equal(len(read(topic, 50, isolation_level="read_uncommitted")), 50, "uncommitted")

with judge.check("holds read_committed readers at an open transaction"):
    producer.begin_transaction()
    producer.produce(topic, "open")
    producer.flush(30)
    produce(topic, ["after"])
    equal(len(read(topic, 30, isolation_level="read_committed")), 30, "while open")
    futures = {isolation: admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}, isolation_level=isolation)
               for isolation in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)}
    stable, high = (list(future.values())[0].result(30).offset for future in futures.values())
    equal((stable, high), (55, 57), "last stable offset and high watermark")
    producer.commit_transaction(30)
    equal(read(topic, 32, isolation_level="read_committed")[30:], ["open", "after"])

with judge.check("fences the older of two producers with one transactional id"):
    identity = judge.unique("fence")
    older, newer = (Producer({**BASE, "transactional.id": identity}) for _ in range(2))
    older.init_transactions(30)
    older.begin_transaction()
    older.produce(topic, "from the fenced one")
    older.flush(30)
    newer.init_transactions(30)
    try:
        older.commit_transaction(30)
        raise AssertionError("the older producer committed")
    except KafkaException as error:
        holds(error.args[0].fatal(), f"not fatal: {error}")
        equal(error.args[0].code(), KafkaError._FENCED, "code")
    holds("from the fenced one" not in read(topic, 32, isolation_level="read_committed"), "its record is visible")

with judge.check("consumes, transforms and commits offsets in one transaction"):
    source, target, group = new_topic("conf_in"), new_topic("conf_out"), judge.unique("eos")
    produce(source, [f"{i}" for i in range(20)])
    worker = Producer({**BASE, "transactional.id": judge.unique("eos")})
    worker.init_transactions(30)
    with contextlib.closing(new_consumer(group, isolation_level="read_committed")) as consumer:
        consumer.subscribe([source])
        for commits in (False, True):
            taken = until(lambda: consumer.consume(20, 5), why="nothing to consume")
            worker.begin_transaction()
            for message in taken:
                worker.produce(target, b"out " + message.value())
            worker.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                               consumer.consumer_group_metadata(), 30)
            if commits:
                worker.commit_transaction(30)
            else:
                worker.abort_transaction(30)
                equal(consumer.committed([TopicPartition(source, 0)], 10)[0].offset, -1001, "offset after the abort")
                consumer.seek(TopicPartition(source, 0, 0))
        equal(consumer.committed([TopicPartition(source, 0)], 10)[0].offset, 20, "offset after the commit")
    equal(read(target, 20, isolation_level="read_committed"), [f"out {i}" for i in range(20)])


# ---------------------------------------------------------------- groups

class Member(threading.Thread):
    """A consumer of the group in a thread of its own, until told to leave."""

    def __init__(self, group, topic, seen, **settings):
        super().__init__(daemon=True)
        self.assigned, self.seen, self.leave, self.errors = [], seen, threading.Event(), []
        self.consumer, self.topic = new_consumer(group, **settings), topic
        self.start()

    def run(self):
        try:
            self.consumer.subscribe([self.topic])
            while not self.leave.is_set():
                message = self.consumer.poll(0.2)
                self.assigned = sorted(part.partition for part in self.consumer.assignment())
                if message is None:
                    continue
                if message.error():
                    self.errors.append(str(message.error()))
                    continue
                self.seen.append((message.partition(), message.offset()))
                self.consumer.commit(message, asynchronous=True)
        finally:
            self.consumer.close()

    def stop(self):
        self.leave.set()
        self.join(20)


def balanced(members, partitions):
    held = [member.assigned for member in members]
    return all(held) and sorted(sum(held, [])) == list(range(partitions))


def rebalance(protocol, **settings):
    topic, group, seen = new_topic(f"conf_group_{protocol}", 6), judge.unique(f"group_{protocol}"), []
    members = []
    try:
        for number in range(3):
            members.append(Member(group, topic, seen, **settings))
            until(lambda: balanced(members, 6), why=lambda: f"unbalanced: {[member.assigned for member in members]}")
        equal([len(member.assigned) for member in members], [2, 2, 2], "partitions of each of three members")
        for partition in range(6):
            produce(topic, [f"{i}" for i in range(50)], partition=partition)
        until(lambda: len(set(seen)) == 300, why=lambda: f"{len(set(seen))} of 300 records seen")
        described = admin.describe_consumer_groups([group])[group].result(20)
        equal((described.state.name, len(described.members)), ("STABLE", 3), "state and members")
        members.pop().stop()
        until(lambda: balanced(members, 6), why=lambda: f"unbalanced: {[member.assigned for member in members]}")
    finally:
        for member in members:
            member.stop()
    equal(sum((member.errors for member in members), []), [], "errors")
    equal(len(seen), 300, "records seen, with repeats")
    with contextlib.closing(new_consumer(group)) as consumer:
        committed = consumer.committed([TopicPartition(topic, partition) for partition in range(6)], 10)
    equal([part.offset for part in committed], [50] * 6, "committed")
    return group, topic


with judge.check("shares a topic among three members, rebalances and commits"):
    group, topic = rebalance("range")

with judge.check("rebalances cooperatively"):
    rebalance("sticky", partition_assignment_strategy="cooperative-sticky")

with judge.check("rebalances by the consumer protocol of Kafka 4 (KIP-848)"):
    consumer = Consumer({**BASE, "group.id": judge.unique("new"), "group.protocol": "consumer",
                         "auto.offset.reset": "earliest"})
    part = new_topic("conf_848", 2)
    produce(part, ["a", "b", "c"])
    consumer.subscribe([part])
    got = []
    until(lambda: got.extend(values_of(consumer.consume(10, 1))) or len(got) == 3, why=lambda: f"read {got}")
    equal(sorted(got), ["a", "b", "c"])
    consumer.close()

with judge.check("lists groups, reads, alters and deletes their offsets"):
    listed = admin.list_consumer_groups().result(20)
    holds(group in [entry.group_id for entry in listed.valid], "the group is not listed")
    offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(20)
    equal({part.partition: part.offset for part in offsets.topic_partitions}, {number: 50 for number in range(6)})
    change = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 7)])
    admin.alter_consumer_group_offsets([change])[group].result(20)
    offsets = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])])
    equal([part.offset for part in offsets[group].result(20).topic_partitions], [7])
    admin.delete_consumer_groups([group])[group].result(20)
    listed = admin.list_consumer_groups().result(20)
    holds(group not in [entry.group_id for entry in listed.valid], "the group is still listed")

with judge.check("pauses, resumes, seeks, and finds offsets by time"):
    topic = new_topic("conf_seek")
    producer = Producer(BASE)
    for number in range(10):
        producer.produce(topic, f"{number}", timestamp=1700000000000 + number * 1000)
    producer.flush(30)
    with contextlib.closing(new_consumer(judge.unique("seek"))) as consumer:
        part = TopicPartition(topic, 0)
        consumer.assign([TopicPartition(topic, 0, 0)])
        equal(values_of(consumer.consume(1, 20)), ["0"])
        consumer.pause([part])
        equal(values_of(consumer.consume(1, 1)), [])
        consumer.resume([part])
        consumer.seek(TopicPartition(topic, 0, 8))
        equal(values_of(consumer.consume(2, 20)), ["8", "9"])
        found = consumer.offsets_for_times([TopicPartition(topic, 0, 1700000004500)], 20)
        equal(found[0].offset, 5)
        equal(consumer.get_watermark_offsets(part, 20), (0, 10))


# ---------------------------------------------------------------- admin

with judge.check("describes the cluster"):
    cluster = admin.describe_cluster(request_timeout=20).result(20)
    holds(cluster.cluster_id, "no cluster id")
    holds(cluster.controller.id in [node.id for node in cluster.nodes], "the controller is not a node")

with judge.check("describes and alters topic settings"):
    topic = new_topic("conf_config", 1, {"retention.ms": "3600000"})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    described = admin.describe_configs([resource])[resource].result(20)
    equal((described["retention.ms"].value, described["retention.ms"].is_default), ("3600000", False))
    equal((described["cleanup.policy"].value, described["cleanup.policy"].is_default), ("delete", True))
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
        ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
        ConfigEntry("segment.bytes", "2000000", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([change])[change].result(20)
    def settled():
        now = admin.describe_configs([resource])[resource].result(20)
        return (now["retention.ms"].value, now["segment.bytes"].value) == ("604800000", "2000000")
    until(settled, why="the new settings are not shown")

with judge.check("describes broker settings"):
    broker = str(admin.describe_cluster(request_timeout=20).result(20).nodes[0].id)
    resource = ConfigResource(ResourceType.BROKER, broker)
    described = admin.describe_configs([resource])[resource].result(20)
    for name in ("log.retention.ms", "num.partitions", "auto.create.topics.enable", "message.max.bytes"):
        holds(name in described, f"no setting {name}")

with judge.check("refuses bad topics with the right errors"):
    for topic, wanted in ((NewTopic(made[0], 1, 1), KafkaError.TOPIC_ALREADY_EXISTS),
                          (NewTopic("bad/name", 1, 1), KafkaError.TOPIC_EXCEPTION),
                          (NewTopic(judge.unique("zero"), 0, 1), KafkaError.INVALID_PARTITIONS),
                          (NewTopic(judge.unique("copies"), 1, 99), KafkaError.INVALID_REPLICATION_FACTOR),
                          (NewTopic(judge.unique("conf"), 1, 1, config={"no.such.thing": "1"}), KafkaError.INVALID_CONFIG)):
        try:
            admin.create_topics([topic])[topic.topic].result(20)
            raise AssertionError(f"{topic.topic} was created")
        except KafkaException as error:
            equal(error.args[0].code(), wanted, topic.topic)

with judge.check("adds partitions"):
    topic = new_topic("conf_more")
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(20)
    until(lambda: len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 4, why="not four partitions")

with judge.check("lists offsets and deletes records"):
    topic = new_topic("conf_delete")
    produce(topic, [f"{i}" for i in range(10)])
    part = TopicPartition(topic, 0)
    def offset(spec):
        return admin.list_offsets({part: spec})[part].result(20).offset
    equal((offset(OffsetSpec.earliest()), offset(OffsetSpec.latest())), (0, 10))
    deleted = admin.delete_records([TopicPartition(topic, 0, 4)])
    equal(list(deleted.values())[0].result(20).low_watermark, 4)
    equal((offset(OffsetSpec.earliest()), offset(OffsetSpec.latest())), (4, 10))
    equal(read(topic, 6), [f"{i}" for i in range(4, 10)])
    with contextlib.closing(new_consumer(judge.unique("marks"))) as consumer:
        equal(consumer.get_watermark_offsets(part, 20), (4, 10))

with judge.check("describes topics with their ids"):
    from confluent_kafka import TopicCollection
    described = admin.describe_topics(TopicCollection([topic]))[topic].result(20)
    equal((described.name, len(described.partitions), described.is_internal), (topic, 1, False))
    holds(str(described.topic_id) not in ("", "AAAAAAAAAAAAAAAAAAAAAA"), f"topic id {described.topic_id}")

with judge.check("deletes topics"):
    for name, future in admin.delete_topics(made).items():
        future.result(30)
    until(lambda: not set(made) & set(admin.list_topics(timeout=10).topics), why="deleted topics are still listed")
    try:
        admin.delete_topics([made[0]])[made[0]].result(20)
        raise AssertionError("deleted twice")
    except KafkaException as error:
        equal(error.args[0].code(), KafkaError.UNKNOWN_TOPIC_OR_PART)

judge.finish()
