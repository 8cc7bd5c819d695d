"""Python DAG files on both rungs: real Airflow where it is installed, else the built-in package.

  python_dags.py PYDAG --kafka ADDRESS [--work DIR] [--airflow VENV] [--python PYTHON ...] [--only NAME ...]

PYDAG is the example `pydag` of crates/python. For every PYTHON (default: the one that runs this) a virtual
environment with kafka-python is made below DIR and judged on the built-in rung; VENV (default: made below DIR)
with apache-airflow 3.3.2 and kafka-python is judged on the Airflow rung. The files are those of
judges/python_dags/ and examples/users/dags/kafka_automation.py, and what must come out is the same on both.
ADDRESS is a broker that creates topics. Prints what a task costs. Exit code 0 if all is as it must be.
"""

import argparse
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
DAGS = HERE / "python_dags"
EXAMPLE = HERE.parent / "examples" / "users" / "dags"
AIRFLOW = "apache-airflow==3.3.2"


class Wrong(Exception):
    """Something is not as it must be."""


def must(condition, *words):
    if not condition:
        raise Wrong(" ".join(str(word) for word in words))


def equal(found, wanted, what):
    must(found == wanted, what, "is", repr(found), "and must be", repr(wanted))


class Pydag:
    """A running pydag."""

    def __init__(self, program, python, dags, built_in, grace_ms=5000):
        self.scratch = tempfile.TemporaryDirectory(prefix="pydag")
        command = [program, "--python", str(python), "--dags", str(dags), "--scratch", self.scratch.name]
        command += ["--grace-ms", str(grace_ms)] + (["--built-in"] if built_in else []) + ["serve"]
        # What a child must not see.
        env = {**os.environ, "MILLSTREAM_TOKEN": "t", "DB_PASSWORD": "p"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def ask(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        must(line, "pydag ended")
        return json.loads(line)

    def parse(self, file, **order):
        return self.ask(do="parse", file=file, **order)

    def run(self, file, dag_id, task_id, **order):
        return self.ask(do="run", file=file, dag_id=dag_id, task_id=task_id, **order)

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.scratch.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()


def texts(told, stream=None, level=None):
    return [text for s, l, text in told["log"] if stream in (None, s) and level in (None, l)]


def dag_of(told, number=0):
    must("dags" in told, told.get("error"))
    return told["dags"][number]


def upstream(dag):
    return {task["task_id"]: sorted(task["upstream"]) for task in dag["tasks"]}


def ended(told, state):
    must(told["state"] == state, told["task_id"], "ended", told["state"], told["detail"], texts(told)[-5:], "and must end", state)
    return told


class Judge:
    """One rung on one interpreter."""

    def __init__(self, program, python, built_in, kafka):
        self.program, self.python, self.built_in, self.kafka = program, python, built_in, kafka

    def pydag(self, dags=DAGS, **options):
        return Pydag(self.program, self.python, dags, self.built_in, **options)

    def runtime(self):
        with self.pydag() as pydag:
            told = pydag.parse("classic.py")
            must("error" not in told, told.get("error"))
            equal(told["runtime"], "built-in" if self.built_in else "airflow 3.3.2", "the runtime")
            must(told["reason"], "a runtime has its reason")
            return told["runtime"] + ": " + told["reason"]

    def classic(self):
        with self.pydag() as pydag:
            dag = dag_of(pydag.parse("classic.py"))
            equal(dag["timetable"], {"kind": "delta-trigger", "delta": 7_200_000_000, "interval": 0}, "the timetable")
            equal((dag["max_active_tasks"], dag["max_active_runs"]), (4, 1), "the limits")
            equal(dag["params"], {"greeting": "hello"}, "params")
            equal(
                upstream(dag),
                {
                    "start": [], "extract": ["start"], "total": ["extract"], "shell": ["total"], "branch": ["shell"],
                    "group.left": ["branch"], "group.right": ["branch"], "end": ["group.left", "group.right"],
                },
                "the graph",
            )
            tasks = {task["task_id"]: task for task in dag["tasks"]}
            equal(tasks["start"]["operator"], "empty", "the operator of start")
            equal(tasks["extract"]["operator"], "python", "the operator of extract")
            equal((tasks["extract"]["retries"], tasks["extract"]["retry_delay"]), (1, 300_000_000), "retries")
            equal(tasks["group.left"]["group"], "group", "the group of left")
            run = lambda name: pydag.run("classic.py", "classic", name)  # noqa: E731
            ended(run("start"), "success")
            told = ended(run("extract"), "success")
            equal(told["xcoms"], {"rows": [1, 2, 3], "return_value": {"ds": "2026-01-02", "run": "manual__1"}}, "XComs")
            told = ended(run("total"), "success")
            equal(told["xcoms"]["return_value"], {"total": 12, "ds": "2026-01-02"}, "the total")
            told = ended(run("shell"), "success")
            equal(told["xcoms"]["return_value"], "hello 2026-01-02 2026-01-03 12", "what the shell said")
            equal(told["rendered"]["bash_command"], 'echo "hello 2026-01-02 2026-01-03 12"', "the command")
            equal(ended(run("branch"), "success")["detail"], {"skips": ["group.left"]}, "what the branch skips")

    def taskflow(self):
        variables = {"greeting": "good day"}
        connections = {"db": {"conn_type": "postgres", "host": "db.example", "port": 5432, "password": "hunter22", "extra": '{"mode": "ro"}'}}
        with self.pydag() as pydag:
            dag = dag_of(pydag.parse("taskflow.py", variables=variables, connections=connections))
            equal((dag["timetable"]["cron"], dag["timetable"]["zone"]), ("0 3 * * *", "Europe/Berlin"), "the schedule")
            equal(dag["params"], {"n": 3}, "params")
            must("A DAG of functions." in dag["doc_md"], "the doc is the function's")
            joins = upstream(dag)
            equal(joins["join"], ["split"], "what join waits for")
            equal(joins["inner.even"], ["choose"], "what inner.even waits for")
            run = lambda name, **more: pydag.run("taskflow.py", "taskflow", name, **more)  # noqa: E731
            told = ended(run("numbers"), "success")
            equal(told["xcoms"]["return_value"], [0, 1, 2], "numbers")
            must("printed for 2026-01-02" in texts(told, "out"), "what is printed is in the log:", texts(told))
            told = ended(run("split"), "success")
            equal((told["xcoms"]["first"], told["xcoms"]["rest"]), (0, [1, 2]), "the parts")
            told = ended(run("join"), "success")
            equal(told["xcoms"], {"seen": "join", "return_value": {"sum": 3, "greeting": "good day"}}, "join")
            told = ended(run("choose"), "success")
            equal(told["detail"], {"skips": ["inner.even"]}, "what choose skips")
            told = ended(run("settings"), "success")
            equal(told["xcoms"]["return_value"], "db.example:5432 ro default", "settings")
            equal(told["variables"]["written"], "by a task", "the variable that a task set")
            equal(ended(run("go_on"), "success")["detail"], {"skips": ["never"]}, "what go_on skips")
            equal(ended(run("shell"), "success")["xcoms"]["return_value"], "2026-01-02 0-1-2", "shell")
            told = ended(run("skips"), "skipped")
            must("nothing to do today" in told["detail"]["reason"] or not self.built_in, told["detail"])
            told = ended(run("gives_up"), "failed")
            equal(told["detail"], {"reason": "AirflowFailException: no use", "retryable": False}, "gives_up")
            told = ended(run("breaks"), "failed")
            equal(told["detail"], {"reason": "ValueError: boom", "retryable": True}, "breaks")
            must(any("taskflow.py" in text for text in texts(told)), "the traceback is in the log:", texts(told))
            told = ended(run("breaks", try_number=4), "failed")
            equal(told["detail"]["reason"], "ValueError: boom", "the last try")

    def processes(self):
        with self.pydag(grace_ms=1000) as pydag:
            run = lambda name, **more: pydag.run("processes.py", "processes", name, **more)  # noqa: E731
            told = ended(run("writes"), "success")
            out = texts(told, "out")
            for text in ("to standard output", "from a child process", "\u00e4\u00f6\u00fc \U0001f600"):
                must(text in out, text, "is not in", out)
            must("to standard error" in texts(told, "err"), texts(told, "err"))
            must("to the log" in texts(told, "task", "info"), texts(told, "task"))
            must("as a warning" in texts(told, "task", "warning"), texts(told, "task"))
            must("not shown" not in texts(told), "debug lines are not shown")
            told = ended(run("many_lines"), "success")
            lines = [text for text in texts(told, "out") if text.startswith("line ")]
            equal(lines, ["line {}".format(number) for number in range(20000)], "many lines")
            told = ended(run("dies"), "failed")
            must("signal 9" in told["detail"]["reason"], told["detail"])
            ended(run("leaves"), "failed")
            told = ended(run("hangs", stop_after_ms=1500), "stopped")
            must("asleep" in texts(told, "out"), "what it said before is there")
            equal(alive("sleep 98765"), [], "what a stopped task leaves behind")
            ended(run("leaves_child"), "success")
            equal(alive("sleep 98764"), [], "what a task that ended leaves behind")
            told = ended(run("large"), "success")
            equal(len(told["xcoms"]["return_value"]), 1_000_000, "a large XCom")
            told = ended(run("secrets"), "success")
            equal(told["xcoms"]["return_value"], [], "secrets in the environment")

    def parent_dies(self):
        pydag = self.pydag(grace_ms=1000)
        dag_of(pydag.parse("processes.py"))
        order = {"do": "run", "file": "processes.py", "dag_id": "processes", "task_id": "hangs"}
        pydag.process.stdin.write(json.dumps(order) + "\n")
        pydag.process.stdin.flush()
        wait_for(lambda: alive("sleep 98765"), 20, "the task starts")
        pydag.process.kill()
        pydag.process.wait()
        wait_for(lambda: not alive("sleep 98765"), 20, "the task dies with its parent")
        wait_for(lambda: not alive(pydag.scratch.name), 20, "the fork server dies with its parent")
        pydag.process.stdin.close()
        pydag.scratch.cleanup()

    def helper_dies(self):
        with self.pydag(grace_ms=1000) as pydag:
            dag_of(pydag.parse("processes.py"))
            order = {"do": "run", "file": "processes.py", "dag_id": "processes", "task_id": "hangs"}
            pydag.process.stdin.write(json.dumps(order) + "\n")
            pydag.process.stdin.flush()
            wait_for(lambda: alive("sleep 98765"), 20, "the task starts")
            # Forks of it have its command line too: it is their parent.
            helper = min(alive(pydag.scratch.name + "/python/"))
            os.kill(helper, 9)
            told = ended(json.loads(pydag.process.stdout.readline()), "failed")
            must("helper process ended" in told["detail"]["reason"], told["detail"])
            must(told["detail"]["retryable"], "trying again helps")
            wait_for(lambda: not alive("sleep 98765"), 20, "the task dies with its helper")
            ended(pydag.run("processes.py", "processes", "writes"), "success")

    def errors(self):
        with self.pydag() as pydag:
            told = pydag.parse("broken_import.py")
            must(told.get("of_file"), told)
            must("broken_import.py, line 5: ModuleNotFoundError" in told["error"], told["error"])
            must("-m pip install library_that_nobody_has" in told["error"], told["error"])
            told = pydag.parse("broken_syntax.py")
            must("broken_syntax.py, line 5: SyntaxError" in told.get("error", ""), told)
            told = pydag.parse("mapped.py")
            must("dynamic task mapping" in told.get("error", ""), told)
            told = pydag.parse("not_there.py")
            must("cannot read" in told.get("error", ""), told)
            dag = dag_of(pydag.parse("slow_file.py", variables={"tag": "from a variable"}))
            equal((dag["tags"], dag["timetable"]), (["from a variable"], {"kind": "once"}), "slow_file")
            told = pydag.parse("slow_file.py", variables={"slow_file_seconds": "600"})
            must("took longer than 30 s" in told.get("error", ""), told)

    def swallowed(self):
        with self.pydag() as pydag:
            dag_of(pydag.parse("swallowed_errors.py", variables={"kafka_servers": self.kafka, "seconds": "1"}))
            told = ended(pydag.run("swallowed_errors.py", "swallowed_errors", "stream_data_from_api"), "success")
            notes = [text for text in texts(told, level="warning") if text.startswith("kafka:")]
            must(notes, "no note of what was lost:", texts(told)[-5:])
            for words in ("the task ended without an error, but no record reached Kafka", "Object of type UUID is not JSON serializable"):
                must(words in notes[0], words, "is not in", notes[0])
            return notes[0]

    def example(self):
        with Users() as users, self.pydag(dags=EXAMPLE) as pydag:
            variables = {"kafka_servers": self.kafka, "users_seconds": "3", "users_url": users.url}
            dag = dag_of(pydag.parse("kafka_automation.py", variables=variables))
            equal(dag["dag_id"], "user_automation_kafka_python", "the DAG")
            equal([task["task_id"] for task in dag["tasks"]], ["stream_data_from_api"], "its tasks")
            told = ended(pydag.run("kafka_automation.py", dag["dag_id"], "stream_data_from_api"), "success")
            notes = [text for text in texts(told, level="info") if text.startswith("kafka:")]
            sent = told["xcoms"]["return_value"]
            equal(notes, ["kafka: {0} records sent to users_created, {0} acknowledged".format(sent)], "the note")
            return notes[0]

    def cost(self):
        with self.pydag() as pydag:
            dag = dag_of(pydag.parse("chain40.py"))
            names = [task["task_id"] for task in dag["tasks"]]
            times = []
            began = time.monotonic()
            for name in names:
                told = ended(pydag.run("chain40.py", "chain40", name, quiet=True), "success")
                equal(told["xcoms"]["return_value"], 55, "fibo(10)")
                times.append(told["ms"])
            whole = time.monotonic() - began
            times.sort()
            began = time.monotonic()
            dag_of(pydag.parse("chain40.py"))
            parse = time.monotonic() - began
            load = os.getloadavg()[0]
            return "40 tasks in {:.2f} s; a task: median {:.0f} ms, slowest {:.0f} ms; reading the file {:.0f} ms; load {:.1f}".format(
                whole, times[len(times) // 2], times[-1], parse * 1000, load
            )

    def records(self):
        """What the note on Kafka says of ways to use it."""
        expected = {
            "well": "info kafka: 7 records sent to python_dags, 7 acknowledged",
            "serialiser": "warning kafka: the task ended without an error, but no record reached Kafka: 3 sends failed: "
            "Object of type UUID is not JSON serializable",
            "some_lost": "warning kafka: the task ended without an error, but 2 of 3 records reached Kafka (python_dags): 1 send failed: "
            "[Error 10] MessageSizeTooLargeError",
            "nothing": "warning kafka: the task ended without an error, but no record reached Kafka: none was sent",
            "no_broker": "warning kafka: the task ended without an error, but no record reached Kafka: no producer could be made: ",
            "fails": "warning kafka: no record reached Kafka: none was sent",
            "confluent": "info kafka: 5 records sent to python_dags, 5 acknowledged",
            "confluent_unflushed": "warning kafka: the task ended without an error, but no record reached Kafka: 1 record still on the "
            "way when the task ended, since the producer was neither flushed nor closed; end with producer.flush()",
            "reads_only": "",
        }
        with self.pydag() as pydag:
            dag_of(pydag.parse("kafka_clients.py", variables={"kafka_servers": self.kafka}))
            for name, wanted in expected.items():
                told = pydag.run("kafka_clients.py", "kafka_clients", name)
                equal(told["state"], "failed" if name == "fails" else "success", "the end of " + name)
                notes = [level + " " + text for _, level, text in told["log"] if text.startswith("kafka:")]
                note = notes[0] if notes else ""
                must(note.startswith(wanted) and bool(note) == bool(wanted), name, "noted", repr(note), "and must note", repr(wanted))

    def described(self):
        """Every DAG of the files that both rungs read, as far as both must say the same."""
        found = {}
        with self.pydag() as pydag:
            for file in SAME:
                told = pydag.parse(file)
                must("dags" in told, file, told.get("error"))
                for dag in told["dags"]:
                    found[dag["dag_id"]] = comparable(dag)
        return found

    CHECKS = ("runtime", "classic", "taskflow", "processes", "parent_dies", "helper_dies", "errors", "swallowed", "records", "example", "cost")


# Files whose DAGs must be the same on both rungs.
SAME = ("classic.py", "taskflow.py", "shapes.py", "chain40.py", "processes.py", "swallowed_errors.py")


def comparable(dag):
    """A DAG without what may differ: who runs a task, what is shown of its arguments, presets by their names."""
    dag = {key: value for key, value in dag.items() if key not in ("schedule", "version")}
    presets = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0"}
    timetable = dict(dag["timetable"])
    timetable["cron"] = presets.get(timetable.get("cron"), timetable.get("cron"))
    groups = sorted(dag["task_groups"], key=lambda group: group["group_id"])
    tasks = []
    for task in sorted(dag["tasks"], key=lambda task: task["task_id"]):
        task = {key: value for key, value in task.items() if key not in ("operator", "arguments")}
        tasks.append({**task, "upstream": sorted(task["upstream"])})
    return {**dag, "timetable": timetable, "task_groups": groups, "tasks": tasks}


def differences(ours, theirs, path=""):
    """Where two values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            line
            for key in sorted(set(ours) | set(theirs))
            for line in differences(ours.get(key, "nothing"), theirs.get(key, "nothing"), path + "/" + str(key))
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            line
            for number, (one, other) in enumerate(zip(ours, theirs))
            for line in differences(one, other, path + "/" + (one.get("task_id") if isinstance(one, dict) and "task_id" in one else str(number)))
        ]
    return [] if ours == theirs else ["{}: built-in {!r}, Airflow {!r}".format(path, ours, theirs)]


class Users:
    """An API of randomuser.me's shape."""

    def __enter__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                users = [{"login": {"uuid": "0000-{}".format(time.monotonic_ns())}, "name": {"first": "Ada"}}] * 5
                body = json.dumps({"results": users}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:{}/api/?results=5".format(self.server.server_port)
        return self

    def __exit__(self, *_exception):
        self.server.shutdown()


def alive(words):
    """Processes whose command line has the words."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if words in command:
                found.append(int(entry.name))
    return found


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        must(time.monotonic() < end, "not within", seconds, "s:", what)
        time.sleep(0.05)


def venv(path, python, *packages):
    """The interpreter of a virtual environment, made if it is not there."""
    interpreter = path / "bin" / "python"
    if not interpreter.exists():
        subprocess.run([python, "-m", "venv", str(path)], check=True)
    subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True)
    return interpreter


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pydag")
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "millstream-python-dags")
    parser.add_argument("--airflow", type=pathlib.Path)
    parser.add_argument("--python", action="append")
    parser.add_argument("--only", action="append")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    pydag = str(pathlib.Path(options.pydag).resolve())
    rungs = []
    for python in options.python or [sys.executable]:
        version = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True, check=True).stdout.strip()
        rungs.append(("built-in on Python " + version, venv(options.work / ("venv-" + version), python, "kafka-python", "confluent-kafka"), True))
    airflow = venv(options.airflow or options.work / "venv-airflow", sys.executable, AIRFLOW, "kafka-python", "confluent-kafka")
    rungs.append(("airflow", airflow, False))
    wrong = 0
    for name, python, built_in in rungs:
        judge = Judge(pydag, python, built_in, options.kafka)
        for check in options.only or Judge.CHECKS:
            try:
                note = getattr(judge, check)() or ""
                print("ok     {:24} {:12} {}".format(name, check, note), flush=True)
            except Wrong as problem:
                wrong += 1
                print("WRONG  {:24} {:12} {}".format(name, check, problem), flush=True)
    if not options.only:
        judges = [(name, Judge(pydag, python, built_in, options.kafka)) for name, python, built_in in rungs]
        theirs = judges[-1][1].described()
        for name, judge in judges[:-1]:
            lines = differences(judge.described(), theirs)
            wrong += len(lines)
            print("{:6} {:24} {:12} {} DAGs as Airflow reads them".format("WRONG" if lines else "ok", name, "same", len(theirs)))
            print("".join("       " + line + "\n" for line in lines), end="", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
