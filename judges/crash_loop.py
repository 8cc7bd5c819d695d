"""Runs the product under load while it is ended again and again, then lets it finish and judges it.

  crash_loop.py BINARY [--records N] [--partitions N] [--parallelism 1,2,4] [--hits N] [--kills N] ...

One round per parallelism. A round copies the project (judges/project), starts `BINARY up PROJECT`, and
feeds the topic from the judges' own producer, a part of the records per life. A life ends at a crash
point (MILLSTREAM_CRASH_AT=<step>:<nth>, steps of crates/runtime/src/crash.rs, each --hits times) or by
kill -9 at a random moment (--kills times). A life is as long as the streams took to start in earlier ones,
and --life-seconds. The last life runs undisturbed until everything is as it must be. With --power-cut each
end is a power cut: what was not fsynced is gone (judges/fault). With --kill-leader N, real brokers are
killed meanwhile too, N times, and started again (brokers.py).

Exit code 0 if every round is green. Round directories of red rounds are kept.
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import brokers
import check
import produce

HERE = pathlib.Path(__file__).resolve().parent
CRASH_POINTS = HERE.parent / "crates/runtime/src/crash.rs"
RARE = ("recovery", "segment-rolled")       # passed once in a life, or after a megabyte
ROLLED_WEIGHT = 8                           # a life that waits for a full segment gets so many shares
ATTEMPTS = 3                                # a crash point that was not passed is tried so often


def steps():
    """The names of the crash points, from the source."""
    body = CRASH_POINTS.read_text("utf-8").split("steps! {")[1].split("}")[0]
    return re.findall(r'"([a-z-]+)"', body)


@dataclasses.dataclass
class Plan:
    """How one life is to end."""
    step: str | None = None     # a crash point
    nth: int = 1
    after: float = 0.0          # if there is no step: kill -9 so many seconds after it started, or before
    early: bool = False         # the seconds count from the process's start
    attempt: int = 1

    def weight(self):
        return ROLLED_WEIGHT if self.step == "segment-rolled" else 1


def plans(arguments, chance):
    wanted = arguments.steps.split(",") if arguments.steps else steps()
    lives = [Plan(step, 1 if step in RARE else chance.randint(1, arguments.nth_max))
             for step in wanted for _ in range(arguments.hits)]
    lives += [Plan(after=chance.uniform(0.3, 4.0), early=chance.random() < 0.3) for _ in range(arguments.kills)]
    chance.shuffle(lives)
    return lives


class Product:
    """The product's process in a directory of its own."""

    def __init__(self, arguments, directory, names):
        self.arguments, self.directory, self.names = arguments, directory, names
        self.process, self.fault = None, None
        self.status = f"http://127.0.0.1:{names['engine_port']}/status"
        self.project, self.data = directory / "project", directory / "data"
        shutil.copytree(arguments.project, self.project)
        for path in self.project.rglob("*"):
            if path.is_file():
                text = path.read_text("utf-8")
                for name, value in names.items():
                    text = text.replace("{{" + name + "}}", str(value))
                path.write_text(text, "utf-8")
        if arguments.power_cut:
            sys.path.insert(0, str(HERE / "fault"))
            import power_cut
            self.fault = power_cut.PowerCut(directory, self.data)

    def start(self, plan=None):
        environment = dict(os.environ)
        if plan is not None and plan.step:
            environment["MILLSTREAM_CRASH_AT"] = f"{plan.step}:{plan.nth}"
        if self.fault is not None:
            environment |= self.fault.environment()
        log = open(self.directory / "product.log", "ab")
        log.write(f"\n--- life with {plan}\n".encode())
        log.flush()
        program = [self.arguments.binary]
        if program[0].endswith(".py"):
            program.insert(0, sys.executable)
        self.process = subprocess.Popen(
            [*program, "up", str(self.project), "--data", str(self.data), *self.arguments.flag],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True, cwd=self.directory)
        log.close()

    def ended(self, seconds):
        """The exit code, or None if it still runs after so long."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def streams(self):
        """What it says of its streams; empty while it does not answer."""
        try:
            with urllib.request.urlopen(self.status, timeout=5) as answer:
                return json.load(answer)["streams"]
        except (OSError, ValueError, KeyError):
            return []

    def failed(self):
        """The streams that gave up, with their words: nothing that is done to the product may do that."""
        return [f"{stream['name']}: {stream.get('error')}" for stream in self.streams() if stream.get("state") == "failed"]

    def runs(self):
        """Whether every stream has started."""
        streams = self.streams()
        return bool(streams) and all(stream.get("state", "running") == "running" for stream in streams)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def cut(self, seed):
        if self.fault is not None:
            self.fault.cut(seed)

    def stop(self):
        """Ctrl-C; how it ended."""
        self.process.send_signal(signal.SIGINT)
        code = self.ended(60)
        if code is None:
            self.kill()
        return code

    def tail(self, lines=15):
        return "\n".join((self.directory / "product.log").read_text("utf-8", "replace").splitlines()[-lines:])


def free_ports(first, count):
    """Ports of the range from `first` on that nobody listens on."""
    ports = []
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError(f"no {count} free ports from {first} on")


def answers(address, seconds):
    """Whether something accepts connections within so long."""
    host, port = address.split(",")[0].rsplit(":", 1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


class Round:
    def __init__(self, arguments, parallelism, seed):
        self.arguments, self.chance = arguments, random.Random(seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="crash-loop-", dir=arguments.directory))
        kafka_port, cassandra_port, engine_port, console_port = free_ports(arguments.port, 4)
        kafka, cassandra = arguments.kafka, arguments.cassandra
        shared = "" if kafka == cassandra == "embedded" else f"r{time.time_ns():x}_"
        self.names = {
            "kafka": kafka, "cassandra": cassandra, "kafka_port": kafka_port, "cassandra_port": cassandra_port,
            "engine_port": engine_port, "console_port": console_port, "parallelism": parallelism,
            "run": shared if arguments.run is None else arguments.run,
            "batch_records": arguments.batch_records, "partitions": arguments.partitions,
            "kafka_address": f"127.0.0.1:{kafka_port}" if kafka == "embedded" else kafka,
            "cassandra_address": f"127.0.0.1:{cassandra_port}" if cassandra == "embedded" else cassandra,
            "produced": self.directory / "produced.jsonl"}
        self.product = Product(arguments, self.directory, self.names)
        self.scenario = json.loads((self.product.project / "scenario.json").read_text("utf-8"))
        self.load = produce.Load(
            records=arguments.records, partitions=arguments.partitions, seed=seed,
            rate_per_second=arguments.rate, late_percent=arguments.late, duplicate_percent=arguments.duplicate,
            corrupt_percent=arguments.corrupt, start_ms=arguments.start_ms or
            int(time.time() * 1000 - arguments.records / arguments.rate * 1000))
        self.hits, self.misses, self.starts = collections.Counter(), collections.Counter(), []
        self.killer, self.green = None, False

    def run(self):
        """True if green."""
        try:
            return self.lives() and self.last_life()
        finally:
            self.product.kill()
            if self.killer is not None:
                self.killer.stop()
            if self.green and not self.arguments.keep:
                shutil.rmtree(self.directory, ignore_errors=True)

    def lives(self):
        begun = time.monotonic()
        self.product.start()
        if not answers(self.names["kafka_address"], 60):
            print("the product did not start:", self.product.tail())
            return False
        while not self.product.runs():
            if self.product.ended(0.1) is not None or time.monotonic() > begun + self.arguments.start_seconds:
                print(f"WRONG the streams did not start within {self.arguments.start_seconds:.0f} s:", self.product.tail(30))
                return False
        print(f"  first start of the streams: {time.monotonic() - begun:.1f} s", flush=True)
        produce.create_topics(self.names["kafka_address"], {self.scenario["topic"]: self.load.partitions})
        self.producer = produce.Producer(self.names["kafka_address"], self.scenario["topic"], self.names["produced"])
        self.messages = produce.messages(self.load)
        lives = plans(self.arguments, self.chance)
        share = self.load.records // (sum(plan.weight() for plan in lives) + 1 + self.arguments.kill_leader)
        self.product.kill()
        if self.arguments.kill_leader:
            self.killer = brokers.LeaderKiller(self.arguments, self.names["kafka_address"], self.scenario, self.chance.random())
            self.killer.start()
        for number, plan in enumerate(lives):           # grows by what is tried again
            self.product.cut(self.chance.random())
            self.product.start(plan)
            if not self.one_life(plan, share * plan.weight()):
                return False
            if plan.step and self.missed and plan.attempt < ATTEMPTS:
                lives.append(Plan(plan.step, 1, attempt=plan.attempt + 1))
            if number % 10 == 9:
                print(f"  {number + 1} of {len(lives)} lives, {self.producer.count} records acknowledged", flush=True)
        return True

    def deadline(self, plan, begun, started):
        """When a life is over. Until its streams have started, it gets three times what others took."""
        if plan.early:
            return begun + plan.after
        if started is None:
            return begun + 3 * max(self.starts, default=5.0) + self.arguments.life_seconds
        return started + (plan.after or self.arguments.life_seconds)

    def one_life(self, plan, share):
        """Feeds the product its share while the life lasts; False if it ended in a way that was not planned."""
        begun, started, asked = time.monotonic(), None, 0.0
        pause, sent, code = max(0.001, 0.5 / max(1, share)), 0, None
        while code is None and time.monotonic() < self.deadline(plan, begun, started):
            if sent < share:
                message = next(self.messages, None)
                if message is not None:
                    self.producer.send(message)
                sent += 1
                time.sleep(pause)
            else:
                self.producer.client.poll(0.02)
            if started is None and time.monotonic() > asked + 0.2:
                asked = time.monotonic()
                if failed := self.product.failed():
                    print(f"WRONG in a life with {plan} a stream failed: {failed}")
                    return False
                if self.product.runs():
                    started = time.monotonic()
                    self.starts.append(started - begun)
            code = self.product.process.poll()
        self.missed = code is None
        if code is None:
            self.product.kill()
            (self.misses if plan.step else self.hits)[plan.step or "kill -9"] += 1
        elif code == -signal.SIGKILL and plan.step:
            self.hits[plan.step] += 1
        else:
            print(f"WRONG the product ended by itself with {code} in a life with {plan}:\n{self.product.tail(30)}")
            return False
        for _ in range(share - sent):
            message = next(self.messages, None)
            if message is not None:
                self.producer.send(message)
        return True

    def last_life(self):
        self.product.cut(self.chance.random())
        self.product.start()
        for message in self.messages:
            self.producer.send(message)
            if self.killer is not None and self.killer.is_alive():
                time.sleep(0.02)
        if self.killer is not None:
            self.killer.join(self.arguments.kill_leader * 60)
            self.killer.stop()
        self.producer.finish(300)
        self.wait_for_the_end(self.arguments.settle_seconds)
        findings, unread = check.judge(self.scenario, self.arguments.retry_seconds)
        findings.wrong += [f"a stream failed: {words}" for words in self.product.failed()]
        code = self.product.process.poll()
        if code is not None:
            findings.wrong.append(f"the product ended by itself with {code}")
        for name, numbers in findings.numbers.items():
            print(f"  {name}: " + ", ".join(f"{what} {count}" for what, count in numbers.items()))
        hits = sum(self.hits.values())
        print(f"  {hits} ends: {dict(self.hits)}" + (f"; not passed in time: {dict(self.misses)}" if self.misses else ""))
        if self.starts:
            print(f"  {len(self.starts)} starts of the streams: median {statistics.median(self.starts):.1f} s, longest {max(self.starts):.1f} s")
        if self.killer is not None:
            print(f"  brokers killed: {self.killer.told()}")
            findings.wrong += self.killer.wrong(self.arguments.kill_leader)
        for line in findings.wrong[:30] + ([f"unread: {unread}"] if unread else []):
            print("  WRONG", line)
        green = not findings.wrong and unread is None
        if green:
            self.judged()
        if green and self.product.stop() not in (0, 130):
            print("  WRONG Ctrl-C did not end the product with exit code 0")
            green = False
        self.green = green
        if not green:
            print(f"  kept: {self.directory}\n{self.product.tail()}")
        return green

    def judged(self):
        """Called when all was right, before the product ends: a place to read more."""

    def wait_for_the_end(self, seconds):
        """Until every stream has lag 0 and has read all that was sent."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.product.process.poll() is None:
            streams = self.product.streams()
            if any(stream.get("state") == "failed" for stream in streams):
                return
            if streams and all(sum(part["read"] for part in stream["partitions"]) >= self.producer.count for stream in streams):
                return
            time.sleep(0.2)


def parser_of(description):
    """The options of a round."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--project", type=pathlib.Path, default=HERE / "project")
    parser.add_argument("--directory", help="where round directories go; the system's temporary one by default")
    parser.add_argument("--kafka", default="embedded")
    parser.add_argument("--cassandra", default="embedded")
    parser.add_argument("--port", type=int, default=19210, help="first port to try")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--parallelism", default="1,2,4")
    parser.add_argument("--batch-records", type=int, default=200)
    parser.add_argument("--rate", type=float, default=50.0, help="records per second of event time")
    parser.add_argument("--hits", type=int, default=5, help="ends at each crash point")
    parser.add_argument("--kills", type=int, default=10, help="kill -9 at random moments")
    parser.add_argument("--steps", help="crash points, comma-separated; all by default")
    parser.add_argument("--nth-max", type=int, default=4)
    parser.add_argument("--late", type=float, default=2.0)
    parser.add_argument("--duplicate", type=float, default=3.0)
    parser.add_argument("--corrupt", type=float, default=2.0)
    parser.add_argument("--life-seconds", type=float, default=10.0, help="a crash point not passed so long after the streams started is a miss")
    parser.add_argument("--start-seconds", type=float, default=120.0, help="limit for the first start of the streams")
    parser.add_argument("--settle-seconds", type=float, default=180.0)
    parser.add_argument("--retry-seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--power-cut", action="store_true", help="each end loses what was not fsynced")
    parser.add_argument("--kill-leader", type=int, default=0, help="kill -9 of real brokers, so often")
    parser.add_argument("--kafka-directory", help="the directory given to peers/kafka.sh, for --kill-leader")
    parser.add_argument("--run", help="prefix of topics and streams; by default none embedded, else one of its own")
    parser.add_argument("--start-ms", type=int, default=0, help="event time of the first record; by default the last one is now")
    parser.add_argument("--keep", action="store_true", help="keep the directory of green rounds too")
    parser.add_argument("--flag", action="append", default=[], help="a further flag for `up`; may be repeated")
    return parser


def arguments_of(parser):
    arguments = parser.parse_args()
    if arguments.kill_leader and (arguments.kafka == "embedded" or not arguments.kafka_directory):
        parser.error("--kill-leader needs real brokers: --kafka and --kafka-directory")
    return arguments


def main():
    arguments = arguments_of(parser_of(__doc__))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that the product is ended too
    red = 0
    for number, parallelism in enumerate(arguments.parallelism.split(",")):
        print(f"parallelism {parallelism}, {arguments.partitions} partitions, {arguments.records} records, "
              f"seed {arguments.seed + number}", flush=True)
        green = Round(arguments, int(parallelism), arguments.seed + number).run()
        print("green" if green else "red", flush=True)
        red += not green
    return bool(red)


if __name__ == "__main__":
    sys.exit(main())
