"""Cuts the power of a Kafka or a Cassandra server under load, again and again; every acknowledged write
must be there at the end, once.

  server_loop.py kafka     [--cuts N] [--no-power-cut] -- SERVER ARGUMENT...
  server_loop.py cassandra [--cuts N] [--no-power-cut] -- SERVER ARGUMENT...

In the arguments, {data} is the data directory and {port} the port, for example
  server_loop.py kafka -- target/debug/examples/serve_broker {data} {port}
  server_loop.py cassandra -- target/debug/examples/serve_store {data} {port} group 100000
The store's last argument makes its memtables small, so that they become table files all the time.
With --no-power-cut the server is killed with SIGKILL only: what the system has keeps.
"""

import argparse
import collections
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import WhiteListRoundRobinPolicy
import confluent_kafka

import check
import crash_loop
import produce
import read_cqlsh
import read_kcat

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "fault"))
import power_cut  # noqa: E402


class Server:
    def __init__(self, command, directory, port, cuts_power):
        self.directory, self.data, self.address = directory, directory / "data", f"127.0.0.1:{port}"
        self.command = [part.replace("{data}", str(self.data)).replace("{port}", str(port)) for part in command]
        self.fault = power_cut.PowerCut(directory, self.data) if cuts_power else None

    def start(self):
        environment = os.environ | (self.fault.environment() if self.fault else {})
        with open(self.directory / "server.log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)
        if not crash_loop.answers(self.address, 60):
            raise RuntimeError(f"the server did not answer: {(self.directory / 'server.log').read_text('utf-8', 'replace')[-2000:]}")

    def cut(self, seed):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended by itself with {self.process.returncode}")
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        if self.fault:
            self.fault.cut(seed)


def kafka(server, arguments, chance):
    """What is wrong after all cuts."""
    load = produce.Load(records=arguments.records, partitions=3, seed=arguments.seed,
                        start_ms=int(time.time() * 1000 - arguments.records * 20))
    produce.create_topics(server.address, {"t": load.partitions})
    producer = produce.Producer(server.address, "t", server.directory / "produced.jsonl")
    messages = produce.messages(load)
    for _ in range(arguments.cuts):
        end = time.monotonic() + chance.uniform(0.2, 2.0)
        while time.monotonic() < end:
            if (message := next(messages, None)) is not None:
                try:
                    producer.send(message)
                except confluent_kafka.KafkaException as error:
                    return [f"the producer gave up: {error}"]
            time.sleep(0.0005)
        server.cut(chance.random())
        server.start()
    try:
        for message in messages:
            producer.send(message)
        producer.finish(120)
    except (confluent_kafka.KafkaException, RuntimeError) as error:
        return [f"the producer gave up: {error}"]
    findings = check.Findings()
    check.check_source({"produced": server.directory / "produced.jsonl"}, read_kcat.topic(server.address, "t"), findings)
    print(f"{producer.count} records acknowledged")
    return findings.wrong


class Writer(threading.Thread):
    """Inserts rows and remembers those that were acknowledged; after an error it connects anew."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.acknowledged, self.unsure, self.over = server, {}, {}, False

    def run(self):
        host, port = self.server.address.rsplit(":")
        profile = ExecutionProfile(WhiteListRoundRobinPolicy([host]), request_timeout=5)
        number = 0
        while not self.over:
            try:
                cluster = Cluster([host], port=int(port), execution_profiles={EXEC_PROFILE_DEFAULT: profile})
                session = cluster.connect()
            except NoHostAvailable:
                time.sleep(0.1)
                continue
            try:
                insert = session.prepare("INSERT INTO judged.rows (id, n, text) VALUES (?, ?, ?)")
                while not self.over:
                    batch = [(uuid.UUID(int=number + i), number + i, f"row {number + i} " + "x" * 200) for i in range(20)]
                    number += len(batch)
                    self.unsure |= {str(row[0]): str(row[1]) for row in batch}
                    for row, future in [(row, session.execute_async(insert, row)) for row in batch]:
                        future.result()
                        self.acknowledged[str(row[0])] = str(row[1])
            except Exception:  # noqa: BLE001 - whatever the driver calls a server that is gone
                pass
            finally:
                cluster.shutdown()


def cassandra(server, arguments, chance):
    for statement in ("CREATE KEYSPACE judged WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
                      "CREATE TABLE judged.rows (id uuid PRIMARY KEY, n bigint, text text)"):
        read_cqlsh.run(server.address, statement + ";")
    writer = Writer(server)
    writer.start()
    for _ in range(arguments.cuts):
        before, limit = len(writer.acknowledged), time.monotonic() + 30
        while len(writer.acknowledged) == before and time.monotonic() < limit:
            time.sleep(0.05)
        time.sleep(chance.uniform(0.1, 1.5))
        server.cut(chance.random())
        server.start()
    writer.over = True
    writer.join(30)
    rows = read_cqlsh.table(server.address, "judged.rows", ["id", "n"])
    found, times = {row["id"]: row["n"] for row in rows}, collections.Counter(row["id"] for row in rows)
    findings = check.Findings()
    findings.differ("acknowledged rows", set(writer.acknowledged) - set(found), [])
    findings.differ("rows nobody wrote, or doubled", [], [key for key in found if key not in writer.unsure or times[key] > 1])
    findings.differ("rows with another value", [], [key for key in found if found[key] != writer.unsure.get(key)])
    print(f"{len(writer.acknowledged)} rows acknowledged, {len(rows)} found")
    return findings.wrong


def main():
    own, command = (sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]) if "--" in sys.argv else (sys.argv[1:], [])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("kafka", "cassandra"))
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--port", type=int, default=19260, help="first port to try")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-power-cut", action="store_true")
    arguments = parser.parse_args(own)
    if not command:
        parser.error("the server's command line is missing after --")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that the server is ended too
    directory = pathlib.Path(tempfile.mkdtemp(prefix="server-loop-"))
    server = Server(command, directory, crash_loop.free_ports(arguments.port, 1)[0], not arguments.no_power_cut)
    server.start()
    try:
        wrong = {"kafka": kafka, "cassandra": cassandra}[arguments.kind](server, arguments, random.Random(arguments.seed))
    finally:
        server.process.kill()
        server.process.wait()
    for line in wrong:
        print("WRONG", line)
    print("red, kept: " + str(directory) if wrong else "green")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
