"""BaseOperator: what all tasks have, and how a task is described, rendered and run."""

import collections.abc
import datetime
import functools
import inspect
import logging
import os

from . import _graph
from ._dag import check_id, dag_of, plain
from ._dag import warnings as dag_warnings
from ._exceptions import AirflowException, AirflowRescheduleException, AirflowSensorTimeout, AirflowSkipException, NotCovered
from ._graph import XComArg, results_in
from ._schedule import length_of, micros

TRIGGER_RULES = (
    "all_success", "all_failed", "all_done", "all_done_min_one_success", "all_skipped", "one_failed", "one_success",
    "one_done", "none_failed", "none_failed_min_one_success", "none_skipped", "always",
)
# Taken, and without effect here.
SHOWN_ONLY = (
    "email", "email_on_failure", "email_on_retry", "executor", "executor_config", "queue", "run_as_user", "resources",
    "task_concurrency", "task_display_name", "ui_color", "ui_fgcolor", "wait_for_past_depends_before_skipping",
    "weight_rule", "map_index_template", "max_active_tis_per_dag", "max_active_tis_per_dagrun", "sla", "inlets", "logger_name",
    "allow_nested_operators", "ignore_first_depends_on_past", "params", "start_from_trigger", "doc_json", "doc_yaml",
    "doc_rst", "retry_policy", "start_date", "end_date", "render_template_as_native_obj", "is_setup", "is_teardown",
    "on_failure_fail_dagrun",
)
SPEAKS = ("run_as_user", "max_active_tis_per_dag", "max_active_tis_per_dagrun", "sla", "email_on_failure", "retry_policy")
CALLBACKS = ("on_execute_callback", "on_success_callback", "on_failure_callback", "on_retry_callback", "on_skipped_callback")


class TriggerRule:
    """The names of the rules."""

    @classmethod
    def is_valid(cls, rule):
        return str(rule) in TRIGGER_RULES

    @classmethod
    def all_triggers(cls):
        return set(TRIGGER_RULES)


for _rule in TRIGGER_RULES:
    setattr(TriggerRule, _rule.upper(), _rule)
# Its name until Airflow 2.4.
TriggerRule.NONE_FAILED_OR_SKIPPED = "none_failed_min_one_success"


class WeightRule:
    DOWNSTREAM, UPSTREAM, ABSOLUTE = "downstream", "upstream", "absolute"


def with_defaults(init):
    """An `__init__` whose missing arguments come from the default_args of the DAG and the groups."""
    names = [
        name
        for name, parameter in inspect.signature(init).parameters.items()
        if name != "self" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]

    @functools.wraps(init)
    def wrapped(self, *args, **kwargs):
        if args:
            raise TypeError("{} takes keyword arguments only: task_id=..., ...".format(type(self).__name__))
        group = kwargs.get("task_group") or (_graph.groups[-1] if _graph.groups else None)
        dag = dag_of(kwargs.get("task_id"), kwargs.get("dag"), group)
        if group is not None and group.dag is not dag:
            group = None
        defaults = dict(dag.default_args) if dag else {}
        chain = []
        while group is not None:
            chain.append(group)
            group = group.parent_group
        for outer in reversed(chain):
            defaults.update(outer.default_args)
        defaults.update(kwargs.get("default_args") or {})
        for name in names:
            if name in defaults and name not in kwargs and name not in ("task_id", "dag", "params", "default_args"):
                kwargs[name] = defaults[name]
        init(self, **kwargs)

    return wrapped


class OperatorMeta(type):
    """Gives every operator class the defaults, and looks at every operator once it is whole."""

    def __new__(mcs, name, bases, namespace):
        if "__init__" in namespace:
            namespace["__init__"] = with_defaults(namespace["__init__"])
        return super().__new__(mcs, name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        operator = super().__call__(*args, **kwargs)
        operator.find_results()
        return operator

    def partial(cls, **_kwargs):
        raise NotCovered("dynamic task mapping ({}.partial)".format(cls.__name__))


class LoggingMixin:
    """Gives a class a logger."""

    @property
    def log(self):
        return logging.getLogger("airflow.task.operators." + type(self).__qualname__)


class BaseOperator(_graph.Node, LoggingMixin, metaclass=OperatorMeta):
    """A task."""

    template_fields = ()
    template_ext = ()
    template_fields_renderers = {}
    ui_color = "#fff"

    def __init__(
        self,
        task_id,
        owner="airflow",
        retries=0,
        retry_delay=datetime.timedelta(seconds=300),
        retry_exponential_backoff=False,
        max_retry_delay=None,
        depends_on_past=False,
        wait_for_downstream=False,
        dag=None,
        task_group=None,
        priority_weight=1,
        pool="default_pool",
        pool_slots=1,
        execution_timeout=None,
        trigger_rule="all_success",
        do_xcom_push=True,
        multiple_outputs=False,
        doc=None,
        doc_md=None,
        outlets=None,
        default_args=None,
        on_execute_callback=None,
        on_success_callback=None,
        on_failure_callback=None,
        on_retry_callback=None,
        on_skipped_callback=None,
        **rest,
    ):
        unknown = [name for name in rest if name not in SHOWN_ONLY]
        if unknown:
            raise TypeError(
                "{} (task {}) takes no argument {}".format(type(self).__name__, task_id, ", ".join(sorted(unknown)))
            )
        for name in SPEAKS:
            if rest.get(name):
                dag_warnings.append("task {}: {} has no effect with the built-in package".format(task_id, name))
        if rest.get("is_setup") or rest.get("is_teardown"):
            raise NotCovered("a setup or teardown task")
        check_id(task_id, "task_id")
        group = task_group or (_graph.groups[-1] if _graph.groups else None)
        self.dag = dag_of(task_id, dag, group)
        self.task_group = group if group is not None and group.dag is self.dag else None
        self.label = task_id
        self.task_id = self.task_group.child_id(task_id) if self.task_group else task_id
        check_id(self.task_id, "task_id")
        self.owner = owner
        self.retries = 0 if retries is None else int(retries)
        self.retry_delay = length_of(retry_delay, "retry_delay")
        self.retry_exponential_backoff = retry_exponential_backoff
        self.max_retry_delay = length_of(max_retry_delay, "max_retry_delay")
        self.depends_on_past = depends_on_past
        self.wait_for_downstream = wait_for_downstream
        self.priority_weight = priority_weight
        self.pool = pool or "default_pool"
        self.pool_slots = pool_slots
        self.execution_timeout = length_of(execution_timeout, "execution_timeout")
        self.trigger_rule = getattr(trigger_rule, "value", trigger_rule)
        if self.trigger_rule not in TRIGGER_RULES:
            raise AirflowException("task {}: there is no trigger rule {!r}".format(task_id, trigger_rule))
        self.do_xcom_push = do_xcom_push
        self.multiple_outputs = multiple_outputs
        self.doc = doc
        self.doc_md = doc_md
        self.outlets = outlets or []
        self.inlets = rest.get("inlets") or []
        self.params = rest.get("params") or {}
        for name, value in zip(
            CALLBACKS,
            (on_execute_callback, on_success_callback, on_failure_callback, on_retry_callback, on_skipped_callback),
        ):
            setattr(self, name, value)
        self.upstream_task_ids = set()
        self.downstream_task_ids = set()
        if self.dag is not None:
            self.dag.add_task(self)
            if self.task_group is not None:
                self.task_group.children.append(self)

    def __repr__(self):
        return "<Task({}): {}>".format(type(self).__name__, self.task_id)

    @property
    def dag_id(self):
        return self.dag.dag_id if self.dag else "adhoc_" + self.owner

    @property
    def task_type(self):
        return type(self).__name__

    @property
    def operator_class(self):
        return type(self)

    @property
    def output(self):
        """Its result, for tasks after it."""
        return XComArg(self)

    @property
    def upstream_list(self):
        return [self.dag.get_task(name) for name in sorted(self.upstream_task_ids)]

    @property
    def downstream_list(self):
        return [self.dag.get_task(name) for name in sorted(self.downstream_task_ids)]

    def roots_(self):
        return [self]

    def leaves_(self):
        return [self]

    def find_results(self):
        """Waits for the tasks whose results are in the arguments."""
        for name in self.template_fields:
            for result in results_in(getattr(self, name, None)):
                if result.operator is not self:
                    self.set_upstream(result)

    def as_setup(self):
        raise NotCovered("a setup task")

    def as_teardown(self, *_args, **_kwargs):
        raise NotCovered("a teardown task")

    def defer(self, *_args, **_kwargs):
        raise NotCovered("a deferred task (deferrable=True)")

    def pre_execute(self, context):
        """Before execute()."""

    def execute(self, context):
        raise NotImplementedError("{} has no execute()".format(type(self).__name__))

    def post_execute(self, context, result=None):
        """After execute()."""

    def on_kill(self):
        """When the task is told to end."""

    def xcom_push(self, context, key, value):
        context["ti"].xcom_push(key=key, value=value)

    def xcom_pull(self, context, task_ids=None, key=_graph.RETURN_VALUE, **kwargs):
        return context["ti"].xcom_pull(task_ids=task_ids, key=key, **kwargs)

    def render_template_fields(self, context):
        """Fills templates and results into the arguments."""
        renderer = context["_renderer"]
        for name in self.template_fields:
            if not hasattr(self, name):
                raise AttributeError("{} is a template field of {} and no attribute".format(name, type(self).__name__))
            value = getattr(self, name)
            if isinstance(value, str) and self.template_ext and value.endswith(tuple(self.template_ext)):
                value = self.read_template(value)
            setattr(self, name, renderer.render(value))

    def read_template(self, name):
        """The text of a template file: beside the DAG file, or below its template_searchpath."""
        folders = [os.path.dirname(self.dag.fileloc), *self.dag.template_searchpath] if self.dag else []
        for folder in folders:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, encoding="utf-8") as file:
                    return file.read()
        raise AirflowException("there is no template {} in {}".format(name, ", ".join(folders)))

    def arguments_(self):
        """What Millstream shows of it, and needs where it runs it by itself."""
        return {"operator": self.class_path_()}

    def class_path_(self):
        return type(self).__module__ + "." + type(self).__qualname__

    def native_(self):
        """The operator that runs it: one of Millstream's own, `python`, or `airflow`."""
        return "airflow"

    def described(self):
        """The task as Millstream's serialised DAG."""
        backoff = self.retry_exponential_backoff
        return {
            "task_id": self.task_id,
            "operator": self.native_(),
            "arguments": self.arguments_(),
            "group": self.task_group.group_id if self.task_group else None,
            "upstream": sorted(self.upstream_task_ids),
            "trigger_rule": self.trigger_rule,
            "owner": str(self.owner),
            "doc_md": self.doc_md or self.doc,
            "retries": self.retries,
            "retry_delay": micros(self.retry_delay),
            "retry_exponential_backoff": 2.0 if backoff is True else float(backoff or 1.0),
            "max_retry_delay": None if self.max_retry_delay is None else micros(self.max_retry_delay),
            "execution_timeout": None if self.execution_timeout is None else micros(self.execution_timeout),
            "depends_on_past": bool(self.depends_on_past),
            "wait_for_downstream": bool(self.wait_for_downstream),
            "pool": self.pool,
            "pool_slots": self.pool_slots,
            "priority_weight": self.priority_weight,
        }

    def rendered_(self):
        """The arguments after rendering, for people."""
        return {name: plain(getattr(self, name, None)) for name in self.template_fields}


class BaseSensorOperator(BaseOperator):
    """A task that waits: execute() calls poke() until it says yes."""

    def __init__(
        self, *, poke_interval=60, timeout=604_800, soft_fail=False, mode="poke", exponential_backoff=False, silent_fail=False,
        **kwargs,
    ):
        if kwargs.pop("deferrable", False):
            raise NotCovered("a deferred task (deferrable=True)")
        kwargs.pop("never_fail", None)
        kwargs.pop("max_wait", None)
        super().__init__(**kwargs)
        if mode not in ("poke", "reschedule"):
            raise AirflowException("task {}: there is no sensor mode {!r}".format(self.task_id, mode))
        self.poke_interval = length_of(poke_interval, "poke_interval").total_seconds()
        self.timeout = length_of(timeout, "timeout").total_seconds()
        self.soft_fail = soft_fail
        self.mode = mode
        self.silent_fail = silent_fail

    def poke(self, context):
        raise NotImplementedError("{} has no poke()".format(type(self).__name__))

    def execute(self, context):
        import time

        began = context["_first_look"] if self.mode == "reschedule" else datetime.datetime.now(datetime.timezone.utc)
        while True:
            found = self.poke(context)
            if found:
                return getattr(found, "xcom_value", None)
            waited = (datetime.datetime.now(datetime.timezone.utc) - began).total_seconds()
            if waited + self.poke_interval > self.timeout:
                text = "waited {:.0f} s, and timeout is {:.0f} s".format(waited, self.timeout)
                raise AirflowSkipException(text) if self.soft_fail else AirflowSensorTimeout(text)
            if self.mode == "reschedule":
                raise AirflowRescheduleException(
                    datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.poke_interval)
                )
            time.sleep(self.poke_interval)


class PokeReturnValue:
    """What poke() may return: whether the wait is over, and a result."""

    def __init__(self, is_done, xcom_value=None):
        self.is_done = is_done
        self.xcom_value = xcom_value

    def __bool__(self):
        return self.is_done


def call_all(callbacks, context, log):
    """Calls callbacks; what they raise is logged and goes no further."""
    if callbacks is None:
        return
    for callback in callbacks if isinstance(callbacks, collections.abc.Sequence) else [callbacks]:
        try:
            callback(context)
        except Exception:
            log.exception("the callback %s failed", getattr(callback, "__name__", callback))
