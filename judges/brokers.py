"""Kills real brokers with SIGKILL under load, one at a time, and starts each again: those that matter to a
run, by turns the leader of a partition of its source topic, the coordinator of a stream's transactions and
the coordinator of a stream's group.

With three brokers, replication 3 and min.insync.replicas 2, a cluster goes on meanwhile. The next one is
killed only when every replica is in sync again. Uses peers/kafka.sh.
"""

import collections
import os
import pathlib
import random
import subprocess
import threading
import time

from confluent_kafka import admin

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "peers/kafka.sh"
TARGETS = ("leader", "transaction coordinator", "group coordinator")
DOWN_SECONDS = (2.0, 8.0)
START_SECONDS = 300          # a broker's start on a busy machine
PAUSE_SECONDS = (1.0, 6.0)


def java_hash(text):
    """String.hashCode of Java."""
    value = 0
    for unit in text.encode("utf-16-be")[1::2]:
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def coordinator_partition(name, partitions):
    """The partition of __transaction_state or __consumer_offsets that a transactional id or group lives in."""
    return (java_hash(name) & 0x7FFFFFFF) % partitions


class LeaderKiller(threading.Thread):
    """Kills brokers in the background until it has done so often enough or is stopped."""

    def __init__(self, arguments, bootstrap, scenario, seed):
        super().__init__(daemon=True)
        self.wanted, self.directory = arguments.kill_leader, arguments.kafka_directory
        self.scenario, self.chance = scenario, random.Random(seed)
        self.client = admin.AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
        self.done, self.faults, self.leave = collections.Counter(), [], threading.Event()

    def run(self):
        try:
            for number in range(self.wanted):
                if self.leave.wait(self.chance.uniform(*PAUSE_SECONDS)) or not self.in_sync():
                    return
                self.one(TARGETS[number % len(TARGETS)])
        except Exception as error:  # whatever it is, the run must tell it
            self.faults.append(f"killing brokers: {type(error).__name__}: {error}")

    def one(self, target):
        broker = self.broker_of(target)
        self.script("kill", broker, "-9")
        self.done[f"{target} {broker}"] += 1
        try:
            self.leave.wait(self.chance.uniform(*DOWN_SECONDS))
        finally:
            self.script("restart", broker)

    def broker_of(self, target):
        stream = self.chance.choice(self.scenario["streams"])["name"]
        if target == "leader":
            topic = self.scenario["topic"]
            partition = self.chance.choice(sorted(self.partitions(topic)))
        else:
            topic = "__transaction_state" if target.startswith("transaction") else "__consumer_offsets"
            partition = coordinator_partition(f"millstream.{stream}", len(self.partitions(topic)))
        return self.partitions(topic)[partition].leader

    def partitions(self, topic):
        return self.client.list_topics(topic, timeout=30).topics[topic].partitions

    def in_sync(self):
        """Waits until every replica of every partition is in sync; False if told to stop before."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            topics = self.client.list_topics(timeout=30).topics.values()
            if all(part.leader >= 0 and len(part.isrs) == len(part.replicas)
                   for topic in topics for part in topic.partitions.values()):
                return True
            if self.leave.wait(0.5):
                return False
        raise TimeoutError("replicas were not in sync within 180 s")

    def script(self, command, *words):
        done = subprocess.run(["bash", str(SCRIPT), command, self.directory, *map(str, words)], capture_output=True,
                              text=True, timeout=START_SECONDS + 60, check=False,
                              env=os.environ | {"KAFKA_WAIT_SECONDS": str(START_SECONDS)})
        if done.returncode:
            raise RuntimeError(f"kafka.sh {command} {words}: {done.stderr.strip()}")

    def stop(self):
        """Ends it; a broker that is down is started first."""
        self.leave.set()
        if self.is_alive():
            self.join(START_SECONDS + 60)

    def told(self):
        return ", ".join(f"{what} {count} times" for what, count in sorted(self.done.items())) or "none"

    def wrong(self, wanted):
        """What kept it from killing as often as it should."""
        short = [] if sum(self.done.values()) >= wanted else [f"brokers were killed {sum(self.done.values())} times, not {wanted}"]
        return self.faults or short
