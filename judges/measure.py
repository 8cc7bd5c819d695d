"""Measures the product as its users would, with a foreign producer and a foreign reader.

    measure.py BINARY start                 first row, first Metadata answer, memory, idle CPU
    measure.py BINARY latency [--rate 100] [--seconds 60] [--durability group|os] [--corrupt 100]

Needs the judges' environment (judges/setup.sh). Everything listens on free loopback ports. Times are
wall time of this machine: run it on a quiet one, several times, and quote medians.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid

from cassandra.cluster import Cluster
from confluent_kafka import Producer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

STREAM = """
CREATE TABLE events (id STRING, payload STRING, at TIMESTAMP METADATA FROM 'timestamp')
WITH ('connector' = 'kafka', 'topic' = 'events', 'format' = 'json', 'partitions' = '4');
CREATE TABLE seen (id STRING, payload STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'cassandra', 'keyspace' = 'measured');
INSERT INTO seen SELECT id, upper(payload) FROM events;
"""


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Product:
    """`millstream up` on a project of its own, ended and removed at the end."""

    def __init__(self, binary, arguments=(), durability="group", demo=True, rate=10):
        self.directory = tempfile.mkdtemp(prefix="measure-")
        self.broker, self.store, self.engine, self.console, self.generator = free_ports(5)
        project = os.path.join(self.directory, "project")
        if demo:
            shutil.copytree(os.path.join(ROOT, "examples", "users"), project)
            poll = os.path.join(project, "streams", "10_poll.sql")
            with open(poll, encoding="utf-8") as file:
                text = file.read().replace("127.0.0.1:8089", f"127.0.0.1:{self.generator}")
            with open(poll, "w", encoding="utf-8") as file:
                file.write(text)
        else:
            os.makedirs(os.path.join(project, "streams"))
            with open(os.path.join(project, "streams", "events.sql"), "w", encoding="utf-8") as file:
                file.write(STREAM)
            with open(os.path.join(project, "millstream.toml"), "w", encoding="utf-8") as file:
                file.write('[addresses]\nkafka = "embedded"\ncassandra = "embedded"\n')
        environment = dict(os.environ)
        for part in ("broker", "store", "engine", "console", "generator"):
            environment[f"MILLSTREAM_{part.upper()}_LISTEN"] = f"127.0.0.1:{getattr(self, part)}"
        environment["MILLSTREAM_DURABILITY_MODE"] = durability
        environment["MILLSTREAM_GENERATOR_RATE"] = str(rate)
        self.log = open(os.path.join(self.directory, "log"), "wb")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "up", project, *arguments], stdout=self.log, stderr=self.log, env=environment
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def pss_mb(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("Pss:"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def session_of(port, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return Cluster(["127.0.0.1"], port=port, connect_timeout=2).connect()
        except Exception:  # the driver's own kinds are many; all mean "not yet"
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def wait_for(probe, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if probe():
                return True
        except Exception:  # not there yet
            pass
        time.sleep(0.005)
    return False


def metadata_answers(port):
    """One Metadata (v4) request for no topic over a bare socket."""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
        body = struct.pack(">hhihib", 3, 4, 1, -1, 0, 0)
        link.sendall(struct.pack(">i", len(body)) + body)
        return len(link.recv(64)) > 8


def raw_query_has_row(port, query):
    """One CQL query (v4) over a bare socket: no driver's start counts."""
    def exact(link, count):
        data = b""
        while len(data) < count:
            more = link.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def ask(link, opcode, body):
        link.sendall(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
        head = exact(link, 9)
        return head[4], exact(link, struct.unpack(">i", head[5:])[0])

    with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
        ask(link, 1, b"\0\1\0\x0bCQL_VERSION\0\x053.0.0")
        text = query.encode()
        opcode, body = ask(link, 7, struct.pack(">i", len(text)) + text + b"\0\1\0")
        if opcode != 8 or struct.unpack(">i", body[:4])[0] != 2:
            return False
        # A uuid cell is 16 bytes behind its length; an empty result holds none.
        return b"\0\0\0\x10" in body[-20:]


def start(binary):
    result = {}
    product = Product(binary)
    try:
        query = "SELECT id FROM spark_streams.created_users LIMIT 1"
        found = wait_for(lambda: raw_query_has_row(product.store, query), 60)
        result["first_row_seconds"] = round(time.monotonic() - product.began, 3) if found else None
        time.sleep(30)
        before, at = product.cpu_seconds(), time.monotonic()
        time.sleep(30)
        used = product.cpu_seconds() - before
        result["all_parts_pss_mb"] = round(product.pss_mb(), 1)
        result["cpu_percent_of_a_core_at_10_per_second"] = round(100 * used / (time.monotonic() - at), 2)
    finally:
        product.stop()
    product = Product(binary, ("--only", "broker"))
    try:
        wait_for(lambda: metadata_answers(product.broker), 30)
        result["broker_first_metadata_ms"] = round(1000 * (time.monotonic() - product.began), 1)
        result["broker_pss_mb"] = round(product.pss_mb(), 1)
    finally:
        product.stop()
    print(json.dumps(result, indent=1))


def latency(binary, rate, seconds, durability, corrupt):
    product = Product(binary, durability=durability, demo=False)
    try:
        session = session_of(product.store)
        assert wait_for(lambda: session.execute("SELECT id FROM measured.seen LIMIT 1") is not None, 30)
        select = session.prepare("SELECT id FROM measured.seen WHERE id = ?")
        producer = Producer({"bootstrap.servers": f"127.0.0.1:{product.broker}", "linger.ms": 0})
        waits, sampled, lock = [], [], threading.Condition()
        done = threading.Event()

        def read():
            while True:
                with lock:
                    while not sampled and not done.is_set():
                        lock.wait(0.1)
                    if not sampled:
                        return
                    key, sent = sampled.pop(0)
                deadline = sent + 10
                while time.monotonic() < deadline:
                    if session.execute(select, (key,)).one():
                        break
                waits.append(time.monotonic() - sent)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        every = max(1, rate // 50)
        began = time.monotonic()
        count = 0
        while (now := time.monotonic()) - began < seconds:
            due = int((now - began) * rate)
            while count < due:
                key = str(uuid.uuid4())
                if random.randrange(10_000) < corrupt:
                    producer.produce("events", b'{"id": ', key=key)
                else:
                    value = json.dumps({"id": key, "payload": "x" * 100})
                    producer.produce("events", value, key=key)
                    if count % every == 0 and now - began > 3:
                        with lock:
                            sampled.append((key, time.monotonic()))
                            lock.notify()
                count += 1
            producer.poll(0)
            time.sleep(0.0005)
        producer.flush(30)
        done.set()
        for reader in readers:
            reader.join(30)
        waits.sort()
        at = lambda part: round(1000 * waits[min(len(waits) - 1, int(part * len(waits)))], 1)
        print(json.dumps({
            "durability": durability, "rate": rate, "seconds": seconds, "sent": count,
            "samples": len(waits), "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99),
            "cpu_seconds": round(product.cpu_seconds(), 1), "pss_mb": round(product.pss_mb(), 1),
        }))
    finally:
        product.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("what", choices=["start", "latency"])
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--durability", default="group")
    parser.add_argument("--corrupt", type=int, default=100, help="records per 10,000")
    options = parser.parse_args()
    if options.what == "start":
        start(options.binary)
    else:
        latency(options.binary, options.rate, options.seconds, options.durability, options.corrupt)


if __name__ == "__main__":
    main()
