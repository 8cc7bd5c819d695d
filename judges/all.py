"""Runs every judge against a binary and prints one table. `cargo x judges` builds the binary and calls this.

  all.py BINARY --work DIR [--only NAME,...] [--kafka ADDRESS --cassandra ADDRESS]

Starts the product in a project of its own on free ports, runs all clients (clients/run.py), the console's
judges (console/page.mjs and console/people.mjs), and then, each with a product of its own, the crash loop,
power cuts, the full disk and a sort that spills. Clients are installed into DIR by package name, once. What
is missing and cannot be installed is a failure, never a skip.

With --kafka and --cassandra the clients judge those servers instead and nothing is started for them; the
crash loop runs the product's engine on them, and the judges of the embedded parts are left out.
"""

import argparse
import collections
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import crash_loop

HERE = pathlib.Path(__file__).resolve().parent
CHECK = re.compile(r"^(ok|FAIL) +(.*)")
DEMO = HERE.parent / "examples/users"


@dataclasses.dataclass
class Row:
    """A line of the table."""
    name: str
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)
    seconds: float = 0.0


class Table:
    def __init__(self):
        self.rows = {}

    def take(self, name, line):
        """Counts a line of the form `ok ...` or `FAIL ...` for a judge."""
        row = self.rows.setdefault(name, Row(name))
        found = CHECK.match(line)
        if found and found[1] == "ok":
            row.passed += 1
        elif found:
            row.failed.append(found[2])

    def verdict(self, name, right, why=""):
        self.take(name, f"{'ok' if right else 'FAIL'} {why}")

    def show(self):
        print(f"\n{'JUDGE':<24} {'PASSED':>6} {'FAILED':>6} {'SECONDS':>8}")
        for row in self.rows.values():
            print(f"{row.name:<24} {row.passed:>6} {len(row.failed):>6} {row.seconds:>8.0f}")
        for row in self.rows.values():
            for why in row.failed:
                print(f"FAIL {row.name}: {why[:300]}")
        return all(not row.failed for row in self.rows.values())


def run(command, seconds, take, cwd=HERE.parent):
    """Runs a judge, gives each line of its output to `take`; its exit code, None if it took too long."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", cwd=cwd, start_new_session=True)
    expired = threading.Event()

    def end():
        expired.set()
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        for line in process.stdout:
            take(line.rstrip("\n"))
        code = process.wait()
    except BaseException:
        end()
        raise
    finally:
        timer.cancel()
    return None if expired.is_set() else code


class Product:
    """`millstream up` on the demo's project, on free ports."""

    def __init__(self, options):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="all-judges-", dir=options.work))
        shutil.copytree(DEMO, self.directory / "project", ignore=shutil.ignore_patterns("data"))
        names = ("broker", "store", "engine", "webserver", "console", "generator")
        self.ports = dict(zip(names, crash_loop.free_ports(options.port, len(names)), strict=True))
        # What console/people.mjs uses.
        shutil.copy(HERE / "console/dags/judged.yml", self.directory / "project/dags")
        for path in [*(self.directory / "project").rglob("*.sql"), *(self.directory / "project/dags").glob("*.py")]:
            path.write_text(path.read_text("utf-8").replace("127.0.0.1:8089", self.address("generator")), "utf-8")
        listens = {f"MILLSTREAM_{name.upper()}_LISTEN": self.address(name) for name in names}
        with open(self.directory / "up.log", "wb") as log:
            self.process = subprocess.Popen([options.binary, "up", str(self.directory / "project")], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=os.environ | listens, start_new_session=True)
        if not all(crash_loop.answers(self.address(name), 60) for name in ("broker", "store", "console")):
            self.end()
            raise RuntimeError(f"the product did not start: {(self.directory / 'up.log').read_text('utf-8')[-600:]}")

    def link(self):
        """The link that logs in, once; it is printed when the webserver is there."""
        crash_loop.answers(self.address("webserver"), 60)
        for _ in range(100):
            if found := re.search(r"http://\S+/login/link\?token=\S+", (self.directory / "up.log").read_text("utf-8")):
                return found[0]
            time.sleep(0.1)
        raise RuntimeError("no link that logs in was printed")

    def address(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def end(self):
        """True if it was still there and ended well."""
        here = self.process.poll() is None
        if here:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(60)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        return here and self.process.returncode in (0, 130)


# --- the judges -------------------------------------------------------------------------------


def clients(options, table, kafka, cassandra):
    """clients/run.py in full: a row per client."""
    begun = {}

    def take(line):
        found = CHECK.match(line)
        if found:
            name = found[2].split(" ", 1)[0]
            begun.setdefault(name, time.monotonic())
            table.take(name, line)
            table.rows[name].seconds = time.monotonic() - begun[name]
            print(line, flush=True)

    command = [sys.executable, HERE / "clients/run.py", "--kafka", kafka, "--cassandra", cassandra, "--work", options.work,
               "--patience", options.patience]
    if options.clients:
        command += ["--only", options.clients]
    code = run(command, options.clients_seconds * options.patience, take)
    if code is None or not begun:
        table.verdict("clients", False, f"run.py ended with {code} after {len(begun)} clients")


def console(options, table, product):
    """console/page.mjs and console/people.mjs in headless Chromium: a row each."""
    work = pathlib.Path(options.work) / "console"
    shutil.copytree(HERE / "console", work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    said = []
    if run(["npm", "install", "--silent", "--no-audit", "--no-fund"], 300, said.append, work) != 0:
        table.verdict("console", False, f"its packages cannot be installed: {' '.join(said)[-300:]}")
        return

    def judge(row, command, seconds):
        begun = time.monotonic()

        def take(line):
            if CHECK.match(line):
                table.take(row, line)
            # A failure's reason is on the lines after it.
            print(line, flush=True)
            said.append(line)

        code = run(["node", *command], seconds, take, work)
        if code != 0 and not table.rows.get(row, Row("")).failed:
            table.verdict(row, False, f"{command[0]} ended with {code}: {' '.join(said[-3:])[-300:]}")
        table.rows.setdefault(row, Row(row)).seconds = time.monotonic() - begun

    judge("console", ["page.mjs", f"http://{product.address('console')}"], 360)
    # By the name of the link, since a cookie is of one host.
    center = f"http://localhost:{product.ports['console']}"
    judge("people", ["people.mjs", product.link(), center, product.directory / "project"], 1_600)


def round_of(name, program, seconds, *more):
    """A judge that runs products of its own and says green or red at the end."""
    def judge(options, table):
        said = collections.deque(maxlen=200)

        def take(line):
            said.append(line)
            print(f"  {line}", flush=True)

        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=options.work) as directory:
            command = [sys.executable, HERE / program, options.binary, "--port", options.port + 20, "--directory", directory]
            if options.kafka and program == "crash_loop.py":
                command += ["--kafka", options.kafka, "--cassandra", options.cassandra]
            records = () if "--records" in more else ("--records", options.records)
            code = run([*command, *more, *records], seconds, take)
        wrong = [line.strip() for line in said if "WRONG" in line]
        table.verdict(name, code == 0, "; ".join(wrong[:3]) or f"{program} ended with {code}: {' '.join(list(said)[-2:])[-300:]}")
    return judge


ROUNDS = {
    "crash-loop": round_of("crash-loop", "crash_loop.py", 1800, "--parallelism", "2", "--hits", "1", "--kills", "4"),
    "power-cut": round_of("power-cut", "crash_loop.py", 1800, "--power-cut", "--parallelism", "2", "--hits", "1", "--kills", "4"),
    "full-disk": round_of("full-disk", "full_disk.py", 900, "--size-mib", "12"),
    "heavy-sql": round_of("heavy-sql", "heavy_sql.py", 600, "--records", "600000"),
}
EMBEDDED_ONLY = ("console", "power-cut", "full-disk", "heavy-sql")
NAMES = ("clients", "console", *ROUNDS)


def with_product(options, table, wanted):
    """The judges that share one product, or the given servers."""
    product = None if options.kafka else Product(options)
    try:
        if "console" in wanted:
            console(options, table, product)
        if "clients" in wanted:
            kafka = options.kafka or product.address("broker")
            cassandra = options.cassandra or product.address("store")
            clients(options, table, kafka, cassandra)
    finally:
        if product is not None:
            table.verdict("product", product.end(), f"it was gone or did not end well, see {product.directory / 'up.log'}")
            if not table.rows["product"].failed:
                shutil.rmtree(product.directory, ignore_errors=True)


def timed(table, name, body):
    begun = time.monotonic()
    body()
    table.rows[name].seconds = time.monotonic() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--work", required=True, type=lambda path: str(pathlib.Path(path).resolve()),
                        help="where clients are installed and products run")
    parser.add_argument("--only", help=f"of {', '.join(NAMES)}, comma-separated")
    parser.add_argument("--clients", help="as --only of clients/run.py")
    parser.add_argument("--clients-seconds", type=float, default=7200)
    parser.add_argument("--kafka", help="judge these real brokers")
    parser.add_argument("--cassandra", help="and this real node")
    parser.add_argument("--patience", type=float, default=1.0, help="the clients' limits are so many times longer")
    parser.add_argument("--records", type=int, default=8_000, help="records of each round")
    parser.add_argument("--port", type=int, default=19300, help="first port to try")
    options = parser.parse_args()
    if bool(options.kafka) != bool(options.cassandra):
        parser.error("--kafka and --cassandra go together")
    wanted = options.only.split(",") if options.only else [name for name in NAMES if not options.kafka or name not in EMBEDDED_ONLY]
    if unknown := set(wanted) - set(NAMES):
        parser.error(f"no judge named {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if options.kafka and (unfit := set(wanted) & set(EMBEDDED_ONLY)):
        parser.error(f"{', '.join(sorted(unfit))} judge the embedded parts; leave out --kafka")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that what was started is ended too
    pathlib.Path(options.work).mkdir(parents=True, exist_ok=True)
    table = Table()
    if {"clients", "console"} & set(wanted):
        with_product(options, table, wanted)
    for name, judge in ROUNDS.items():
        if name in wanted:
            print(f"{name}:", flush=True)
            timed(table, name, lambda judge=judge: judge(options, table))
    return not table.show()


if __name__ == "__main__":
    sys.exit(main())
