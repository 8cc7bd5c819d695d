"""aiokafka: produce, group consume, transactions."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from judge import Judge, equal

judge = Judge()
TOPIC, GROUP = judge.unique("aio"), judge.unique("aio_group")


async def produce(settings, values, end=None):
    producer = AIOKafkaProducer(bootstrap_servers=judge.kafka, **settings)
    await producer.start()
    try:
        if end:
            await producer.begin_transaction()
        done = [await producer.send_and_wait(TOPIC, value) for value in values]
        if end == "commit":
            await producer.commit_transaction()
        elif end == "abort":
            await producer.abort_transaction()
        return [record.offset for record in done]
    finally:
        await producer.stop()


async def read(count, **settings):
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=judge.kafka, auto_offset_reset="earliest",
                                enable_auto_commit=False, **settings)
    await consumer.start()
    try:
        records = [await asyncio.wait_for(consumer.getone(), 20) for _ in range(count)]
        if "group_id" in settings:
            await consumer.commit()
            equal(await consumer.committed(TopicPartition(TOPIC, 0)), records[-1].offset + 1)
        return [record.value for record in records]
    finally:
        await consumer.stop()


async def with_admin(work):
    admin = AIOKafkaAdminClient(bootstrap_servers=judge.kafka)
    await admin.start()
    try:
        return await work(admin)
    finally:
        await admin.close()


with judge.check("creates a topic"):
    asyncio.run(with_admin(lambda admin: admin.create_topics([NewTopic(TOPIC, 1, 1)])))

with judge.check("produces with acks=all and idempotently"):
    equal(asyncio.run(produce({"acks": "all"}, [b"0", b"1"])), [0, 1])
    equal(asyncio.run(produce({"enable_idempotence": True}, [b"2", b"3"])), [2, 3])

with judge.check("consumes as a group, commits, and starts again there"):
    equal(asyncio.run(read(3, group_id=GROUP)), [b"0", b"1", b"2"])
    equal(asyncio.run(read(1, group_id=GROUP)), [b"3"])

with judge.check("aborts and commits transactions"):
    settings = {"transactional_id": judge.unique("aio_txn")}
    asyncio.run(produce(settings, [b"aborted"], "abort"))
    asyncio.run(produce(settings, [b"committed"], "commit"))
    equal(asyncio.run(read(5, isolation_level="read_committed")), [b"0", b"1", b"2", b"3", b"committed"])

with judge.check("deletes the topic"):
    asyncio.run(with_admin(lambda admin: admin.delete_topics([TOPIC])))

judge.finish()
