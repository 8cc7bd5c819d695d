"""Proves the checker and the invariant on real Kafka and Cassandra: green for the reference engine under
kills, red for each of its sabotages.

  test_check.py KAFKA CASSANDRA [--records N] [--rounds N]
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

import check
import produce
import read_cqlsh
import reference_engine

TABLES = (
    "CREATE KEYSPACE IF NOT EXISTS {ks} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
    "CREATE TABLE {ks}.{users} (id uuid PRIMARY KEY, first_name text, last_name text, gender text, address text, "
    "post_code text, email text, username text, dob timestamp, registered_date timestamp, phone text, picture text)",
    "CREATE TABLE {ks}.{minutes} (country text, minute timestamp, users bigint, PRIMARY KEY ((country), minute))",
)


def one(kafka, cassandra, load, kill_chance, sabotage=None):
    """One whole run under names of its own: findings, kills."""
    name = f"t{time.time_ns():x}"
    streams = [{"name": f"{name}.users", "kind": "upsert", "table": f"judges.{name}_users"},
               {"name": f"{name}.minutes", "kind": "count", "table": f"judges.{name}_minutes"}]
    produce.create_topics(kafka, {f"{name}.source": load.partitions, **{
        f"{stream['name']}.{side}": 1 for stream in streams for side in ("late", "dead-letters")}})
    read_cqlsh.run(cassandra, "; ".join(statement.format(ks="judges", users=f"{name}_users", minutes=f"{name}_minutes")
                                        for statement in TABLES) + ";")
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        producer = produce.Producer(kafka, f"{name}.source", directory / "produced.jsonl")
        for message in produce.messages(load):
            producer.send(message)
        producer.finish()
        scenario = {"kafka": kafka, "cassandra": cassandra, "topic": f"{name}.source", "watermark_delay_ms": 60_000,
                    "streams": streams, "status": str(directory / "status.json"),
                    "produced": str(directory / "produced.jsonl"),
                    "reasons": {"decode": ["decode"], "expression": ["expression"]}}
        config = directory / "engine.json"
        config.write_text(json.dumps(scenario | {"directory": str(directory), "kill_chance": kill_chance,
                                                 "batch_records": max(50, load.records // 40), "sabotage": sabotage}))
        kills = reference_engine.run(config)
        findings, unread = check.judge(scenario)
        if unread:
            raise RuntimeError(unread)
        return findings, kills


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kafka")
    parser.add_argument("cassandra")
    parser.add_argument("--records", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=2, help="green rounds, each with its own seed")
    parser.add_argument("--kill-chance", type=float, default=0.04)
    parser.add_argument("--no-sabotage", action="store_true")
    arguments = parser.parse_args()
    failed = 0
    for seed in range(arguments.rounds):
        load = produce.Load(records=arguments.records, partitions=1 + 2 * (seed % 3), seed=seed, rate_per_second=20)
        findings, kills = one(arguments.kafka, arguments.cassandra, load, arguments.kill_chance)
        print(f"seed {seed}, {load.partitions} partitions, {kills} kills: {'red' if findings.wrong else 'green'}; {findings.numbers}")
        for line in findings.wrong[:20]:
            print("  WRONG", line)
        failed += bool(findings.wrong)
    for sabotage in () if arguments.no_sabotage else reference_engine.SABOTAGES:
        load = produce.Load(records=2_000, partitions=2, seed=99, rate_per_second=10)
        findings, _ = one(arguments.kafka, arguments.cassandra, load, 0, sabotage)
        print(f"sabotage {sabotage}: {'red: ' + findings.wrong[0] if findings.wrong else 'NOT NOTICED'}")
        failed += not findings.wrong
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
