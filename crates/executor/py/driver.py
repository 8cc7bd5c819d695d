"""Calls one Python function as a task.

Standard input is a socket to Millstream. One line of JSON comes first and says what to call; then this
script asks, a line at a time, and is answered; its last line is how the task ended. Whatever the function
prints goes to the task's log as it is.
"""

import importlib
import importlib.util
import inspect
import json
import logging
import os
import socket
import sys
import traceback
from datetime import datetime

MARK = object()
TIMES = {
    "logical_date", "execution_date", "data_interval_start", "data_interval_end",
    "prev_data_interval_start_success", "prev_data_interval_end_success",
    "prev_start_date_success", "prev_end_date_success", "run_after", "start_date", "end_date",
}


class Refused(Exception):
    """What no further try mends."""


class Channel:
    """The line to Millstream."""

    def __init__(self):
        self.socket = socket.socket(fileno=os.dup(0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\n")

    def read(self):
        return json.loads(self.lines.readline())

    def tell(self, message):
        self.socket.sendall(json.dumps(message, allow_nan=False).encode() + b"\n")

    def ask(self, **question):
        self.tell(question)
        answer = self.read()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]


class Members(dict):
    """A map whose members are attributes too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class TaskInstance(Members):
    """`ti`: results of other tasks, and of this one."""

    def xcom_pull(self, task_ids=None, dag_id=None, key="return_value", run_id=None, default=None,
                  **_unused):
        def pull(task_id):
            value = self.channel.ask(ask="pull_xcom", task_id=task_id, key=key, dag_id=dag_id,
                                     run_id=run_id)
            return default if value is None else value

        if task_ids is None or isinstance(task_ids, str):
            return pull(task_ids or self["task_id"])
        return [pull(task_id) for task_id in task_ids]

    def xcom_push(self, key, value, **_unused):
        self.channel.ask(ask="push_xcom", key=key, value=plain(value, "the value of " + key))


class Variables:
    """`var.value` and `var.json`."""

    def __init__(self, channel, parse):
        self.__dict__.update(channel=channel, parse=parse)

    def get(self, name, default=MARK):
        text = self.channel.ask(ask="variable", name=name)
        if text is None:
            if default is MARK:
                raise KeyError("there is no variable " + name)
            return default
        return self.parse(text)

    def __getattr__(self, name):
        return self.get(name)


class Connections:
    """`conn`."""

    def __init__(self, channel):
        self.__dict__.update(channel=channel)

    def get(self, name, default=MARK):
        found = self.channel.ask(ask="connection", name=name)
        if found is None:
            if default is MARK:
                raise KeyError("there is no connection " + name)
            return default
        return Members(found)

    def __getattr__(self, name):
        return self.get(name)


def plain(value, what):
    """The value, once JSON can hold it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(
            "%s cannot be kept as JSON: %s; return texts, numbers, lists and maps" % (what, error)
        ) from None
    return value


def timed(name, value):
    if name not in TIMES or not isinstance(value, str):
        return value
    return datetime.fromisoformat(value.replace("Z", "+00:00"))


def context_of(order, channel):
    """Airflow's template context, as far as it can be told here."""
    context = {}
    for name, value in order["context"].items():
        if isinstance(value, dict) and name in ("dag", "dag_run", "task", "ti", "task_instance"):
            value = Members((member, timed(member, one)) for member, one in value.items())
        context[name] = timed(name, value)
    date = context.get("logical_date")
    if isinstance(date, datetime):
        ts = date.isoformat()
        for name, value in (
            ("ds", date.strftime("%Y-%m-%d")), ("ds_nodash", date.strftime("%Y%m%d")),
            ("ts", ts), ("ts_nodash", date.strftime("%Y%m%dT%H%M%S")),
            ("ts_nodash_with_tz", ts.replace("-", "").replace(":", "")),
            ("execution_date", date),
        ):
            context.setdefault(name, value)
    ti = TaskInstance(context.get("ti") or {})
    ti.update(order["key"])
    ti.channel = channel
    context.update(
        ti=ti, task_instance=ti, conn=Connections(channel),
        var=Members(value=Variables(channel, str), json=Variables(channel, json.loads)),
    )
    for name, value in (("run_id", order["key"]["run_id"]), ("params", {})):
        context.setdefault(name, value)
    return context


def from_file(path, name):
    spec = importlib.util.spec_from_file_location("task_file", path)
    if spec is None:
        raise Refused("%s is no Python file" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["task_file"] = module
    sys.path.insert(0, os.path.dirname(path))
    spec.loader.exec_module(module)
    return member(module, name, path)


def from_path(path):
    module, _, name = path.rpartition(".")
    return member(importlib.import_module(module), name, module)


def member(module, name, where):
    function = getattr(module, name, None)
    if not callable(function):
        raise Refused("%s has no function %s" % (where, name))
    return function


def from_code(code):
    """An expression that is a function, or statements: then the last function that they define."""
    names = {"__name__": "task_code"}
    try:
        function = eval(compile(code.strip(), "<python_callable>", "eval"), names)
    except SyntaxError:
        exec(compile(code, "<python_callable>", "exec"), names)
        own = [one for one in names.values()
               if inspect.isfunction(one) and one.__module__ == "task_code"]
        function = own[-1] if own else None
    if not callable(function):
        raise Refused("python_callable defines no function")
    return function


def given(function, order, context):
    """The arguments: of the context only what the function names, as Airflow does it."""
    arguments = list(order["op_args"])
    named = dict(order["op_kwargs"])
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return arguments, named
    if any(one.kind == one.VAR_KEYWORD for one in parameters):
        return arguments, {**context, **named}
    by_name = [one.name for one in parameters
               if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    taken = [one.name for one in parameters
             if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)][:len(arguments)]
    wanted = (name for name in by_name if name in context and name not in taken)
    return arguments, {**{name: context[name] for name in wanted}, **named}


def run(order, channel):
    sys.path[0:0] = order["paths"]
    context = context_of(order, channel)
    if order["file"]:
        function = from_file(order["file"], order["name"])
    elif order["path"]:
        function = from_path(order["path"])
    else:
        function = from_code(order["code"])
    arguments, named = given(function, order, context)
    return plain(function(*arguments, **named), "what the function returned")


def ending(order, channel):
    try:
        return {"ended": "success", "value": run(order, channel)}
    except Refused as error:
        return {"ended": "refused", "reason": str(error)}
    except BaseException as error:
        names = [kind.__name__ for kind in type(error).__mro__]
        reason = "".join(traceback.format_exception_only(type(error), error)).strip()
        if "AirflowSkipException" in names:
            return {"ended": "skipped", "reason": str(error) or "the function skipped the task"}
        if isinstance(error, SystemExit) and not error.code:
            return {"ended": "success", "value": None}
        traceback.print_exc()
        ended = "refused" if "AirflowFailException" in names else "failed"
        return {"ended": ended, "reason": reason.splitlines()[-1][:2000]}


def main():
    channel = Channel()
    order = channel.read()
    if order.get("packages") is not None:
        import guard

        dags, project = order["paths"]
        guard.install(order["packages"], dags, [project, os.path.dirname(os.path.abspath(__file__))])
    del sys.path[0]
    logging.basicConfig(level=logging.INFO, stream=sys.stderr,
                        format="%(levelname)s %(name)s: %(message)s")
    last = ending(order, channel)
    sys.stdout.flush()
    sys.stderr.flush()
    channel.tell(last)
    # Threads that are left, and what an interpreter does at its end, are of no use to the task.
    os._exit(0)


main()
