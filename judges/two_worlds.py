"""Runs one scenario embedded and on real Kafka and Cassandra, from one seed, each under kills, and compares
what is there at the end: source topic, tables, late records and dead letters must be equal.

  two_worlds.py BINARY --kafka HOST:PORT,... --cassandra HOST:PORT [options of crash_loop.py]

The project is the same, only `[addresses]` differ. The content of each partition is given by the seed, so
that nothing but the tables' write times may differ. Each world is judged by check.py as well.
"""

import argparse
import collections
import signal
import sys
import time

import check
import crash_loop
import read_cqlsh
import read_kcat


def content(scenario):
    """Everything that a world must show at the end, as multisets by name."""
    found = {"source": [(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
                        for r in read_kcat.topic(scenario["kafka"], scenario["topic"])]}
    for entry in scenario["streams"]:
        for what in ("late", "dead-letters"):
            topic = f"{entry['name']}.{what}"
            found[topic] = [(r.key, r.value, r.headers)
                            for r in read_kcat.topic(scenario["kafka"], topic, missing_is_empty=True)]
        columns = check.USER_COLUMNS if entry["kind"] == "upsert" else list(check.COUNT_COLUMNS.values())
        found[entry["table"]] = [tuple(row.items()) for row in read_cqlsh.table(
            scenario["cassandra"], entry["table"], columns, entry.get("read", "copy"))]
    return {name: collections.Counter(things) for name, things in found.items()}


class World(crash_loop.Round):
    """A round whose content is read before the product ends."""

    found = None

    def judged(self):
        self.found = content(self.scenario)


def compare(embedded, real):
    """The differences, in words."""
    findings = check.Findings()
    for name in embedded:
        print(f"  {name}: {sum(embedded[name].values())} embedded, {sum(real[name].values())} real", flush=True)
        findings.differ(f"{name}, only embedded or only real", (embedded[name] - real[name]).elements(),
                        (real[name] - embedded[name]).elements())
    return findings.wrong


def main():
    arguments = crash_loop.arguments_of(crash_loop.parser_of(__doc__))
    if "embedded" in (arguments.kafka, arguments.cassandra):
        sys.exit("two_worlds.py: give the real ones with --kafka and --cassandra")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that the product is ended too
    arguments.run = arguments.run or f"r{time.time_ns():x}_"
    arguments.start_ms = arguments.start_ms or int(time.time() * 1000 - arguments.records / arguments.rate * 1000)
    parallelism = int(arguments.parallelism.split(",")[0])
    worlds = []
    for name, changes in (("embedded", {"kafka": "embedded", "cassandra": "embedded", "kill_leader": 0}), ("real", {})):
        print(f"{name}: {arguments.records} records, {arguments.partitions} partitions, seed {arguments.seed}", flush=True)
        world = World(argparse.Namespace(**(vars(arguments) | changes)), parallelism, arguments.seed)
        if not world.run():
            print(f"red: the {name} world is wrong by itself")
            return 1
        worlds.append(world)
    wrong = compare(*(world.found for world in worlds))
    for line in wrong:
        print("  WRONG", line[:600])
    print("red" if wrong else "green: both worlds are equal")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
