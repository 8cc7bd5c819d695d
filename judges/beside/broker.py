"""Broker throughput and latency, by librdkafka's rdkafka_performance.

Every figure's runs alternate between the sides. The first run of each warms up and finds the count of
messages for the wanted length; it is not counted.
"""

import re
import signal
import statistics
import subprocess
import time

from sides import Failed, Kafka, Millstream

PRODUCED = re.compile(r"% (\d+) messages produced \((\d+) bytes\), (\d+) delivered .* in (\d+)ms: (\d+) msgs/s and ([\d.]+) MB/s")
CONSUMED = re.compile(r"% (\d+) messages \((\d+) bytes\) consumed in (\d+)ms: (\d+) msgs/s \(([\d.]+) MB/s\)")
PARTITIONS = "8"
RUN_SECONDS = 180
RATE = 1000
CONNECT_SECONDS = 4
LINGER_MS = 5  # librdkafka's own default; the tool's is a second, in which the last records of a run wait
QUEUE = 100_000  # messages that wait in the client until it has its connections
MOST_BYTES = 1_500_000_000
PAIRS = ((100, "none", False), (100, "lz4", False), (1000, "none", False), (1000, "lz4", False),
         (1000, "none", True))


def tool(bench, pattern, *words):
    command = [str(bench.tools["rdkafka_performance"]), *map(str, words)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"rdkafka_performance did not end in {RUN_SECONDS} s: {' '.join(command[1:6])}") from error
    found = list(pattern.finditer(done.stdout))
    if not found:
        raise Failed(f"rdkafka_performance {' '.join(command[1:])}: {(done.stdout + done.stderr)[-500:]}")
    return found


def start_tool(bench, *words):
    return subprocess.Popen([str(bench.tools["rdkafka_performance"]), *map(str, words)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def interrupt(process):
    """Ends the tool as Ctrl-C does, so that it writes its files to their end."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Target:
    """One column: a server, and the settings that its topics get."""

    def __init__(self, bench, column, side, settings=()):
        self.bench, self.column, self.side, self.settings = bench, column, side, settings
        self.number, self.counts = 0, {}

    def topic(self, partitions=PARTITIONS):
        self.number += 1
        name = f"load-{self.column}-{self.number}"
        self.bench.probe("topic", self.side.kafka, name, partitions, *self.settings)
        return name

    def drop(self, name):
        self.bench.probe("drop", self.side.kafka, name)


def produce(bench, target, topic, size, codec, idempotent, count):
    """Returns (records/s, MB/s, server CPU-seconds per GB of payload).

    The rate counts from the first report of a delivery: librdkafka's first second goes into finding the topic.
    """
    before = target.side.cpu()
    lines = tool(bench, PRODUCED, "-P", "-t", topic, "-b", target.side.kafka, "-s", size, "-c", count, "-a", -1, "-z", codec,
                 "-i", 100, "-X", f"linger.ms={LINGER_MS}",
                 "-X", f"enable.idempotence={'true' if idempotent else 'false'}")
    used = target.side.cpu() - before
    seen = [(int(line[3]), int(line[4]) / 1000) for line in lines]
    if seen[-1][0] != count:
        raise Failed(f"{target.column}: {seen[-1][0]} of {count} messages delivered")
    first = next((at for at in seen if at[0]), (0, 0))
    if seen[-1][1] - first[1] < 0.2:
        first = (0, 0)
    rate = (count - first[0]) / max(seen[-1][1] - first[1], 0.001)
    return rate, rate * size / 1e6, used / (count * size) * 1e9


def consume(bench, target, topic, size, count):
    before = target.side.cpu()
    said = tool(bench, CONSUMED, "-G", f"group-{time.monotonic_ns()}", "-t", topic, "-b", target.side.kafka, "-c", count, "-i", 1000,
                "-X", "auto.offset.reset=earliest", "-X", "queued.max.messages.kbytes=1000000", "-o", "beginning")[-1]
    used = target.side.cpu() - before
    got, seconds = int(said[1]), max(int(said[3]), 1) / 1000
    return got / seconds, got * size / seconds / 1e6, used / (got * size) * 1e9


def note(bench, what, column, values):
    for (unit, better), value in zip((("records/s", "higher"), ("MB/s", "higher"), ("CPU-s/GB", "lower")), values):
        bench.add("broker", what, unit, better, column, value)
    bench.say(f"broker {what} {column}: {values[0]:,.0f}/s, {values[1]:.0f} MB/s, {values[2]:.2f} CPU-s/GB")


def throughput(bench, targets):
    for size, codec, idempotent in PAIRS:
        what = f"produce {size} B, {codec}" + (", idempotent" if idempotent else "")
        for turn in range(bench.runs + 1):
            for target in targets:
                count = target.counts.get((size, codec, idempotent), 200_000)
                topic = target.topic()
                values = produce(bench, target, topic, size, codec, idempotent, count)
                if turn:
                    note(bench, what, target.column, values)
                else:
                    wanted = QUEUE + int(values[0] * bench.burst_seconds)
                    target.counts[size, codec, idempotent] = min(wanted, MOST_BYTES // size)
                target.drop(topic)


def reading(bench, targets):
    for size in (100, 1000):
        count = (5_000_000 if size == 100 else 1_000_000) // (2 if bench.quick else 1)
        topics = []
        for target in targets:
            topics.append(target.topic())
            produce(bench, target, topics[-1], size, "none", False, count)
        for turn in range(bench.runs + 1):
            for target, topic in zip(targets, topics):
                values = consume(bench, target, topic, size, count)
                if turn:
                    note(bench, f"consume {size} B, cached", target.column, values)
        for target, topic in zip(targets, topics):
            target.drop(topic)


def delays(bench, targets):
    """RATE records/s of 100 B, no linger: until acknowledged, and until a consumer has it."""
    for target in targets:
        topic = target.topic("1")
        acks, reads = bench.sides.logs / "acked-us", bench.sides.logs / "read-us"
        seconds = 4 if bench.quick else 8
        reader = start_tool(bench, "-C", "-t", topic, "-p", 0, "-o", "end", "-b", target.side.kafka, "-l", "-A", reads,
                            "-i", 1000)
        try:
            time.sleep(1.5)
            # Ended by time, not by count: on a busy machine the tool does not reach its rate.
            writer = start_tool(bench, "-P", "-t", topic, "-p", 0, "-b", target.side.kafka, "-s", 100, "-r", RATE, "-a", -1,
                                "-l", "-D", "-A", acks, "-X", "linger.ms=0", "-i", 1000)
            try:
                time.sleep(seconds + CONNECT_SECONDS)
            finally:
                interrupt(writer)
            time.sleep(0.5)
        finally:
            interrupt(reader)
        for file, what in ((acks, "acknowledged"), (reads, "read by a consumer")):
            values = [int(line) / 1000 for line in file.read_text().split()]
            # What was sent before the tool had its connections waited for those.
            values = values[len(values) * CONNECT_SECONDS // (seconds + CONNECT_SECONDS):]
            if len(values) < 100:
                raise Failed(f"{target.column}: {len(values)} latencies of records {what}")
            cuts = statistics.quantiles(values, n=1000)
            for part, at in (("p50", 499), ("p99", 989)):
                bench.add("broker", f"{RATE:,} records/s, sent until {what}: {part}", "ms", "lower", target.column, cuts[at])
            bench.say(f"broker {target.column} until {what}: p50 {cuts[499]:.2f} ms, p99 {cuts[989]:.2f} ms")
        target.drop(topic)


def measure(bench):
    targets = [Target(bench, column, bench.sides.start(Millstream, column, only="broker"))
               for column in bench.columns_of("os", "group")]
    if "peer" in bench.columns:
        kafka = bench.sides.start(Kafka)
        targets += [Target(bench, "peer", kafka), Target(bench, "durable", kafka, ("flush.messages=1",))]
    throughput(bench, targets)
    reading(bench, [target for target in targets if target.column != "durable"])
    delays(bench, targets)  # last, so that every side is warm
    for target in targets:
        if target.column != "durable":
            bench.add("broker", "memory (PSS) after the load", "MiB", "lower", target.column, target.side.pss())
