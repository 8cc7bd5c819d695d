"""The DAG."""

import datetime
import inspect

from . import _graph
from ._exceptions import AirflowDagCycleException, AirflowException, DuplicateTaskIdFound, NotCovered, TaskNotFound
from ._schedule import length_of, micros, timetable_of, to_utc, zone_name

UNSET = object()

# Arguments that change how Airflow shows a DAG, or its database: taken, and without effect here.
SHOWN_ONLY = (
    "access_control", "allowed_run_types", "auto_register", "dag_display_name", "default_view", "disable_bundle_versioning",
    "full_filepath", "jinja_environment_kwargs", "orientation", "owner_links", "render_template_as_native_obj", "rerun_with_latest_version",
)
# The same, but somebody may count on them.
IGNORED = (
    "on_failure_callback", "on_success_callback", "sla_miss_callback", "deadline", "max_consecutive_failed_dag_runs",
)

# Every DAG made in this process, in order.
made = []
# What was passed over, one sentence each.
warnings = []


class Param:
    """What a run may be given, with a default and a JSON Schema."""

    def __init__(self, default=None, description=None, **schema):
        self.value = default
        self.description = description
        self.schema = schema

    def resolve(self, value=UNSET, suppress_exception=False):
        return self.value if value is UNSET else value

    def dump(self):
        return {"value": self.value, "description": self.description, "schema": self.schema}


class DagParam:
    """A parameter of a @dag function, before a run has given it."""

    def __init__(self, dag, name, default=None):
        self.dag = dag
        self.name = name
        self.default = default

    def resolve(self, context):
        return context["params"].get(self.name, self.default)


class DAG:
    """A DAG: also a context manager that tasks made inside belong to."""

    def __init__(
        self,
        dag_id,
        description=None,
        schedule=UNSET,
        schedule_interval=UNSET,
        timetable=None,
        start_date=None,
        end_date=None,
        template_searchpath=None,
        user_defined_macros=None,
        user_defined_filters=None,
        default_args=None,
        concurrency=None,
        max_active_tasks=None,
        max_active_runs=16,
        dagrun_timeout=None,
        catchup=None,
        doc_md=None,
        params=None,
        tags=None,
        is_paused_upon_creation=None,
        fail_fast=None,
        fail_stop=None,
        template_undefined=None,
        **rest,
    ):
        unknown = [name for name in rest if name not in SHOWN_ONLY and name not in IGNORED]
        if unknown:
            raise TypeError("DAG.__init__() got an unexpected keyword argument {!r}".format(unknown[0]))
        for name in IGNORED:
            if rest.get(name):
                warnings.append("DAG {}: {} has no effect with the built-in package".format(dag_id, name))
        given = [value for value in (schedule, schedule_interval, timetable) if value is not UNSET and value is not None]
        if len(given) > 1:
            raise ValueError("a DAG has one of schedule, schedule_interval and timetable")
        self.dag_id = dag_id
        self.description = description
        self.default_args = dict(default_args or {})
        self.start_date = start_date or self.default_args.get("start_date")
        self.end_date = end_date or self.default_args.get("end_date")
        self.schedule = given[0] if given else None
        self.timezone = zone_name(self.start_date)
        self.timetable = timetable_of(self.schedule, self.timezone)
        self.schedule_interval = self.schedule
        self.catchup = bool(catchup)
        self.max_active_tasks = max_active_tasks or concurrency or 16
        self.max_active_runs = max_active_runs or 16
        self.dagrun_timeout = length_of(dagrun_timeout, "dagrun_timeout")
        self.is_paused_upon_creation = is_paused_upon_creation
        self.fail_fast = bool(fail_fast or fail_stop)
        self.doc_md = doc_md
        self.tags = [tags] if isinstance(tags, str) else sorted(str(tag) for tag in tags or ())
        self.params = {}
        for name, value in {**(self.default_args.get("params") or {}), **(params or {})}.items():
            self.params[name] = value if isinstance(value, Param) else Param(value)
        self.template_searchpath = [template_searchpath] if isinstance(template_searchpath, str) else list(template_searchpath or ())
        self.user_defined_macros = dict(user_defined_macros or {})
        self.user_defined_filters = dict(user_defined_filters or {})
        self.task_dict = {}
        self.task_groups_ = {}
        self.fileloc = rest.get("full_filepath") or ""
        # Whether tasks were made inside `with`: then it counts even if no global holds it.
        self.entered = False
        made.append(self)

    def __repr__(self):
        return "<DAG: {}>".format(self.dag_id)

    def __enter__(self):
        self.entered = True
        _graph.dags.append(self)
        return self

    def __exit__(self, *_exception):
        _graph.dags.pop()

    @property
    def tasks(self):
        return list(self.task_dict.values())

    @property
    def task_ids(self):
        return list(self.task_dict)

    @property
    def owner(self):
        return ", ".join(sorted({task.owner for task in self.tasks}))

    @property
    def roots(self):
        return [task for task in self.tasks if not task.upstream_task_ids]

    @property
    def leaves(self):
        return [task for task in self.tasks if not task.downstream_task_ids]

    def has_task(self, task_id):
        return task_id in self.task_dict

    def get_task(self, task_id):
        try:
            return self.task_dict[task_id]
        except KeyError:
            raise TaskNotFound("there is no task {} in DAG {}".format(task_id, self.dag_id)) from None

    def add_task(self, task):
        known = self.task_dict.get(task.task_id)
        if known is not None and known is not task:
            raise DuplicateTaskIdFound("the task id {} is used twice in DAG {}".format(task.task_id, self.dag_id))
        if task.task_id in self.task_groups_:
            raise DuplicateTaskIdFound("{} is a task and a group in DAG {}".format(task.task_id, self.dag_id))
        if self.fail_fast and task.trigger_rule != "all_success":
            raise AirflowException(
                "DAG {} fails fast, so that its tasks have the trigger rule all_success, and task {} has {}".format(
                    self.dag_id, task.task_id, task.trigger_rule
                )
            )
        self.task_dict[task.task_id] = task
        task.dag = self

    def add_tasks(self, tasks):
        for task in tasks:
            self.add_task(task)

    def param(self, name, default=None):
        """A parameter that is known when a task runs."""
        if name not in self.params:
            self.params[name] = Param(default)
        return DagParam(self, name, default)

    def followers(self, task_id):
        """All tasks that come after one."""
        found, waiting = set(), [task_id]
        while waiting:
            for after in self.task_dict[waiting.pop()].downstream_task_ids - found:
                found.add(after)
                waiting.append(after)
        return found

    def check_circle(self):
        waits = {name: len(task.upstream_task_ids) for name, task in self.task_dict.items()}
        ready = [name for name, count in waits.items() if count == 0]
        done = 0
        while ready:
            done += 1
            for after in self.task_dict[ready.pop()].downstream_task_ids:
                waits[after] -= 1
                if waits[after] == 0:
                    ready.append(after)
        if done < len(waits):
            stuck = sorted(name for name, count in waits.items() if count > 0)
            raise AirflowDagCycleException("DAG {} goes in a circle through {}".format(self.dag_id, ", ".join(stuck[:5])))

    def test(self, *_args, **_kwargs):
        raise NotCovered("DAG.test()")

    def cli(self):
        raise NotCovered("DAG.cli()")

    def run(self, *_args, **_kwargs):
        raise NotCovered("DAG.run()")

    def described(self):
        """The DAG as Millstream's serialised DAG."""
        self.check_circle()
        return {
            "dag_id": self.dag_id,
            "description": self.description,
            "doc_md": inspect.cleandoc(self.doc_md) if self.doc_md else None,
            "schedule": self.timetable.text,
            "timetable": self.timetable.described(),
            "start_date": moment(self.start_date, "start_date"),
            "end_date": moment(self.end_date, "end_date"),
            "catchup": self.catchup,
            "is_paused_upon_creation": self.is_paused_upon_creation,
            "max_active_runs": self.max_active_runs,
            "max_active_tasks": self.max_active_tasks,
            "dagrun_timeout": None if self.dagrun_timeout is None else micros(self.dagrun_timeout),
            "fail_fast": self.fail_fast,
            "tags": self.tags,
            "params": {name: plain(param.value) for name, param in self.params.items()},
            "task_groups": [
                {
                    "group_id": group.group_id,
                    "parent": group.parent_group.group_id if group.parent_group else None,
                    "tooltip": group.tooltip or None,
                    "upstream": [],
                }
                for group in self.task_groups_.values()
            ],
            "tasks": [task.described() for task in self.tasks],
        }


def moment(value, what):
    return None if value is None else to_utc(value, what).isoformat()


def plain(value, depth=0):
    """What JSON has of a value; the rest as text, for people."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth < 10 and isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if depth < 10 and isinstance(value, (list, tuple, set)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return str(value)


def dag_of(task_id, dag, group):
    """The DAG that a new task goes into."""
    found = dag or (group.dag if group else None) or (_graph.dags[-1] if _graph.dags else None)
    if found is not None and not isinstance(found, DAG):
        raise TypeError("the DAG of task {} is {!r}, which is no DAG".format(task_id, found))
    return found


def check_id(name, what):
    """Ids as Airflow allows them."""
    if not isinstance(name, str):
        raise TypeError("{} must be a text, not {!r}".format(what, name))
    if not name or len(name) > 250 or not all(char.isalnum() or char in "-_." for char in name):
        raise AirflowException(
            "{} {!r} must be 1 to 250 letters, digits, dashes, dots and underscores".format(what, name)
        )
