"""The built-in rung: reads DAG files and runs their tasks with the package `airflow` that lies beside this file."""

import atexit
import datetime
import hashlib
import importlib.machinery
import importlib.util
import io
import json
import logging
import os
import signal
import socket
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TRACEBACK_LINES_MAX = 40


def load(settings):
    """Loads what every child needs."""
    sys.path.insert(0, os.path.join(HERE, "builtin"))
    import airflow
    import airflow._pendulum

    airflow._pendulum.install()
    # What most tasks import: once here is cheaper than in each child.
    import decimal  # noqa: F401
    import random  # noqa: F401
    import subprocess  # noqa: F401
    import threading  # noqa: F401
    import urllib.request  # noqa: F401
    import uuid  # noqa: F401

    import kafka_watch  # noqa: F401

    return {"python": sys.version.split()[0], "package": airflow.__version__}


class JsonLines(logging.Handler):
    """Log records as JSON lines."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def emit(self, record):
        try:
            line = {
                "timestamp": datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc).isoformat(),
                "level": record.levelname.lower(),
                "logger": record.name,
                "event": record.getMessage(),
            }
            if record.exc_info:
                line["event"] += "\n" + shortened(record.exc_info)
            self.file.write(json.dumps(line).encode() + b"\n")
        except Exception:
            self.handleError(record)


def shortened(exc_info):
    """A traceback without the frames of this package at its beginning."""
    kind, error, frames = exc_info
    while frames is not None and frames.tb_next is not None:
        name = frames.tb_frame.f_code.co_filename
        if not name.startswith(HERE) and not name.startswith("<frozen importlib"):
            break
        frames = frames.tb_next
    lines = "".join(traceback.format_exception(kind, error, frames)).rstrip().split("\n")
    if len(lines) > TRACEBACK_LINES_MAX:
        lines = [lines[0], "  ..."] + lines[-TRACEBACK_LINES_MAX:]
    return "\n".join(lines)


def open_streams(files):
    """Standard streams and logging go to Millstream."""
    os.dup2(files["out"], 1)
    os.dup2(files["err"], 2)
    for name, number in (("stdout", 1), ("stderr", 2)):
        raw = os.fdopen(number, "wb", closefd=False)
        setattr(sys, name, io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True))
    sys.stdin = open(os.devnull)
    root = logging.getLogger()
    root.handlers[:] = [JsonLines(os.fdopen(files["logs"], "wb", buffering=0))]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)


def child(parse, files, settings):
    """A job, in a child of its own."""
    from airflow import _host

    atexit._clear()
    open_streams(files)
    host = _host.current = _host.Host(socket.socket(fileno=files["requests"]))
    start = host.start()
    sys.path.insert(0, settings["dags"])
    try:
        if parse:
            host.ask("parsed", **read(start))
        else:
            import kafka_watch

            kafka_watch.install()
            host.ask("end", **run(start, kafka_watch.tally))
    except _host.HostError as error:
        sys.stderr.write("{}\n".format(error))
        return 124
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


class DagFile(importlib.machinery.SourceFileLoader):
    """Compiles the file each time: what Python keeps of it is told from another version by whole seconds."""

    def get_code(self, fullname):
        return self.source_to_code(self.get_data(self.path), self.path)


def module_of(path):
    """Loads a DAG file under a name that no module has."""
    digest = hashlib.sha1(path.encode()).hexdigest()
    name = "unusual_prefix_{}_{}".format(digest, os.path.splitext(os.path.basename(path))[0])
    loader = DagFile(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def dags_of(path):
    """The DAGs of a file: those of its globals, and those that tasks were made in."""
    from airflow import _dag

    module = module_of(path)
    own = {id(value) for value in vars(module).values() if isinstance(value, _dag.DAG)}
    found = {}
    for dag in _dag.made:
        if id(dag) not in own and not dag.entered:
            continue
        if dag.dag_id in found:
            raise _dag.AirflowException("the DAG id {} is used twice".format(dag.dag_id))
        dag.fileloc = path
        found[dag.dag_id] = dag
    return found


def read(start):
    """The file's DAGs, or what is wrong with it."""
    from airflow import _dag

    path = start["file"]
    try:
        dags = []
        for dag in dags_of(path).values():
            try:
                dags.append(dag.described())
            except Exception as error:
                raise type(error)("DAG {}: {}".format(dag.dag_id, error)) from error
    except BaseException as error:
        return {"fault": fault(path, error)}
    return {"dags": dags, "warnings": sorted(set(_dag.warnings))}


def fault(path, error):
    """What went wrong, and where in the file."""
    line = None
    if isinstance(error, SyntaxError) and error.filename == path:
        line = error.lineno
    frames = error.__traceback__
    while frames is not None:
        if frames.tb_frame.f_code.co_filename == path:
            line = frames.tb_lineno
        frames = frames.tb_next
    text = shortened((type(error), error, error.__traceback__))
    return {"message": one_line(error), "line": line, "traceback": text}


def one_line(error):
    """The error without its traceback."""
    from airflow._exceptions import NotCovered

    if isinstance(error, NotCovered):
        return str(error)
    text = traceback.format_exception_only(type(error), error)[-1].strip()
    for prefix in ("airflow._exceptions.", "airflow._host."):
        if text.startswith(prefix):
            text = text[len(prefix) :]
    return text


def run(start, tally):
    """Runs a task and tells how it ended."""
    from airflow import _base, _context, _exceptions

    log = logging.getLogger("airflow.task")
    try:
        dags = dags_of(start["file"])
        if start["dag_id"] not in dags:
            return {"outcome": "failed", "reason": "there is no DAG {} in {} any more".format(start["dag_id"], start["file"])}
        dag = dags[start["dag_id"]]
        if not dag.has_task(start["task_id"]):
            return {"outcome": "failed", "reason": "there is no task {} in DAG {} any more".format(start["task_id"], dag.dag_id)}
        task = dag.get_task(start["task_id"])
        context = _context.context_of(task, start)
    except BaseException as error:
        tally.ended_well = False
        log.error("The DAG file could not be read", exc_info=error)
        return {"outcome": "failed", "reason": one_line(error), "retryable": True}
    _context.current = context
    environment(task, context)
    on_terminate(task, log)
    end = attempt(task, context, log)
    error = end.pop("error", None)
    tally.ended_well = error is None or end["outcome"] == "skipped"
    retries = end["outcome"] == "failed" and end.get("retryable") and start["will_retry"]
    context["exception"] = error
    context["ti"].state = "up_for_retry" if retries else end["outcome"]
    callbacks = {
        "success": task.on_success_callback,
        "skipped": task.on_skipped_callback,
        "failed": task.on_retry_callback if retries else task.on_failure_callback,
    }
    _base.call_all(callbacks.get(end["outcome"]), context, log)
    skipped = context["_skipped"]
    if end["outcome"] == "success" and isinstance(skipped, _exceptions.DownstreamTasksSkipped):
        end["skips"] = skipped.tasks
    return end


def environment(task, context):
    """What Airflow tells a task by its environment."""
    at = context.get("logical_date")
    told = {
        "AIRFLOW_CTX_DAG_OWNER": str(task.owner),
        "AIRFLOW_CTX_DAG_ID": task.dag.dag_id,
        "AIRFLOW_CTX_TASK_ID": task.task_id,
        "AIRFLOW_CTX_LOGICAL_DATE": at.isoformat() if at else "",
        "AIRFLOW_CTX_EXECUTION_DATE": at.isoformat() if at else "",
        "AIRFLOW_CTX_TRY_NUMBER": str(context["ti"].try_number),
        "AIRFLOW_CTX_DAG_RUN_ID": context["run_id"],
    }
    os.environ.update(told)
    context["_environment"] = told


def on_terminate(task, log):
    """SIGTERM ends the task as Airflow ends it: on_kill, then an exception in its code."""
    from airflow._exceptions import AirflowTaskTerminated

    owner = os.getpid()

    def handle(_number, _frame):
        if os.getpid() != owner:
            # A process that the task has forked.
            os._exit(143)
        log.error("The task was told to end")
        task.on_kill()
        raise AirflowTaskTerminated("the task was told to end")

    signal.signal(signal.SIGTERM, handle)


def attempt(task, context, log):
    """pre_execute, templates, execute, the result, post_execute."""
    from airflow import _base, _exceptions, _host

    try:
        if task.on_execute_callback:
            _base.call_all(task.on_execute_callback, context, log)
        task.render_template_fields(context)
        if task.template_fields:
            _host.ask("rendered", fields=task.rendered_())
        task.pre_execute(context)
        result = task.execute(context)
        push(task, context, result)
        task.post_execute(context, result)
    except _exceptions.AirflowSkipException as error:
        return {"outcome": "skipped", "reason": str(error) or "the task skipped itself", "error": error}
    except _exceptions.DownstreamTasksSkipped as error:
        context["_skipped"] = error
    except _exceptions.AirflowRescheduleException as error:
        at = error.reschedule_date
        at = at if at.utcoffset() is not None else at.replace(tzinfo=datetime.timezone.utc)
        return {"outcome": "reschedule", "at": at.isoformat(), "reason": str(error)}
    except (_exceptions.AirflowFailException, _exceptions.AirflowSensorTimeout) as error:
        log.error("Task failed", exc_info=error)
        return {"outcome": "failed", "reason": one_line(error), "retryable": False, "error": error}
    except SystemExit as error:
        if error.code not in (None, 0):
            log.error("Task ended with exit code %s", error.code)
            return {"outcome": "failed", "reason": "the task called sys.exit({!r})".format(error.code), "retryable": True, "error": error}
    except BaseException as error:
        log.error("Task failed with exception", exc_info=error)
        return {"outcome": "failed", "reason": one_line(error), "retryable": True, "error": error}
    return {"outcome": "success"}


def push(task, context, result):
    """Keeps the result for later tasks."""
    if result is None or not task.do_xcom_push:
        return
    ti = context["ti"]
    if task.multiple_outputs:
        if not isinstance(result, dict):
            raise TypeError("with multiple_outputs the task returns a dict, not a {}".format(type(result).__name__))
        for key, value in result.items():
            ti.xcom_push(str(key), value)
    ti.xcom_push("return_value", result)
