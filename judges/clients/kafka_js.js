// KafkaJS: produce, group consume, transactions, admin.
"use strict";

const { Kafka, logLevel, CompressionTypes } = require("kafkajs");
const { Judge, equal } = require("./checks.js");

process.env.KAFKAJS_NO_PARTITIONER_WARNING = "1";
const judge = new Judge();
const kafka = new Kafka({ clientId: "judge", brokers: [judge.kafka], logLevel: logLevel.NOTHING });
const topic = judge.unique("js");
const group = judge.unique("js_group");

// Reads `count` values as a group member, with the offsets committed at the end.
async function read(groupId, count) {
  const consumer = kafka.consumer({ groupId, readUncommitted: false });
  const values = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`read ${values.length} of ${count}`)), 30000);
      consumer.on(consumer.events.CRASH, (event) => reject(event.payload.error));
      consumer.run({
        eachMessage: async ({ message }) => {
          values.push(message.value.toString());
          if (values.length === count) { clearTimeout(timer); resolve(); }
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return values;
}

async function main() {
  const admin = kafka.admin();
  await judge.check("connects and creates a topic", async () => {
    await admin.connect();
    equal(await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] }), true);
    equal((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 1);
  });
  await judge.check("produces, idempotently and compressed too", async () => {
    for (const [idempotent, compression] of [[false, CompressionTypes.None], [true, CompressionTypes.GZIP]]) {
      const producer = kafka.producer({ idempotent, maxInFlightRequests: 1 });
      await producer.connect();
      const messages = Array.from({ length: 50 }, (_, i) => ({ key: `${i}`, value: `${idempotent} ${i}` }));
      await producer.send({ topic, acks: -1, compression, messages });
      await producer.disconnect();
    }
    equal((await admin.fetchTopicOffsets(topic))[0].high, "100");
  });
  await judge.check("aborts and commits transactions", async () => {
    const producer = kafka.producer({ transactionalId: judge.unique("js_txn"), idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (const end of ["abort", "commit"]) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value: end }] });
      await transaction[end]();
    }
    await producer.disconnect();
  });
  await judge.check("consumes as a group what was committed, in order", async () => {
    const values = await read(group, 101);
    const wanted = [false, true].flatMap((kind) => Array.from({ length: 50 }, (_, i) => `${kind} ${i}`));
    equal(values, [...wanted, "commit"]);
  });
  await judge.check("describes the group, resets its offsets", async () => {
    const described = await admin.describeGroups([group]);
    equal(described.groups[0].state, "Empty");
    await admin.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: "98" }] });
    equal((await admin.fetchOffsets({ groupId: group, topics: [topic] }))[0].partitions[0].offset, "98");
    equal(await read(group, 3), ["true 48", "true 49", "commit"]);
  });
  await judge.check("deletes the group and the topic", async () => {
    await admin.deleteGroups([group]);
    await admin.deleteTopics({ topics: [topic] });
    equal((await admin.listTopics()).includes(topic), false);
    await admin.disconnect();
  });
  judge.finish();
}

main();
