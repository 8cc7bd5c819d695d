"""Tasks that write much, die, hang, or leave something behind."""

import os
from datetime import datetime

from airflow import DAG
from airflow.operators.python import PythonOperator


def writes():
    import logging
    import sys

    print("to standard output")
    print("to standard error", file=sys.stderr)
    logging.info("to the log")
    logging.getLogger("my.library").warning("as a warning")
    logging.getLogger("my.library").debug("not shown")
    os.system("echo from a child process")
    print("\u00e4\u00f6\u00fc \U0001f600")


def many_lines():
    for number in range(20000):
        print("line", number)


def dies():
    os.kill(os.getpid(), 9)


def leaves():
    raise SystemExit(3)


def hangs():
    import subprocess
    import time

    subprocess.Popen(["sleep", "98765"])
    print("asleep", flush=True)
    time.sleep(600)


def leaves_child():
    import subprocess

    subprocess.Popen(["sleep", "98764"])


def large():
    return "x" * 1_000_000


def secrets():
    return sorted(name for name in os.environ if "TOKEN" in name or "PASSWORD" in name)


with DAG("processes", start_date=datetime(2026, 1, 1), schedule=None) as dag:
    for work in (writes, many_lines, dies, leaves, hangs, leaves_child, large, secrets):
        PythonOperator(task_id=work.__name__, python_callable=work)
