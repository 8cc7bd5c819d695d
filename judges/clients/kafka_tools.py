"""The command-line tools of Apache Kafka (kafka-topics, kafka-console-consumer ...), out of their jars."""

import json
import os
import re

from judge import Judge, command, equal, holds

judge = Judge()
TOOLS = "org.apache.kafka.tools."
CLASSES = {
    "kafka-broker-api-versions": TOOLS + "BrokerApiVersionsCommand",
    "kafka-cluster": TOOLS + "ClusterTool",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": TOOLS + "consumer.ConsoleConsumer",
    "kafka-console-producer": TOOLS + "ConsoleProducer",
    "kafka-consumer-groups": TOOLS + "consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": TOOLS + "ConsumerPerformance",
    "kafka-delete-records": TOOLS + "DeleteRecordsCommand",
    "kafka-get-offsets": TOOLS + "GetOffsetShell",
    "kafka-log-dirs": TOOLS + "LogDirsCommand",
    "kafka-producer-perf-test": TOOLS + "ProducerPerformance",
    "kafka-topics": TOOLS + "TopicCommand",
    "kafka-transactions": TOOLS + "TransactionsCommand",
}
TOPIC, GROUP = judge.unique("tools"), judge.unique("tools_group")
SERVER = ("--bootstrap-server", judge.kafka)


def tool(name, *words, text_in=None, seconds=80):
    return command(["java", "-Xmx256m", "-cp", os.environ["JUDGE_JARS"], CLASSES[name], *words], text_in, seconds)


def consume(topic, count, *words):
    return tool("kafka-console-consumer", *SERVER, "--topic", topic, "--from-beginning", "--max-messages", str(count),
                "--timeout-ms", "20000", *words).splitlines()


def row(text, *wanted):
    """The first line of a table that starts with the wanted cells."""
    for line in text.splitlines():
        if line.split()[:len(wanted)] == list(wanted):
            return line.split()
    raise AssertionError(f"no row {wanted} in {text}")


with judge.check("kafka-topics creates, lists and describes"):
    tool("kafka-topics", *SERVER, "--create", "--topic", TOPIC, "--partitions", "2", "--replication-factor", "1",
         "--config", "retention.ms=3600000")
    holds(TOPIC in tool("kafka-topics", *SERVER, "--list").split(), "not listed")
    described = tool("kafka-topics", *SERVER, "--describe", "--topic", TOPIC)
    for words in (f"Topic: {TOPIC}", "PartitionCount: 2", "ReplicationFactor: 1", "retention.ms=3600000", "Leader: "):
        holds(words in described, f"{words!r} is not in {described}")

with judge.check("kafka-topics adds partitions"):
    tool("kafka-topics", *SERVER, "--alter", "--topic", TOPIC, "--partitions", "3")
    holds("PartitionCount: 3" in tool("kafka-topics", *SERVER, "--describe", "--topic", TOPIC), "not three partitions")

with judge.check("kafka-console-producer and kafka-console-consumer carry keys and values"):
    tool("kafka-console-producer", *SERVER, "--topic", TOPIC, "--reader-property", "parse.key=true",
         "--reader-property", "key.separator=:", text_in="".join(f"k{i}:v{i}\n" for i in range(30)))
    lines = consume(TOPIC, 30, "--formatter-property", "print.key=true",
                    "--formatter-property", "key.separator=:")
    equal(sorted(lines), sorted(f"k{i}:v{i}" for i in range(30)))

with judge.check("kafka-get-offsets shows ends and beginnings"):
    ends = dict(re.findall(r":(\d+):(\d+)", tool("kafka-get-offsets", *SERVER, "--topic", TOPIC)))
    equal(sum(map(int, ends.values())), 30, "records")
    begins = dict(re.findall(r":(\d+):(\d+)", tool("kafka-get-offsets", *SERVER, "--topic", TOPIC, "--time", "-2")))
    equal(begins, {"0": "0", "1": "0", "2": "0"})

with judge.check("kafka-console-consumer consumes as a group"):
    equal(len(consume(TOPIC, 30, "--group", GROUP)), 30)

with judge.check("kafka-consumer-groups lists and describes"):
    holds(GROUP in tool("kafka-consumer-groups", *SERVER, "--list").split(), "not listed")
    described = tool("kafka-consumer-groups", *SERVER, "--describe", "--group", GROUP)
    for partition, end in ends.items():
        equal(row(described, GROUP, TOPIC, partition)[3:6], [end, end, "0"], f"offset, end and lag of {partition}")
    state = tool("kafka-consumer-groups", *SERVER, "--describe", "--group", GROUP, "--state")
    holds("Empty" in state, f"state: {state}")
    tool("kafka-consumer-groups", *SERVER, "--describe", "--group", GROUP, "--members")
    holds(GROUP in tool("kafka-consumer-groups", *SERVER, "--list", "--state"), "not listed with its state")

with judge.check("kafka-consumer-groups resets offsets"):
    tool("kafka-consumer-groups", *SERVER, "--group", GROUP, "--topic", TOPIC, "--reset-offsets", "--to-earliest", "--execute")
    described = tool("kafka-consumer-groups", *SERVER, "--describe", "--group", GROUP)
    equal({partition: row(described, GROUP, TOPIC, partition)[3] for partition in ends}, dict.fromkeys(ends, "0"))
    planned = tool("kafka-consumer-groups", *SERVER, "--group", GROUP, "--topic", TOPIC, "--reset-offsets",
                   "--to-datetime", "2020-01-01T00:00:00.000", "--dry-run")
    equal(row(planned, GROUP, TOPIC, "0")[3], "0", "by time")

with judge.check("kafka-consumer-groups deletes offsets and groups"):
    tool("kafka-consumer-groups", *SERVER, "--group", GROUP, "--topic", TOPIC, "--delete-offsets")
    tool("kafka-consumer-groups", *SERVER, "--group", GROUP, "--delete")
    holds(GROUP not in tool("kafka-consumer-groups", *SERVER, "--list").split(), "still listed")

with judge.check("kafka-configs describes and alters a topic's settings"):
    entity = (*SERVER, "--entity-type", "topics", "--entity-name", TOPIC)
    tool("kafka-configs", *entity, "--alter", "--add-config", "max.message.bytes=100000,cleanup.policy=[compact,delete]")
    described = tool("kafka-configs", *entity, "--describe")
    for words in ("max.message.bytes=100000", "cleanup.policy=compact,delete", "retention.ms=3600000"):
        holds(words in described, f"{words!r} is not in {described}")
    tool("kafka-configs", *entity, "--alter", "--delete-config", "max.message.bytes,cleanup.policy")
    holds("max.message.bytes=" not in tool("kafka-configs", *entity, "--describe"), "max.message.bytes is still shown")

with judge.check("kafka-configs describes every setting of a topic and of the broker"):
    described = tool("kafka-configs", *entity, "--describe", "--all")
    for words in ("cleanup.policy=delete", "min.insync.replicas=", "segment.bytes="):
        holds(words in described, f"{words!r} is not in the settings of the topic")
    node = re.search(r"\(id: (\d+)", tool("kafka-broker-api-versions", *SERVER)).group(1)
    described = tool("kafka-configs", *SERVER, "--entity-type", "brokers", "--entity-name", node, "--describe", "--all")
    holds("message.max.bytes=" in described, "no message.max.bytes of the broker")

with judge.check("kafka-broker-api-versions knows every API of the broker"):
    versions = tool("kafka-broker-api-versions", *SERVER)
    holds("Produce(0)" in versions and "UNSUPPORTED" not in versions.split("Fetch(1)")[1][:40], f"{versions[:300]}")

with judge.check("kafka-cluster tells the cluster's id"):
    holds("Cluster ID: " in tool("kafka-cluster", "cluster-id", *SERVER), "no cluster id")

with judge.check("kafka-transactions lists and describes"):
    listed = tool("kafka-transactions", *SERVER, "list")
    holds("TransactionalId" in listed, f"no table: {listed}")
    tool("kafka-transactions", *SERVER, "describe-producers", "--topic", TOPIC, "--partition", "0")

with judge.check("kafka-producer-perf-test and kafka-consumer-perf-test run through"):
    perf = judge.unique("tools_perf")
    tool("kafka-topics", *SERVER, "--create", "--topic", perf, "--partitions", "1", "--replication-factor", "1")
    told = tool("kafka-producer-perf-test", "--topic", perf, "--num-records", "20000", "--record-size", "200",
                "--throughput", "-1", "--producer-props", f"bootstrap.servers={judge.kafka}", "acks=all")
    holds("20000 records sent" in told, told[-300:])
    told = tool("kafka-consumer-perf-test", *SERVER, "--topic", perf, "--messages", "20000", "--timeout", "20000")
    equal(told.splitlines()[-1].split(", ")[4], "20000", "records read")

with judge.check("kafka-producer-perf-test runs transactions"):
    told = tool("kafka-producer-perf-test", "--topic", perf, "--num-records", "1000", "--record-size", "100",
                "--throughput", "-1", "--producer-props", f"bootstrap.servers={judge.kafka}", "--transactional-id", perf,
                "--transaction-duration-ms", "100")
    holds("1000 records sent" in told, told[-300:])
    equal(len(consume(perf, 21000, "--isolation-level", "read_committed")), 21000)
    holds(re.search(rf"{perf}.*CompleteCommit", tool("kafka-transactions", *SERVER, "list")), "not listed as committed")

with judge.check("kafka-log-dirs describes the topic's size"):
    told = tool("kafka-log-dirs", *SERVER, "--describe", "--topic-list", perf)
    logs = json.loads(next(line for line in told.splitlines() if line.startswith("{")))
    parts = [part for broker in logs["brokers"] for directory in broker["logDirs"] for part in directory["partitions"]]
    equal([part["partition"] for part in parts], [f"{perf}-0"])
    holds(parts[0]["size"] > 20000 * 200, f"size {parts[0]['size']}")

with judge.check("kafka-delete-records deletes records"):
    wanted = judge.work / "delete.json"
    wanted.write_text(json.dumps({"version": 1, "partitions": [{"topic": perf, "partition": 0, "offset": 1000}]}))
    told = tool("kafka-delete-records", *SERVER, "--offset-json-file", str(wanted))
    holds("low_watermark: 1000" in told, told)
    holds(f"{perf}:0:1000" in tool("kafka-get-offsets", *SERVER, "--topic", perf, "--time", "earliest"), "not deleted")

with judge.check("kafka-topics deletes"):
    for topic in (TOPIC, perf):
        tool("kafka-topics", *SERVER, "--delete", "--topic", topic)
    holds(not {TOPIC, perf} & set(tool("kafka-topics", *SERVER, "--list").split()), "still listed")

judge.finish()
