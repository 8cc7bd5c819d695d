"""Starts and ends what is measured: Millstream, Apache Kafka, Apache Cassandra and Spark, on loopback.

Owns the processes, their directories and their ports. Whatever was started is ended by `Sides.end`, in
reverse order, also when a measurement fails.
"""

import fcntl
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "peers"
READY_SECONDS = 180

STREAM = """
CREATE TABLE events (id STRING, payload STRING)
WITH ('connector' = 'kafka', 'topic' = 'events', 'format' = 'json', 'partitions' = '4');
CREATE TABLE seen (id STRING, payload STRING, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'cassandra', 'keyspace' = 'measured');
INSERT INTO seen SELECT id, upper(payload) FROM events;
"""


class Failed(Exception):
    """A side did not do what was asked; the message says which, and where its log is."""


def wait_for(probe, seconds, what, step=0.002):
    """Asks `probe` until it is true; returns the time.monotonic() of that moment."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if probe():
                return time.monotonic()
        except (OSError, struct.error, IndexError):  # not there yet
            pass
        time.sleep(step)
    raise Failed(f"{what}: nothing after {seconds} s")


def exact(link, count):
    data = b""
    while len(data) < count:
        more = link.recv(count - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def metadata_answers(port):
    """One Kafka Metadata (v4) request for no topic over a bare socket: True when a broker is listed."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        body = struct.pack(">hhihib", 3, 4, 1, -1, 0, 0)
        link.sendall(struct.pack(">i", len(body)) + body)
        answer = exact(link, struct.unpack(">i", exact(link, 4))[0])
        return struct.unpack(">i", answer[8:12])[0] > 0


def cql_rows(port, query):
    """Asks for one column of a scalar type over a bare socket (CQL v4): how many rows came. No driver's start counts."""
    def ask(link, opcode, body):
        link.sendall(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
        head = exact(link, 9)
        return head[4], exact(link, struct.unpack(">i", head[5:])[0])

    def after_string(body, at):
        return at + 2 + struct.unpack(">h", body[at:at + 2])[0]

    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        ask(link, 1, b"\0\1\0\x0bCQL_VERSION\0\x053.0.0")
        text = query.encode()
        opcode, body = ask(link, 7, struct.pack(">i", len(text)) + text + b"\0\1\0")
        if opcode != 8 or struct.unpack(">i", body[:4])[0] != 2:
            return 0
        flags, at = struct.unpack(">i", body[4:8])[0], 12
        if flags & 2:  # the state of paging
            at += 4 + max(0, struct.unpack(">i", body[at:at + 4])[0])
        if not flags & 4:  # keyspace and table, once for all columns or for this one, then its name and type
            at = after_string(body, after_string(body, after_string(body, at))) + 2
        return struct.unpack(">i", body[at:at + 4])[0]


def ended(process, seconds=60):
    """Waits for a process that was asked to end; kills its whole group when it does not."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


class Side:
    """Something that runs: its root processes, and what they have cost."""
    roots: list

    def cpu(self):
        return processes.cpu_seconds(self.roots)

    def pss(self):
        return processes.pss_mb(self.roots)


class Sides:
    """The sides of one measurement, the directory they work in, and the ports they may take."""

    def __init__(self, work, binary, port):
        self.work, self.binary, self.running = pathlib.Path(work), binary, []
        self.lock = open(self.work / "lock", "w", encoding="ascii")  # held until this process ends
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"another run works in {work}: wait for its end, or give another --work") from None
        self.next, self.first = port, port
        self.logs = self.work / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)

    def ports(self, count, also=()):
        """The first of `count` free ports in a row; those at the offsets `also` are free too."""
        for _ in range(400):
            at = self.next
            self.next += count
            if self.next > self.first + 700:
                self.next = self.first
            if all(free(at + offset) for offset in (*range(count), *also)):
                return at
        raise Failed(f"no {count} free ports from {self.first} on")

    def start(self, kind, *arguments, **settings):
        side = kind(self, *arguments, **settings)
        self.running.append(side)
        side.open()
        return side

    def end(self, *sides):
        """Ends these sides, without any named all; each, whatever becomes of the others."""
        failed = []
        for side in reversed(sides or tuple(self.running)):
            if side not in self.running:
                continue  # another side ended it
            self.running.remove(side)
            try:
                side.close()
            except (Failed, OSError, subprocess.SubprocessError) as error:
                failed.append(str(error))
        if failed:
            raise Failed("; ".join(failed))


def free(port):
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Millstream(Side):
    """`millstream up` on cold directories. `stream`: the measuring stream; `demo`: examples/users."""

    def __init__(self, sides, durability="group", project="stream", only=None, rate=10):
        self.sides, self.durability, self.project, self.only, self.rate = sides, durability, project, only, rate
        self.roots = []

    def open(self):
        base = self.sides.ports(6)
        self.broker, self.store, self.engine, self.webserver, self.console, self.generator = range(base, base + 6)
        self.directory = self.sides.work / "run" / f"millstream-{base}"
        shutil.rmtree(self.directory, ignore_errors=True)
        project = self.directory / "project"
        if self.project == "demo":
            shutil.copytree(ROOT / "examples" / "users", project, ignore=shutil.ignore_patterns("data"))
            poll = project / "streams" / "10_poll.sql"
            poll.write_text(poll.read_text().replace("127.0.0.1:8089", f"127.0.0.1:{self.generator}"))
        else:
            (project / "streams").mkdir(parents=True)
            (project / "millstream.toml").write_text('[addresses]\nkafka = "embedded"\ncassandra = "embedded"\n')
            if self.only is None:
                (project / "streams" / "events.sql").write_text(STREAM)
        environment = dict(os.environ)
        for part in ("broker", "store", "engine", "webserver", "console", "generator"):
            environment[f"MILLSTREAM_{part.upper()}_LISTEN"] = f"127.0.0.1:{getattr(self, part)}"
        environment["MILLSTREAM_DURABILITY_MODE"] = self.durability
        environment["MILLSTREAM_GENERATOR_RATE"] = str(self.rate)
        only = ["--only", self.only] if self.only else []
        self.log = self.sides.logs / f"millstream-{base}.log"
        with open(self.log, "wb") as log:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [self.sides.binary, "up", project, "--data", self.directory / "data", *only],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
        self.roots = [self.process.pid]
        self.kafka, self.cassandra = f"127.0.0.1:{self.broker}", f"127.0.0.1:{self.store}"

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            ended(self.process)
        shutil.rmtree(self.directory, ignore_errors=True)


def script(command, log, seconds=READY_SECONDS + 60, **settings):
    """Runs a peer's script to its end; its words go to `log`."""
    with open(log, "ab") as file:
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=file, check=False,
                              stdin=subprocess.DEVNULL, timeout=seconds, text=True, **settings)
        file.write(done.stdout.encode())
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command[:2]))} ended with {done.returncode}, see {log}")
    return done.stdout


class Kafka(Side):
    """One Apache Kafka node, broker and controller, with Kafka's own defaults."""

    def __init__(self, sides):
        self.sides, self.directory, self.roots = sides, sides.work / "kafka", []
        self.log = sides.logs / "kafka.log"

    def open(self):
        self.port = self.sides.ports(1, also=(100,))
        self.ready = None
        watcher = threading.Thread(target=self.watch, daemon=True)
        watcher.start()
        said = script([PEERS / "kafka.sh", "start", self.directory, "--port", self.port], self.log)
        watcher.join(5)
        self.roots = [int(line.split()[3]) for line in said.splitlines() if line.startswith("node ")]
        self.kafka = f"127.0.0.1:{self.port}"

    def watch(self):
        """Takes the time of the first answer itself: the script's own look is coarser."""
        self.ready = wait_for(lambda: metadata_answers(self.port), READY_SECONDS, "Kafka's Metadata")

    def close(self):
        script([PEERS / "kafka.sh", "stop", self.directory], self.log)
        shutil.rmtree(self.directory / "node1", ignore_errors=True)


class Cassandra(Side):
    """One Apache Cassandra node with the stock settings; `sync` is its commit log's mode."""

    def __init__(self, sides, sync="periodic"):
        self.sides, self.sync, self.roots = sides, sync, []
        self.directory = sides.work / ("cassandra" if sync == "periodic" else f"cassandra-{sync}")
        self.log = sides.logs / "cassandra.log"

    def open(self):
        self.directory.mkdir(exist_ok=True)
        if not (self.directory / "lib").exists():
            (self.directory / "lib").symlink_to(self.sides.work / "cassandra" / "lib")
        script([PEERS / "cassandra.sh", "wipe", self.directory], self.log)
        self.port = self.sides.ports(3)
        script([PEERS / "cassandra.sh", "start", self.directory, "--port", self.port, "--sync", self.sync], self.log)
        self.roots = [int((self.directory / "cassandra.pid").read_text())]
        self.cassandra = f"127.0.0.1:{self.port}"

    def close(self):
        # Its data is thrown away, so it need not be drained.
        script([PEERS / "cassandra.sh", "kill", self.directory, "-9"], self.log)
        script([PEERS / "cassandra.sh", "wipe", self.directory], self.log)


class Spark(Side):
    """The measuring stream as a Spark Structured Streaming job: foreachBatch with the Cassandra driver."""

    def __init__(self, sides, kafka, cassandra):
        self.sides, self.kafka, self.cassandra, self.roots = sides, kafka, cassandra, []
        self.log = sides.logs / "spark.log"
        self.checkpoint = sides.work / "run" / "spark-checkpoint"

    def open(self):
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        with open(self.log, "ab") as log:
            self.began = time.monotonic()
            self.process = subprocess.Popen(
                [PEERS / "spark.sh", "submit", self.sides.work / "spark",
                 pathlib.Path(__file__).with_name("spark_job.py"), self.kafka, self.cassandra, self.checkpoint],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.roots = [self.process.pid]

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            ended(self.process, 20)
        shutil.rmtree(self.checkpoint, ignore_errors=True)


class Tutorial(Side):
    """Kafka, Cassandra and Spark as one side: the chain that Millstream stands in for."""

    def __init__(self, sides, admin):
        self.sides, self.admin, self.parts = sides, admin, []

    def open(self):
        self.began = time.monotonic()
        for kind in (Kafka, Cassandra):
            self.parts.append(self.sides.start(kind))
        self.kafka, self.cassandra = self.parts[0].kafka, self.parts[1].cassandra
        self.admin("topic", self.kafka, "events", "4")
        self.admin("table", self.cassandra)
        self.parts.append(self.sides.start(Spark, self.kafka, self.cassandra))

    @property
    def roots(self):
        return [pid for part in self.parts for pid in part.roots]

    def close(self):
        if self.parts:
            self.sides.end(*self.parts)
