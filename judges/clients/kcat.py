"""kcat 1.7.1 (librdkafka): metadata, produce, consume, offset queries, groups, transactional reads."""

import json

from judge import Judge, command, equal, holds

judge = Judge()
TOPIC = judge.unique("kcat")


def kcat(*words, text_in=None, seconds=60):
    return command(["kcat", "-b", judge.kafka, "-X", "broker.address.family=v4", *words], text_in, seconds)


def consume(topic, *words):
    return kcat("-C", "-q", "-e", "-t", topic, *words).splitlines()


with judge.check("is version 1.7"):
    holds("1.7" in command(["kcat", "-V"]), "kcat -V does not say 1.7")

with judge.check("lists brokers and a controller"):
    metadata = json.loads(kcat("-L", "-J"))
    holds(metadata["brokers"], "no brokers")
    holds(metadata["controllerid"] in [broker["id"] for broker in metadata["brokers"]], f"controller of {metadata}")
    holds(metadata["originating_broker"]["name"].startswith(judge.kafka.split(":")[0]), f"{metadata['originating_broker']}")

with judge.check("produces to a topic that does not exist yet"):
    kcat("-P", "-t", TOPIC, "-K", ":", text_in="".join(f"k{i}:v{i}\n" for i in range(100)))

with judge.check("consumes what it produced, in order, with keys and offsets"):
    lines = consume(TOPIC, "-o", "beginning", "-f", "%t %p %o %k %s\n")
    equal(lines, [f"{TOPIC} 0 {i} k{i} v{i}" for i in range(100)])

with judge.check("shows the topic with its leader"):
    topics = json.loads(kcat("-L", "-J", "-t", TOPIC))["topics"]
    equal([topic["topic"] for topic in topics], [TOPIC])
    equal(len(topics[0]["partitions"]), 1, "partitions")
    holds(topics[0]["partitions"][0]["leader"] >= 0, "no leader")

with judge.check("consumes from an offset, from the end, and a number of records"):
    equal(consume(TOPIC, "-o", "90", "-f", "%s\n"), [f"v{i}" for i in range(90, 100)])
    equal(consume(TOPIC, "-o", "-5", "-f", "%s\n"), [f"v{i}" for i in range(95, 100)])
    equal(consume(TOPIC, "-o", "beginning", "-c", "3", "-f", "%s\n"), ["v0", "v1", "v2"])

with judge.check("carries headers, null keys, null values and empty values"):
    kcat("-P", "-t", TOPIC, "-H", "a=1", "-H", "b=2", "-H", "a=3", text_in="with headers\n")
    kcat("-P", "-t", TOPIC, "-K", ":", "-Z", text_in="only-key:\n")
    lines = consume(TOPIC, "-o", "100", "-f", "%h|%K|%S|%s\n")
    equal(lines, ["a=1,b=2,a=3|-1|12|with headers", "|8|-1|"])

for codec in ("gzip", "snappy", "lz4", "zstd"):
    with judge.check(f"produces and consumes with {codec}"):
        topic = judge.unique(f"kcat_{codec}")
        kcat("-P", "-t", topic, "-z", codec, text_in="".join(f"{codec} {i} {'x' * 100}\n" for i in range(500)))
        equal(consume(topic, "-o", "beginning", "-f", "%s\n"), [f"{codec} {i} {'x' * 100}" for i in range(500)])

with judge.check("produces with an idempotent producer"):
    topic = judge.unique("kcat_idempotent")
    kcat("-P", "-t", topic, "-X", "enable.idempotence=true", "-X", "acks=all", text_in="".join(f"{i}\n" for i in range(200)))
    equal(consume(topic, "-o", "beginning", "-f", "%o=%s\n"), [f"{i}={i}" for i in range(200)])

with judge.check("queries offsets by time"):
    middle = int(consume(TOPIC, "-o", "100", "-c", "1", "-f", "%T\n")[0])
    def offset_at(timestamp):
        return kcat("-Q", "-t", f"{TOPIC}:0:{timestamp}").split()[-1]
    equal(offset_at(0), "0", "offset at time 0")
    equal(offset_at(-2), "0", "first offset")
    equal(offset_at(-1), "102", "end offset")
    equal(offset_at(middle), "100", "offset at the time of record 100")

with judge.check("consumes as a group and commits"):
    group = judge.unique("kcat_group")
    first = kcat("-G", group, "-q", "-e", "-X", "auto.offset.reset=earliest", "-f", "%o\n", "-c", "50", TOPIC)
    equal(first.split(), [str(i) for i in range(50)])
    rest = kcat("-G", group, "-q", "-e", "-X", "auto.offset.reset=earliest", "-f", "%o\n", TOPIC)
    equal(rest.split(), [str(i) for i in range(50, 102)])

with judge.check("reads only committed records, unless told otherwise"):
    topic = judge.unique("kcat_transaction")
    kcat("-P", "-t", topic, "-X", f"transactional.id={topic}", text_in="committed 1\ncommitted 2\n")
    for isolation in ("read_committed", "read_uncommitted"):
        lines = consume(topic, "-o", "beginning", "-X", f"isolation.level={isolation}", "-f", "%o %s\n")
        equal(lines, ["0 committed 1", "1 committed 2"], isolation)
    # The commit marker has an offset of its own.
    equal(kcat("-Q", "-t", f"{topic}:0:-1").split()[-1], "3", "end offset")

judge.finish()
