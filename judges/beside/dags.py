"""Measures chains of 40 tasks beside Apache Airflow on this machine.

    dags.py --work DIR BINARY [--airflow DIR] [--runs 3] [--only ours,airflow]

Three DAGs of 40 tasks, one after the other: `empty` and `bash` (native tasks of ours, in dag-factory's
YAML) and `python`, a Python DAG file that Apache Airflow's own code reads and runs on both sides. The same
client triggers them over Airflow's REST API on both. Printed per chain and side, medians of --runs: seconds
from the run's start to its end as the API tells them, CPU-seconds of all processes, memory (PSS) at the end.

`peers/airflow.sh install DIR` must have run: its interpreter runs the Python DAG on our side too.
"""

import argparse
import json
import os
import pathlib
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime

import processes

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TASKS = 40
LIMIT_SECONDS = 400

PYTHON_DAG = '''
from datetime import datetime
from airflow.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator


def fibo(n=10):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)


with DAG("chain_python", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
    before = None
    for number in range(%d):
        task = PythonOperator(task_id=f"t{number:02}", python_callable=fibo)
        if before:
            before >> task
        before = task
''' % TASKS

BASH_DAG = '''
from datetime import datetime
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator

for name, make in (("bash", lambda i: BashOperator(task_id=i, bash_command="true")),
                   ("empty", lambda i: EmptyOperator(task_id=i))):
    with DAG(f"chain_{name}", start_date=datetime(2024, 1, 1), schedule=None, catchup=False) as dag:
        before = None
        for number in range(%d):
            task = make(f"t{number:02}")
            if before:
                before >> task
            before = task
    globals()[f"chain_{name}"] = dag
''' % TASKS


def native(name, arguments):
    """A chain as dag-factory YAML."""
    lines = [f"chain_{name}:", "  default_args: {start_date: 2024-01-01, owner: judge}", "  schedule: null", "  tasks:"]
    for number in range(TASKS):
        lines += [f"    - task_id: t{number:02}", *(f"      {line}" for line in arguments)]
        if number:
            lines.append(f"      dependencies: [t{number - 1:02}]")
    return "\n".join(lines) + "\n"


class Api:
    """Airflow's REST API v2."""

    def __init__(self, base, token=None):
        self.base, self.token = base, token

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, data, timeout=30) as answer:
            return json.load(answer)

    def wait(self, probe, what):
        deadline = time.monotonic() + LIMIT_SECONDS
        last = None
        while time.monotonic() < deadline:
            try:
                if found := probe():
                    return found
            except (urllib.error.URLError, ConnectionError, KeyError) as error:
                last = error
            time.sleep(0.05)
        sys.exit(f"{what}: nothing after {LIMIT_SECONDS} s ({last})")

    def run(self, dag):
        """Triggers a DAG and waits for its end; returns the seconds that the run took."""
        made = self.ask("POST", f"/api/v2/dags/{dag}/dagRuns", {"logical_date": None})
        path = f"/api/v2/dags/{dag}/dagRuns/{made['dag_run_id']}"

        def ended():
            run = self.ask("GET", path)
            return run if run["state"] in ("success", "failed") else None

        run = self.wait(ended, f"{dag} on {self.base}")
        if run["state"] != "success":
            sys.exit(f"{dag} on {self.base} failed")
        began, end = (datetime.fromisoformat(run[key].replace("Z", "+00:00")) for key in ("start_date", "end_date"))
        return (end - began).total_seconds()

    def unpause(self, dag):
        self.wait(lambda: self.ask("GET", f"/api/v2/dags/{dag}"), f"{dag} is read")
        self.ask("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})


def start_ours(binary, work, airflow, port):
    project = work / "project"
    shutil.rmtree(project, ignore_errors=True)
    (project / "dags").mkdir(parents=True)
    (project / "millstream.toml").write_text(
        f'[webserver]\nlisten = "127.0.0.1:{port}"\n[orchestrator]\npython = "{airflow}/venv/bin/python"\n')
    (project / "dags" / "empty.yml").write_text(native("empty", ["operator: empty"]))
    (project / "dags" / "bash.yml").write_text(native("bash", ["operator: bash", 'bash_command: "true"']))
    (project / "dags" / "chain_python.py").write_text(PYTHON_DAG)
    log = (work / "ours.log").open("w")
    child = subprocess.Popen([binary, "up", str(project), "--quiet", "--only", "orchestrator,webserver"], stdout=log,
                             stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    password = secrets.token_hex(16)
    api = Api(f"http://127.0.0.1:{port}")
    api.wait(lambda: api.ask("GET", "/api/v2/monitor/health"), "our API")
    subprocess.run([binary, "users", "create", "judge", "--role", "Admin", "--project", str(project)],
                   input=f"{password}\n", text=True, check=True, stdout=subprocess.DEVNULL)
    api.token = api.ask("POST", "/auth/token", {"username": "judge", "password": password})["access_token"]
    return api, child.pid, lambda: end(child)


def end(child):
    child.send_signal(signal.SIGTERM)
    child.wait(timeout=60)


def start_airflow(work, airflow, port):
    dags = work / "airflow-dags"
    shutil.rmtree(dags, ignore_errors=True)
    dags.mkdir(parents=True)
    (dags / "chain_python.py").write_text(PYTHON_DAG)
    (dags / "chain_native.py").write_text(BASH_DAG)
    script = ROOT / "peers" / "airflow.sh"
    subprocess.run(["bash", script, "start", airflow, "--dags", dags, "--port", str(port)], check=True,
                   stdout=subprocess.DEVNULL)
    api = Api(f"http://127.0.0.1:{port}")
    api.token = api.ask("GET", "/auth/token")["access_token"]
    pid = int((pathlib.Path(airflow) / "airflow.pid").read_text())
    return api, pid, lambda: subprocess.run(["bash", script, "stop", airflow], check=True)


def measure(name, started, runs):
    api, root, stop = started
    found = {}
    try:
        for chain in ("empty", "bash", "python"):
            dag = f"chain_{chain}"
            api.unpause(dag)
            api.run(dag)                                # the first one warms up, on both sides
            seconds, cpu = [], []
            for _ in range(runs):
                before = processes.cpu_seconds([root])
                seconds.append(api.run(dag))
                cpu.append(processes.cpu_seconds([root]) - before)
            memory = processes.pss_mb([root])
            found[chain] = (statistics.median(seconds), statistics.median(cpu), memory)
            print(f"{name} {chain}: {[round(value, 3) for value in seconds]} s, CPU {found[chain][1]:.2f} s, "
                  f"{memory:.0f} MiB", flush=True)
    finally:
        stop()
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary")
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--airflow", type=pathlib.Path, required=True)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--only", default="ours,airflow")
    arguments.add_argument("--port", type=int, default=26080)
    given = arguments.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    airflow = given.airflow.absolute()
    found = {}
    for side in given.only.split(","):
        started = start_ours(os.path.abspath(given.binary), given.work.absolute(), airflow, given.port) if side == "ours" \
            else start_airflow(given.work.absolute(), airflow, given.port + 1)
        found[side] = measure(side, started, given.runs)
    print("\n| chain of 40 | side | seconds | CPU-seconds | memory, MiB |\n|---|---|---|---|---|")
    for chain in ("empty", "bash", "python"):
        for side, figures in found.items():
            seconds, cpu, memory = figures[chain]
            print(f"| {chain} | {side} | {seconds:.2f} | {cpu:.2f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
