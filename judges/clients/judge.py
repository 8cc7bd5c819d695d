"""What every judge written in Python shares: its arguments, its checks and its names.

A judge is a program: PROGRAM NAME KAFKA CASSANDRA WORK. It prints one line per check,

    ok NAME check
    FAIL NAME check: why

and at the end `done NAME COUNT`, from which run.py knows that no check was lost. A check that raises has
failed; the next ones still run. Standard library only: it is imported inside many virtual environments.
"""

import contextlib
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import traceback

CHECK_SECONDS = 90
PATIENCE = float(os.environ.get("JUDGE_PATIENCE", "1"))     # run.py --patience: limits are so many times longer


class CheckTimeout(Exception):
    """A check took longer than its limit."""


class Judge:
    """The run of one judge against one pair of addresses."""

    def __init__(self):
        self.name, self.kafka, self.cassandra, work = sys.argv[1:5]
        self.suffix = secrets.token_hex(4)
        self.work = pathlib.Path(work) / f"run-{self.name}-{self.suffix}"
        self.work.mkdir(parents=True)
        self.count = 0

    @property
    def cassandra_host(self):
        return self.cassandra.rpartition(":")[0]

    @property
    def cassandra_port(self):
        return int(self.cassandra.rpartition(":")[2])

    def unique(self, stem):
        """A name for a topic, group, keyspace ... that no other run uses. Valid as a CQL identifier too."""
        return f"judge_{stem}_{self.suffix}"

    @contextlib.contextmanager
    def check(self, what, seconds=CHECK_SECONDS):
        """One check: prints ok or FAIL, and never lets its failure end the judge."""
        def expire(_signal, _frame):
            raise CheckTimeout(f"not done after {seconds} s")
        self.count += 1
        seconds = int(seconds * PATIENCE)
        signal.signal(signal.SIGALRM, expire)
        signal.alarm(seconds)
        try:
            yield
        except Exception as error:  # whatever a client raises is the finding
            signal.alarm(0)
            where = traceback.extract_tb(error.__traceback__)[-1]
            words = " ".join(str(error).split()) or "no message"
            self.say(f"FAIL {self.name} {what}: {type(error).__name__}: {words[:600]} "
                     f"({pathlib.Path(where.filename).name}:{where.lineno})")
        else:
            signal.alarm(0)
            self.say(f"ok {self.name} {what}")

    @staticmethod
    def say(line):
        print(line, flush=True)

    def finish(self):
        self.say(f"done {self.name} {self.count}")


def equal(got, expected, what=""):
    """Fails with both values when they differ."""
    if got != expected:
        raise AssertionError(f"{what + ': ' if what else ''}got {short(got)}, expected {short(expected)}")


def holds(condition, why):
    """Fails with the reason when the condition is false."""
    if not condition:
        raise AssertionError(why() if callable(why) else why)


@contextlib.contextmanager
def refused(kind, *words):
    """Passes only when the body raises `kind` with every word in its message."""
    try:
        yield
    except kind as error:
        text = str(error)
        missing = [word for word in words if word not in text]
        holds(not missing, f"the refusal does not say {missing}: {short(text)}")
        return
    raise AssertionError(f"nothing was refused, expected {kind.__name__}")


def until(condition, seconds=30, every=0.1, why="it never came true"):
    """Asks `condition` until it gives a true value, which is returned."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        holds(time.monotonic() < deadline, lambda: f"{why() if callable(why) else why} within {seconds} s")
        time.sleep(every)


def short(value, limit=400):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def command(words, text_in=None, seconds=60, environment=None, may_fail=False):
    """Runs a client's program; returns its standard output, or output and errors with `may_fail`."""
    try:
        done = subprocess.run([str(word) for word in words], input=text_in, capture_output=True, text=True,
                              timeout=seconds, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        tail = " ".join(((error.stderr or b"") + (error.stdout or b"")).decode(errors="replace").split())[-400:]
        raise AssertionError(f"{words[0]} did not end within {seconds} s: {tail}") from error
    if may_fail:
        return done.returncode, done.stdout + done.stderr
    if done.returncode:
        raise AssertionError(f"{words[0]} ended with {done.returncode}: {(done.stderr + done.stdout)[-600:]}")
    return done.stdout
