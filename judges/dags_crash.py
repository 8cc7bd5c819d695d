"""Kills the product again and again while fifty DAG runs are active, then lets it finish and judges it.

  dags_crash.py BINARY [--runs 50] [--tasks 12] [--kills 15] [--life 1.2] [--seed N] [--directory DIR]

A project with one DAG is made: a daily schedule with catchup over as many days as there are to be runs, all
of them active at a time. Its tasks are shell commands that hold a lock of their own while they run, and
write a line when they start and one when they end. A life of `BINARY up PROJECT --data DATA` ends by
kill -9 at a random moment; the last one runs until every run has ended. Then, from the SQLite database of
the metadata and from the lines:

  - every run is there and has succeeded, every task of it too: none is lost
  - no task ever found its lock held: none ran twice at a time
  - each task has one try that succeeded, its last; its lines are there, the end after the start
  - every earlier try has an end and a reason, and cost no retry (the tasks have none)
  - no line tells of a try that the database does not know

Exit code 0 if all of it holds. The directory of a red round is kept.
"""

import argparse
import collections
import datetime
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

CONFIG = """[broker]
listen = "127.0.0.1:{kafka}"
[store]
listen = "127.0.0.1:{cassandra}"
[engine]
listen = "127.0.0.1:{engine}"
[webserver]
listen = "127.0.0.1:{webserver}"
[console]
listen = "127.0.0.1:{console}"
[generator]
enabled = false
"""

COMMAND = r"""exec 9>>"{work}/locks/{{{{ run_id }}}}.{name}"
flock --nonblock 9 || {{ echo "OVERLAP {{{{ run_id }}}} {name} {{{{ ti.try_number }}}}" >> "{work}/lines"; exit 1; }}
echo "start {{{{ run_id }}}} {name} {{{{ ti.try_number }}}}" >> "{work}/lines"
sleep {seconds}
echo "end {{{{ run_id }}}} {name} {{{{ ti.try_number }}}}" >> "{work}/lines"
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def dag_file(work, runs, tasks, chance):
    """A first task, some beside one another, a last one; each waits for some before it."""
    first = datetime.date.today() - datetime.timedelta(days=runs)
    last = first + datetime.timedelta(days=runs - 1)
    lines = ["fifty:", "  schedule: '@daily'", f"  start_date: {first}", f"  end_date: {last}", "  catchup: true",
             f"  max_active_runs: {runs}", "  max_active_tasks: 1000", "  is_paused_upon_creation: false", "  tasks:"]
    for at in range(tasks):
        before = sorted(chance.sample(range(at), min(at, chance.randint(1, 2))))
        command = COMMAND.format(work=work, name=f"t{at}", seconds=round(chance.uniform(0.1, 1.5), 2))
        lines += [f"    - task_id: t{at}", "      operator: bash", f"      dependencies: [{', '.join(f't{b}' for b in before)}]",
                  "      bash_command: |"] + ["        " + line for line in command.splitlines()]
    return "\n".join(lines) + "\n"


def holds_metadata(path):
    try:
        with open(path, "rb") as file:
            if file.read(16) != b"SQLite format 3\0":
                return False
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as database:
            database.execute("SELECT 1 FROM task_instance LIMIT 1")
        return True
    except (OSError, sqlite3.Error):
        return False


class Round:
    def __init__(self, arguments):
        self.arguments, self.chance = arguments, random.Random(arguments.seed)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="dags-crash-", dir=arguments.directory))
        self.project, self.data, self.process, self.metadata = self.work / "project", self.work / "data", None, None
        (self.project / "dags").mkdir(parents=True)
        (self.work / "locks").mkdir()
        (self.work / "lines").touch()
        names = ("kafka", "cassandra", "engine", "webserver", "console")
        (self.project / "millstream.toml").write_text(CONFIG.format(**dict(zip(names, free_ports(len(names))))), "utf-8")
        (self.project / "dags/fifty.yml").write_text(dag_file(self.work, arguments.runs, arguments.tasks, self.chance), "utf-8")

    def start(self):
        log = open(self.work / "product.log", "ab")
        self.printed = log.tell()
        self.process = subprocess.Popen(
            [self.arguments.binary, "up", str(self.project), "--data", str(self.data), *self.arguments.flag],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.work)
        log.close()

    def started(self):
        """Whether this life has printed its table of parts."""
        with open(self.work / "product.log", "rb") as log:
            log.seek(self.printed)
            return b"Log in" in log.read()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def database(self):
        """The file that holds the metadata, once it is there."""
        if self.metadata is None:
            # os.walk, since folders of tasks come and go meanwhile.
            for folder, _, names in os.walk(self.data):
                for name in names:
                    path = os.path.join(folder, name)
                    if self.metadata is None and holds_metadata(path):
                        self.metadata = path
        return self.metadata

    def ask(self, text):
        path = self.database()
        if path is None:
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as database:
            return database.execute(text).fetchall()

    def states(self):
        return collections.Counter(dict(self.ask("SELECT state, COUNT(*) FROM dag_run GROUP BY state")))

    def run(self):
        begun = time.monotonic()
        for life in range(self.arguments.kills):
            self.start()
            if life == 0:
                self.wait(lambda: sum(self.states().values()) == self.arguments.runs, 60)
            time.sleep(self.chance.uniform(0.05, 2 * self.arguments.life))
            if self.process.poll() is not None:
                return [f"the product ended by itself with {self.process.returncode}:\n{self.tail()}"]
            active = self.states()
            self.kill()
            print(f"  life {life + 1}: {active['running']} runs active, {active['success']} succeeded", flush=True)
        self.start()
        done = self.wait(lambda: sum(self.states()[state] for state in ("success", "failed")) == self.arguments.runs,
                         self.arguments.patience)
        print(f"  {self.arguments.kills} kills, {time.monotonic() - begun:.0f} s in all")
        wrong = [] if done else [f"the runs have not ended: {dict(self.states())}"]
        # Should the last life have found nothing to do, it may still be starting.
        self.wait(self.started, 60)
        self.process.send_signal(signal.SIGINT)
        try:
            if self.process.wait(30) not in (0, 130):
                wrong.append(f"Ctrl-C ended it with {self.process.returncode}")
        except subprocess.TimeoutExpired:
            wrong.append("Ctrl-C did not end it")
        return wrong + self.judge()

    def wait(self, condition, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if condition():
                return True
            time.sleep(0.1)
        return False

    def tail(self):
        return "\n".join((self.work / "product.log").read_text("utf-8", "replace").splitlines()[-20:])

    def judge(self):
        wrong = []
        runs = self.ask("SELECT run_id, state FROM dag_run")
        if len(runs) != self.arguments.runs:
            wrong.append(f"{len(runs)} runs of {self.arguments.runs}")
        wrong += [f"run {run} is {state}" for run, state in runs if state != "success"]
        tasks = {(run, task): (state, number) for run, task, state, number in
                 self.ask("SELECT run_id, task_id, state, try_number FROM task_instance")}
        if len(tasks) != self.arguments.runs * self.arguments.tasks:
            wrong.append(f"{len(tasks)} tasks of {self.arguments.runs * self.arguments.tasks}")
        tries = collections.defaultdict(list)
        for run, task, number, state, ended, reason in self.ask(
                "SELECT run_id, task_id, try_number, state, ended_at, reason FROM task_try ORDER BY try_number"):
            tries[run, task].append((number, state, ended, reason))
        lines = collections.defaultdict(list)
        for at, line in enumerate((self.work / "lines").read_text("utf-8").splitlines()):
            what, run, task, number = line.split()
            if what == "OVERLAP":
                wrong.append(f"{run} {task}: try {number} found another one running")
            else:
                lines[run, task].append((at, what, int(number)))
        for key, (state, number) in tasks.items():
            wrong += [f"{' '.join(key)}: {words}" for words in self.judge_task(state, number, tries[key], lines[key])]
        cut = sum(len(of) - 1 for of in tries.values())
        print(f"  {len(tasks)} tasks in {sum(map(len, tries.values()))} tries, {cut} of them cut off")
        return wrong

    @staticmethod
    def judge_task(state, number, tries, lines):
        if state != "success":
            yield f"is {state}"
        if [one[0] for one in tries] != list(range(1, number + 1)):
            yield f"is at try {number} and has {[one[0] for one in tries]}"
            return
        for at, how, ended, reason in tries:
            if ended is None:
                yield f"try {at} has no end"
            if at == number and how != "success":
                yield f"its last try is {how}"
            if at < number and (how == "success" or not reason):
                yield f"try {at} is {how} with the reason {reason!r}"
        told = [(what, at) for _, what, at in lines]
        if told[-2:] != [("start", number), ("end", number)]:
            yield f"its last lines are {told[-2:]}"
        if len(set(told)) != len(told) or [at for _, at in told] != sorted(at for _, at in told):
            yield f"its lines are {told}"
        if any(at > number for _, at in told):
            yield f"a line tells of a try that is not there: {told}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--life", type=float, default=1.2, help="seconds of a life, on average")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for the last life")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", help="where round directories go; the system's temporary one by default")
    parser.add_argument("--flag", action="append", default=[], help="a further flag for `up`; may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the directory of a green round too")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that the product is ended too
    judged = Round(arguments)
    try:
        wrong = judged.run()
    finally:
        judged.kill()
    for line in wrong[:30]:
        print("  WRONG", line)
    print(f"red; kept: {judged.work}" if wrong else "green")
    if not wrong and not arguments.keep:
        shutil.rmtree(judged.work, ignore_errors=True)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
