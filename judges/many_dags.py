"""Starts the product on a thousand DAG files and asks the list of DAGs as a person and as a program does.

  many_dags.py BINARY [--files 1000] [--asks 40]

Each file has a DAG of five tasks; one in ten is a Python file in the tutorial's shape, read by the interpreter that is
found. Told are the seconds from the start until every DAG is listed, and the milliseconds of the page /dags, of its
second page, of a search in it and of GET /api/v2/dags. Exit code 0 if every file was read and the slowest answer took
less than 200 ms; the answers are asked for after all was read, and again while two files change each second.
"""

import argparse
import http.cookiejar
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import dags_crash

MOST_MS = 200
NATIVE = """dag_{at:04}:
  description: One of many
  schedule: '@daily'
  start_date: 2026-01-01
  catchup: false
  tags: [many, t{tag}]
  tasks:
    - {{task_id: a, operator: empty}}
    - {{task_id: b, operator: bash, bash_command: "echo {at}", dependencies: [a]}}
    - {{task_id: c, operator: bash, bash_command: "echo c", dependencies: [a]}}
    - {{task_id: d, operator: bash, bash_command: "echo d", dependencies: [b, c]}}
    - {{task_id: e, operator: empty, dependencies: [d]}}
"""
PYTHON = """from datetime import datetime
from airflow import DAG
from airflow.operators.python import PythonOperator


def work():
    print({at})


with DAG("dag_{at:04}", default_args={{"owner": "many", "start_date": datetime(2026, 1, 1)}}, schedule_interval="@daily",
         catchup=False, tags=["many"]) as dag:
    tasks = [PythonOperator(task_id=f"t{{n}}", python_callable=work) for n in range(5)]
    for before, after in zip(tasks, tasks[1:]):
        before >> after
"""


class House:
    """The product on the files, and a person who has logged in."""

    def __init__(self, binary, work, files):
        self.dags = work / "project/dags"
        self.dags.mkdir(parents=True)
        for at in range(files):
            self.write(at)
        names = ("kafka", "cassandra", "engine", "webserver", "console")
        ports = dict(zip(names, dags_crash.free_ports(len(names))))
        (work / "project/millstream.toml").write_text(dags_crash.CONFIG.format(**ports), "utf-8")
        self.base, self.log = f"http://localhost:{ports['webserver']}", work / "up.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([binary, "up", work / "project", "--data", work / "data"], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.person = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def write(self, at, more=""):
        if at % 10:
            path, text = self.dags / f"dag_{at:04}.yml", NATIVE.format(at=at, tag=at % 7)
        else:
            path, text = self.dags / f"dag_{at:04}.py", PYTHON.format(at=at)
        path.write_text(text + more, "utf-8")

    def log_in(self):
        while self.process.poll() is None:
            link = re.search(r"http://\S+/login/link\S+", self.log.read_text("utf-8"))
            if link:
                self.person.open(link[0], timeout=30).read()
                return
            time.sleep(0.01)
        raise SystemExit(f"the product ended: {self.log.read_text('utf-8')[-500:]}")

    def get(self, path):
        return self.person.open(self.base + path, timeout=60).read()

    def count(self, what):
        return json.loads(self.get(f"/api/v2/{what}?limit=1"))["total_entries"]

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()


def slowest(house, asks, when):
    """The slowest answer of each question, milliseconds."""
    worst = 0.0
    for name, path in (("page", "/dags"), ("next page", "/dags?offset=50"), ("search", "/dags?search=dag_07"),
                       ("API", "/api/v2/dags?limit=50")):
        times = []
        for _ in range(asks):
            began = time.monotonic()
            answer = house.get(path)
            times.append(1000 * (time.monotonic() - began))
            if b"dag_0" not in answer:
                raise SystemExit(f"{path} lists no DAG: {answer[:300]}")
        times.sort()
        worst = max(worst, times[-1])
        print(f"{when}, {name}: median {times[len(times) // 2]:.0f} ms, slowest {times[-1]:.0f} ms")
    return worst


def change(house, files, done):
    at = 0
    while not done.wait(0.5):
        house.write(at % files, f"# {at}\n")
        at += 17


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--asks", type=int, default=40)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="many-dags-") as work:
        house = House(options.binary, pathlib.Path(work), options.files)
        began, done = time.monotonic(), threading.Event()
        try:
            house.log_in()
            while house.count("dags") < options.files and time.monotonic() - began < 300:
                time.sleep(0.05)
            listed = house.count("dags")
            print(f"{listed} of {options.files} DAGs are listed {time.monotonic() - began:.1f} s after the start")
            errors = house.count("importErrors")
            worst = slowest(house, options.asks, "at rest")
            threading.Thread(target=change, args=(house, options.files, done), daemon=True).start()
            worst = max(worst, slowest(house, options.asks, "while files change"))
        finally:
            done.set()
            house.end()
    right = listed == options.files and not errors and worst < MOST_MS
    print("green" if right else f"red: {listed} listed, {errors} that do not parse, slowest answer {worst:.0f} ms")
    return not right


if __name__ == "__main__":
    sys.exit(main())
