"""What a running task finds: the context, variables, connections, XComs, macros, templates."""

import datetime
import json
import logging
import random
import time
import urllib.parse
import uuid

from . import _host
from ._dag import DagParam, plain
from ._exceptions import AirflowException, AirflowNotFoundException, NotCovered
from ._graph import RETURN_VALUE, XComArg
from ._values import decode, encode, parse_moment

UNSET = object()
# The context of this process's task; None while a file is read.
current = None


def get_current_context():
    """The context of the running task."""
    if current is None:
        raise RuntimeError("there is a context while a task runs, and none runs: call this in the task, not in the file's body")
    return current


class Variable:
    """Values that a project's tasks share."""

    def __init__(self, key=None, val=None, description=None):
        self.key, self.val, self.description = key, val, description

    @staticmethod
    def get(key, default_var=UNSET, deserialize_json=False, default=UNSET):
        value = _host.ask("variable", key=key)
        if value is None:
            fallback = default if default is not UNSET else default_var
            if fallback is UNSET:
                raise KeyError("Variable {} does not exist".format(key))
            return fallback
        return json.loads(value) if deserialize_json else value

    @staticmethod
    def set(key, value, description=None, serialize_json=False):
        text = json.dumps(value, indent=2) if serialize_json else str(value)
        _host.ask("set_variable", key=key, value=text)

    @classmethod
    def setdefault(cls, key, default, description=None, deserialize_json=False):
        found = cls.get(key, default=None, deserialize_json=deserialize_json)
        if found is None:
            cls.set(key, default, description, serialize_json=deserialize_json)
            return default
        return found

    update = set

    @staticmethod
    def delete(key):
        return 1 if _host.ask("delete_variable", key=key) else 0

    @staticmethod
    def keys(*_args, **_kwargs):
        raise NotCovered("Variable.keys()")


class Connection:
    """An address with credentials."""

    def __init__(
        self, conn_id=None, conn_type=None, description=None, host=None, login=None, password=None, schema=None, port=None,
        extra=None, uri=None,
    ):
        if uri:
            parts = urllib.parse.urlsplit(uri)
            conn_type, host, port = parts.scheme.replace("-", "_"), parts.hostname, parts.port
            login = urllib.parse.unquote(parts.username) if parts.username else None
            password = urllib.parse.unquote(parts.password) if parts.password else None
            schema = urllib.parse.unquote(parts.path[1:]) or None
            extra = json.dumps(dict(urllib.parse.parse_qsl(parts.query))) if parts.query else None
        self.conn_id, self.conn_type, self.description = conn_id, conn_type, description
        self.host, self.login, self.password, self.schema, self.port = host, login, password, schema, port
        self.extra = json.dumps(extra) if isinstance(extra, dict) else extra

    def __repr__(self):
        return "Connection({!r}, {!r}, {!r})".format(self.conn_id, self.conn_type, self.host)

    @classmethod
    def get(cls, conn_id):
        found = _host.ask("connection", conn_id=conn_id)
        if found is None:
            raise AirflowNotFoundException("The conn_id `{}` isn't defined".format(conn_id))
        return cls(**found)

    get_connection_from_secrets = get

    @property
    def extra_dejson(self):
        try:
            return json.loads(self.extra) if self.extra else {}
        except ValueError:
            logging.getLogger("airflow.task").warning("the extra of connection %s is no JSON", self.conn_id)
            return {}

    def get_password(self):
        return self.password

    def get_extra(self):
        return self.extra

    def get_uri(self):
        quote = lambda text: urllib.parse.quote(str(text), safe="")  # noqa: E731
        who = quote(self.login) if self.login else ""
        if self.password is not None:
            who += ":" + quote(self.password)
        where = (who + "@" if who else "") + quote(self.host or "") + (":{}".format(self.port) if self.port else "")
        path = "/" + quote(self.schema) if self.schema else ""
        extra = self.extra_dejson
        query = "?" + urllib.parse.urlencode({key: str(value) for key, value in extra.items()}) if extra else ""
        return "{}://{}{}{}".format((self.conn_type or "").replace("_", "-"), where, path, query)

    def get_hook(self, *_args, **_kwargs):
        raise NotCovered("Connection.get_hook()")

    def test_connection(self):
        raise NotCovered("Connection.test_connection()")


class BaseHook:
    """Base of hooks."""

    def __init__(self, logger_name=None):
        self.log = logging.getLogger("airflow.task.hooks." + type(self).__name__)

    @classmethod
    def get_connection(cls, conn_id):
        return Connection.get(conn_id)

    @classmethod
    def get_hook(cls, *_args, **_kwargs):
        raise NotCovered("BaseHook.get_hook()")

    def get_conn(self):
        raise NotImplementedError("{} has no get_conn()".format(type(self).__name__))


class XCom:
    """Values of tasks that have run."""

    @staticmethod
    def get_one(*, key=RETURN_VALUE, task_id=None, dag_id=None, run_id=None, execution_date=None, map_index=None, **_rest):
        if execution_date is not None:
            raise NotCovered("XCom.get_one(execution_date=...)")
        return pull(task_id, key, dag_id, run_id)

    get_value = get_one

    @staticmethod
    def set(key, value, *, task_id=None, dag_id=None, run_id=None, **_rest):
        ti = get_current_context()["ti"]
        if (task_id or ti.task_id, dag_id or ti.dag_id, run_id or ti.run_id) != (ti.task_id, ti.dag_id, ti.run_id):
            raise NotCovered("XCom.set() for another task")
        ti.xcom_push(key, value)


def pull(task_id, key, dag_id=None, run_id=None):
    found = _host.ask("xcom", task_id=task_id, key=key, dag_id=dag_id, run_id=run_id)
    return decode(found["value"]) if found is not None else None


class DagRun:
    """The run that the task belongs to."""

    def __init__(self, facts, dag):
        self.dag = dag
        for name, value in facts.items():
            setattr(self, name, value)
        for name in ("run_id", "dag_id", "run_type", "conf", "logical_date", "data_interval_start", "data_interval_end", "start_date"):
            if not hasattr(self, name):
                setattr(self, name, None)
        self.conf = self.conf or {}
        self.execution_date = self.logical_date

    @property
    def external_trigger(self):
        return self.run_type == "manual"

    def get_task_instance(self, *_args, **_kwargs):
        raise NotCovered("DagRun.get_task_instance()")

    def get_task_instances(self, *_args, **_kwargs):
        raise NotCovered("DagRun.get_task_instances()")


class TaskInstance:
    """The running try."""

    def __init__(self, task, facts, run):
        self.task = task
        self.dag_run = run
        self.task_id = task.task_id
        self.dag_id = task.dag.dag_id
        self.run_id = facts["run_id"]
        self.try_number = facts["try_number"]
        self.max_tries = task.retries
        self.map_index = -1
        self.state = "running"
        self.operator = task.task_type
        self.start_date = datetime.datetime.now(datetime.timezone.utc)
        self.end_date = None
        self.hostname = "localhost"
        self.log = logging.getLogger("airflow.task")

    def __repr__(self):
        return "<TaskInstance: {}.{} {} [{}]>".format(self.dag_id, self.task_id, self.run_id, self.state)

    @property
    def key(self):
        return (self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)

    @property
    def logical_date(self):
        return self.dag_run.logical_date

    execution_date = logical_date

    def get_dagrun(self, *_args, **_kwargs):
        return self.dag_run

    def get_template_context(self, *_args, **_kwargs):
        return get_current_context()

    def xcom_push(self, key, value, *_args, **_kwargs):
        _host.ask("push_xcom", key=key, value=encode(value, "the XCom {} of task {}".format(key, self.task_id)))

    def xcom_pull(
        self, task_ids=None, dag_id=None, key=RETURN_VALUE, include_prior_dates=False, *, map_indexes=None, default=None,
        run_id=None, session=None,
    ):
        if include_prior_dates:
            raise NotCovered("xcom_pull(include_prior_dates=True)")
        if task_ids is None:
            task_ids = self.task_id
        if isinstance(task_ids, str):
            found = pull(task_ids, key, dag_id, run_id)
            return default if found is None else found
        return [pull(name, key, dag_id, run_id) for name in task_ids]


class Macros:
    """`macros` in templates, and the module airflow.macros."""

    datetime, timedelta, time, uuid, random = datetime.datetime, datetime.timedelta, time, uuid, random.random
    dateutil = None

    @staticmethod
    def ds_add(ds, days):
        return (datetime.datetime.strptime(str(ds), "%Y-%m-%d") + datetime.timedelta(days)).strftime("%Y-%m-%d")

    @staticmethod
    def ds_format(ds, input_format, output_format):
        return datetime.datetime.strptime(str(ds), input_format).strftime(output_format)

    @staticmethod
    def json(value=None):
        return json.dumps(value)

    @staticmethod
    def datetime_diff_for_humans(*_args, **_kwargs):
        raise NotCovered("macros.datetime_diff_for_humans")


class Accessor:
    """`var.value.x`, `var.json.x` and `conn.x`."""

    def __init__(self, look_up):
        self._look_up = look_up

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self._look_up(name)

    __getitem__ = __getattr__

    def get(self, name, default=None):
        try:
            return self._look_up(name)
        except (KeyError, AirflowNotFoundException):
            return default


class Var:
    value = Accessor(Variable.get)
    json = Accessor(lambda name: Variable.get(name, deserialize_json=True))


class Renderer:
    """Fills templates: by Jinja where it is installed, else by Millstream."""

    def __init__(self, dag, context):
        self.context = context
        self.dag = dag
        self.environment = None

    def jinja(self):
        try:
            import jinja2.sandbox
        except ImportError:
            return None
        loader = jinja2.FileSystemLoader(self.dag.template_searchpath) if self.dag.template_searchpath else None
        environment = jinja2.sandbox.SandboxedEnvironment(cache_size=0, loader=loader)
        environment.globals.update(self.dag.user_defined_macros)
        environment.filters.update(
            {
                "ds": lambda at: at.strftime("%Y-%m-%d"),
                "ds_nodash": lambda at: at.strftime("%Y%m%d"),
                "ts": lambda at: at.isoformat(),
                "ts_nodash": lambda at: at.strftime("%Y%m%dT%H%M%S"),
                "ts_nodash_with_tz": lambda at: at.isoformat().replace("-", "").replace(":", ""),
            }
        )
        environment.filters.update(self.dag.user_defined_filters)
        return environment

    def render(self, value, depth=0):
        """The value with its templates filled and with results in the place of XComArgs."""
        if isinstance(value, str):
            return self.text(value) if any(mark in value for mark in ("{{", "{%", "{#")) else value
        if isinstance(value, XComArg):
            return self.result(value)
        if isinstance(value, DagParam):
            return value.resolve(self.context)
        if depth > 20:
            return value
        if isinstance(value, dict):
            return {key: self.render(item, depth + 1) for key, item in value.items()}
        if type(value) in (list, tuple, set):
            return type(value)(self.render(item, depth + 1) for item in value)
        return value

    def result(self, argument):
        """What the task has returned; of a dict of several outputs, one item."""
        found = pull(argument.operator.task_id, argument.key)
        if found is None and argument.key != RETURN_VALUE:
            whole = pull(argument.operator.task_id, RETURN_VALUE)
            if not isinstance(whole, dict) or argument.key not in whole:
                raise AirflowException(
                    "task {} has left no XCom {!r}".format(argument.operator.task_id, argument.key)
                )
            return whole[argument.key]
        return found

    def text(self, template):
        if self.environment is None:
            self.environment = self.jinja() or False
        if self.environment:
            shown = {name: value for name, value in self.context.items() if not name.startswith("_")}
            return self.environment.from_string(template).render(shown)
        if self.dag.user_defined_macros or self.dag.user_defined_filters:
            raise NotCovered("a template with user_defined_macros or user_defined_filters, without Jinja2 installed,")
        return _host.ask("render", template=template)


MOMENTS = (
    "logical_date", "data_interval_start", "data_interval_end", "run_after", "prev_data_interval_start_success",
    "prev_data_interval_end_success", "prev_start_date_success", "prev_end_date_success", "start_date", "end_date", "queued_at",
)


def moments(facts):
    """The facts with datetimes in the place of the texts of moments."""
    return {
        name: as_moment(value) if name in MOMENTS and isinstance(value, str) else value for name, value in facts.items()
    }


def as_moment(text):
    found = parse_moment(text)
    try:
        import pendulum

        return pendulum.instance(found)
    except (ImportError, AttributeError):
        return found


def context_of(task, start):
    """The context of a task: what Millstream told, and what can be told from it."""
    facts = moments(start["context"])
    run = DagRun(moments({"run_id": start["run_id"], "dag_id": task.dag.dag_id, **(facts.get("dag_run") or {})}), task.dag)
    for name in ("logical_date", "data_interval_start", "data_interval_end", "run_after"):
        if getattr(run, name, None) is None:
            setattr(run, name, facts.get(name))
    ti = TaskInstance(task, start, run)
    at = facts.get("logical_date") or facts.get("run_after")
    params = {name: plain(param.value) for name, param in task.dag.params.items()}
    params.update({name: getattr(value, "value", value) for name, value in task.params.items()})
    params.update(facts.get("params") or {})
    params.update({name: value for name, value in run.conf.items() if name in params})
    context = {
        **{name: facts[name] for name in facts if name not in ("dag", "task", "ti", "dag_run")},
        "dag": task.dag,
        "task": task,
        "ti": ti,
        "task_instance": ti,
        "task_instance_key_str": "{}__{}__{}".format(task.dag.dag_id, task.task_id, at.strftime("%Y%m%d") if at else ""),
        "dag_run": run,
        "run_id": start["run_id"],
        "params": params,
        "macros": Macros,
        "var": Var,
        "conn": Accessor(Connection.get),
        "conf": None,
        "test_mode": False,
        "outlets": task.outlets,
        "inlets": task.inlets,
        "execution_date": facts.get("logical_date"),
        "exception": None,
        "templates_dict": None,
        "_environment": {},
        "_first_look": parse_moment(start["first_look"]) if start.get("first_look") else datetime.datetime.now(datetime.timezone.utc),
        "_skipped": None,
    }
    if at is not None:
        context.update(
            ds=at.strftime("%Y-%m-%d"),
            ds_nodash=at.strftime("%Y%m%d"),
            ts=at.isoformat(),
            ts_nodash=at.strftime("%Y%m%dT%H%M%S"),
            ts_nodash_with_tz=at.isoformat().replace("-", "").replace(":", ""),
        )
    context["_renderer"] = Renderer(task.dag, context)
    return context
