"""Where Airflow 2 and 3 have each name, and the finder that makes those modules.

One table instead of a hundred files: a module of the package exists if it stands here. Whatever else of
`airflow.` is imported is refused by its name.
"""

import importlib.abc
import importlib.util
import sys
import types

from . import _base, _context, _dag, _decorators, _exceptions, _graph, _operators, _schedule
from ._exceptions import NotCovered

OPERATORS = {
    "python": ("PythonOperator", "BranchPythonOperator", "ShortCircuitOperator", "get_current_context"),
    "bash": ("BashOperator",),
    "empty": ("EmptyOperator",),
    "branch": ("BaseBranchOperator", "BranchMixIn"),
}
SENSORS = {"python": ("PythonSensor",), "filesystem": ("FileSensor",), "time_delta": ("TimeDeltaSensor",)}
EXCEPTIONS = tuple(name for name in vars(_exceptions) if name[0].isupper() and name != "NotCovered")
TIMETABLES = {
    "trigger": ("CronTriggerTimetable", "DeltaTriggerTimetable"),
    "interval": ("CronDataIntervalTimetable", "DeltaDataIntervalTimetable"),
    "simple": ("NullTimetable", "OnceTimetable", "ContinuousTimetable"),
    "base": ("Timetable",),
}
SDK = (
    "DAG", "dag", "task", "task_group", "TaskGroup", "BaseOperator", "BaseSensorOperator", "PokeReturnValue", "BaseHook", "Variable",
    "Connection", "XComArg", "Param", "Label", "Asset", "chain", "chain_linear", "cross_downstream", "get_current_context", "setup",
    "teardown", "TriggerRule", "WeightRule", "Context", "CronTriggerTimetable", "CronDataIntervalTimetable", "DeltaTriggerTimetable",
    "DeltaDataIntervalTimetable", "BaseBranchOperator", "SkipMixin", "macros", "DagRunState", "TaskInstanceState", "AssetAlias",
    "AssetAll", "AssetAny", "Metadata", "ObjectStoragePath", "BaseNotifier", "BaseXCom", "ParamsDict", "literal", "EdgeModifier", "XCom",
)


class DagRunState:
    QUEUED, RUNNING, SUCCESS, FAILED = "queued", "running", "success", "failed"


class TaskInstanceState:
    REMOVED, SCHEDULED, QUEUED, RUNNING, SUCCESS = "removed", "scheduled", "queued", "running", "success"
    RESTARTING, FAILED, UP_FOR_RETRY, UP_FOR_RESCHEDULE = "restarting", "failed", "up_for_retry", "up_for_reschedule"
    UPSTREAM_FAILED, SKIPPED, DEFERRED = "upstream_failed", "skipped", "deferred"


class State(TaskInstanceState, DagRunState):
    NONE = None


class ParamsDict(dict):
    """Params by name."""


class Timezone:
    """airflow.utils.timezone."""

    utc = _schedule.UTC

    @staticmethod
    def utcnow():
        import datetime

        return datetime.datetime.now(_schedule.UTC)

    @staticmethod
    def datetime(*parts, **options):
        import datetime

        options.setdefault("tzinfo", _schedule.UTC)
        return datetime.datetime(*parts, **options)

    @staticmethod
    def make_aware(value, timezone=None):
        return value if value.utcoffset() is not None else value.replace(tzinfo=timezone or _schedule.UTC)

    @staticmethod
    def parse(text, timezone=None):
        from ._values import parse_moment

        return Timezone.make_aware(parse_moment(text), timezone)

    @staticmethod
    def is_localized(value):
        return value.utcoffset() is not None


def days_ago(n, hour=0, minute=0, second=0, microsecond=0):
    """Midnight, UTC, so many days ago: airflow.utils.dates, gone in Airflow 3."""
    import datetime

    today = datetime.datetime.now(_schedule.UTC).replace(hour=hour, minute=minute, second=second, microsecond=microsecond)
    return today - datetime.timedelta(days=n)


def objects():
    """Every object that a module may have, by its name."""
    found = {}
    for module in (_graph, _dag, _base, _operators, _decorators, _context, _schedule):
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_"):
                found[name] = value
    for name in EXCEPTIONS:
        found[name] = getattr(_exceptions, name)
    found.update(
        task=_decorators.task,
        DummyOperator=_operators.EmptyOperator,
        BranchMixIn=_operators.SkipMixin,
        Dataset=_schedule.Asset,
        Context=dict,
        macros=_context.Macros,
        DagRunState=DagRunState,
        TaskInstanceState=TaskInstanceState,
        State=State,
        ParamsDict=ParamsDict,
        days_ago=days_ago,
        timezone=Timezone,
        EdgeModifier=_graph.Label,
        BaseXCom=_context.XCom,
        Sensor=_base.BaseSensorOperator,
        dag=_decorators.dag,
        RuntimeTaskInstance=_context.TaskInstance,
    )
    return found


def table():
    """Modules and the names in them."""
    found = {
        "airflow.sdk": SDK,
        "airflow.sdk.exceptions": EXCEPTIONS,
        "airflow.exceptions": EXCEPTIONS,
        "airflow.models": (
            "DAG", "BaseOperator", "Variable", "Connection", "XCom", "Param", "TaskInstance", "DagRun", "XComArg", "BaseSensorOperator",
        ),
        "airflow.models.dag": ("DAG", "dag"),
        "airflow.models.baseoperator": ("BaseOperator", "chain", "cross_downstream", "chain_linear"),
        "airflow.models.variable": ("Variable",),
        "airflow.models.connection": ("Connection",),
        "airflow.models.xcom": ("XCom", "BaseXCom"),
        "airflow.models.xcom_arg": ("XComArg",),
        "airflow.models.param": ("Param", "ParamsDict", "DagParam"),
        "airflow.models.taskinstance": ("TaskInstance",),
        "airflow.models.dagrun": ("DagRun",),
        "airflow.models.skipmixin": ("SkipMixin",),
        "airflow.decorators": ("dag", "task", "task_group", "setup", "teardown"),
        "airflow.hooks.base": ("BaseHook",),
        "airflow.hooks.base_hook": ("BaseHook",),
        "airflow.sensors.base": ("BaseSensorOperator", "PokeReturnValue"),
        "airflow.sdk.bases.operator": ("BaseOperator", "chain", "cross_downstream", "chain_linear"),
        "airflow.sdk.bases.sensor": ("BaseSensorOperator", "PokeReturnValue"),
        "airflow.sdk.bases.hook": ("BaseHook",),
        "airflow.sdk.bases.branch": ("BaseBranchOperator",),
        "airflow.sdk.bases.skipmixin": ("SkipMixin",),
        "airflow.sdk.definitions.dag": ("DAG", "dag"),
        "airflow.sdk.definitions.param": ("Param", "ParamsDict"),
        "airflow.sdk.definitions.taskgroup": ("TaskGroup",),
        "airflow.sdk.definitions.asset": ("Asset", "Dataset"),
        "airflow.sdk.definitions.context": ("Context", "get_current_context"),
        "airflow.sdk.definitions.decorators": ("task", "task_group"),
        "airflow.sdk.timezone": ("timezone",),
        "airflow.datasets": ("Dataset", "Asset"),
        "airflow.assets": ("Asset",),
        "airflow.utils.dates": ("days_ago",),
        "airflow.utils.task_group": ("TaskGroup",),
        "airflow.utils.edgemodifier": ("Label", "EdgeModifier"),
        "airflow.utils.helpers": ("chain", "cross_downstream"),
        "airflow.utils.trigger_rule": ("TriggerRule",),
        "airflow.utils.weight_rule": ("WeightRule",),
        "airflow.utils.state": ("State", "DagRunState", "TaskInstanceState"),
        "airflow.utils.context": ("Context",),
        "airflow.utils.log.logging_mixin": ("LoggingMixin",),
        "airflow.utils.timezone": ("timezone",),
        "airflow.task.trigger_rule": ("TriggerRule",),
        "airflow.macros": ("macros",),
        "airflow.operators.dummy": ("DummyOperator", "EmptyOperator"),
        "airflow.operators.dummy_operator": ("DummyOperator",),
        "airflow.operators.python_operator": OPERATORS["python"],
        "airflow.operators.bash_operator": OPERATORS["bash"],
        "airflow.providers.standard.decorators.python": ("task",),
    }
    for kind, names in OPERATORS.items():
        found["airflow.operators." + kind] = names
        found["airflow.providers.standard.operators." + kind] = names
    for kind, names in SENSORS.items():
        found["airflow.sensors." + kind] = names
        found["airflow.providers.standard.sensors." + kind] = names
    for kind, names in TIMETABLES.items():
        found["airflow.timetables." + kind] = names
    return found


MODULES = table()
OBJECTS = objects()
# Modules whose one object's members are the module's own.
SPREAD = {"airflow.macros": "macros", "airflow.utils.timezone": "timezone", "airflow.sdk.timezone": "timezone"}
PACKAGES = {name.rsplit(".", part)[0] for name in MODULES for part in range(1, name.count(".") + 1)}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes the modules of the table."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith("airflow."):
            return None
        if name.startswith("airflow._"):
            return None
        if name in MODULES or name in PACKAGES:
            return importlib.util.spec_from_loader(name, self, is_package=True)
        raise NotCovered(name)

    def create_module(self, spec):
        return types.ModuleType(spec.name, "A module of Millstream's built-in airflow package.")

    def exec_module(self, module):
        for name in MODULES.get(module.__name__, ()):
            if name in OBJECTS:
                setattr(module, name, OBJECTS[name])
        spread = SPREAD.get(module.__name__)
        if spread is not None:
            for name, value in vars(OBJECTS[spread]).items():
                if not name.startswith("__"):
                    setattr(module, name, value.__func__ if isinstance(value, staticmethod) else value)
        module.__getattr__ = refusing(module.__name__)


def refusing(module):
    """A module's __getattr__ that says what is missing."""

    def missing(name):
        # What asks for these only wants to know whether they are there.
        if name.startswith("__"):
            raise AttributeError(name)
        if "{}.{}".format(module, name) in MODULES or "{}.{}".format(module, name) in PACKAGES:
            raise AttributeError(name)
        raise NotCovered("{} of {}".format(name, module))

    return missing


def place(value, module):
    value.__module__ = module


def install():
    """From now on the modules of the table can be imported."""
    for kind, names in list(OPERATORS.items()):
        for name in names:
            if name in OBJECTS and isinstance(OBJECTS[name], type) and name != "BranchMixIn":
                place(OBJECTS[name], "airflow.providers.standard.operators." + kind)
    for kind, names in SENSORS.items():
        for name in names:
            place(OBJECTS[name], "airflow.providers.standard.sensors." + kind)
    sys.meta_path.insert(0, Finder())
