"""Airflow 2's spellings for Airflow 3: arguments that were renamed or taken away, modules that have moved.

With it, files of the years of Airflow 2 run as they are. A file that needs what is really gone (SubDAGs, code
against the metadata database) fails as it does in Airflow 3.
"""

import functools
import importlib
import importlib.abc
import importlib.util
import logging
import sys
import types

log = logging.getLogger("millstream.airflow2")

RENAMED_OF_DAG = {"schedule_interval": "schedule", "timetable": "schedule", "concurrency": "max_active_tasks", "fail_stop": "fail_fast"}
GONE_OF_DAG = ("default_view", "full_filepath", "orientation", "sla_miss_callback")
RENAMED_OF_TASK = {"task_concurrency": "max_active_tis_per_dag"}
GONE_OF_TASK = ("provide_context", "sla")
RENAMED_RULES = {"dummy": "always", "none_failed_or_skipped": "none_failed_min_one_success"}

STANDARD = "airflow.providers.standard.operators."
MOVED = {
    "airflow.operators.python_operator": {
        name: STANDARD + "python:" + name for name in ("PythonOperator", "BranchPythonOperator", "ShortCircuitOperator")
    },
    "airflow.operators.bash_operator": {"BashOperator": STANDARD + "bash:BashOperator"},
    "airflow.operators.dummy": {
        "DummyOperator": STANDARD + "empty:EmptyOperator",
        "EmptyOperator": STANDARD + "empty:EmptyOperator",
    },
    "airflow.operators.dummy_operator": {"DummyOperator": STANDARD + "empty:EmptyOperator"},
    "airflow.operators.email_operator": {"EmailOperator": "airflow.providers.smtp.operators.smtp:EmailOperator"},
    "airflow.operators.branch_operator": {"BaseBranchOperator": STANDARD + "branch:BaseBranchOperator"},
    "airflow.operators.dagrun_operator": {"TriggerDagRunOperator": STANDARD + "trigger_dagrun:TriggerDagRunOperator"},
    "airflow.datasets": {"Dataset": "airflow.sdk:Asset", "DatasetAlias": "airflow.sdk:AssetAlias"},
    "airflow.hooks.base_hook": {"BaseHook": "airflow.sdk:BaseHook"},
    "airflow.sensors.base_sensor_operator": {"BaseSensorOperator": "airflow.sdk:BaseSensorOperator"},
    "airflow.contrib": {},
    "airflow.contrib.sensors": {},
    "airflow.contrib.sensors.file_sensor": {"FileSensor": "airflow.providers.standard.sensors.filesystem:FileSensor"},
    "airflow.timetables.datasets": {"DatasetOrTimeSchedule": "airflow.timetables.assets:AssetOrTimeSchedule"},
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last of all finders: makes the modules that are no longer there."""

    def find_spec(self, name, path=None, target=None):
        if name in MOVED:
            return importlib.util.spec_from_loader(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return types.ModuleType(spec.name, "Names of Airflow 2.")

    def exec_module(self, module):
        names = MOVED[module.__name__]

        def look_up(name):
            if name not in names:
                raise AttributeError("module {!r} has no attribute {!r}".format(module.__name__, name))
            place, attribute = names[name].split(":")
            return getattr(importlib.import_module(place), attribute)

        module.__getattr__ = look_up


def days_ago(n, hour=0, minute=0, second=0, microsecond=0):
    """Midnight, UTC, so many days ago."""
    import datetime

    today = datetime.datetime.now(datetime.timezone.utc)
    return today.replace(hour=hour, minute=minute, second=second, microsecond=microsecond) - datetime.timedelta(days=n)


def apply_defaults(function):
    """A decorator that operators needed once."""
    return function


def add_names():
    """Names that modules have lost."""
    for place, name, value in (
        ("airflow.utils.dates", "days_ago", days_ago),
        ("airflow.utils.decorators", "apply_defaults", apply_defaults),
        ("airflow.utils.helpers", "chain", "airflow.sdk:chain"),
        ("airflow.utils.helpers", "cross_downstream", "airflow.sdk:cross_downstream"),
    ):
        try:
            module = importlib.import_module(place)
            if isinstance(value, str):
                source, attribute = value.split(":")
                value = getattr(importlib.import_module(source), attribute)
        except ImportError:
            module = None
        if module is not None and name not in vars(module):
            setattr(module, name, value)


def translated(of, arguments, renamed, gone):
    """The arguments in Airflow 3's words."""
    for old, new in renamed.items():
        if old in arguments:
            value = arguments.pop(old)
            if new in arguments and arguments[new] is not None and value is not None:
                raise TypeError("{} has both {} and {}, which is the same".format(of, old, new))
            if new not in arguments or arguments[new] is None:
                arguments[new] = value
    for old in gone:
        if old in arguments and arguments.pop(old) and old != "provide_context":
            log.warning("%s: %s has no effect since Airflow 3", of, old)
    return arguments


def wrap_dag(dag_class):
    make = dag_class.__init__

    @functools.wraps(make)
    def wrapped(self, *args, **kwargs):
        of = "DAG {}".format(args[0] if args else kwargs.get("dag_id"))
        make(self, *args, **translated(of, kwargs, RENAMED_OF_DAG, GONE_OF_DAG))

    dag_class.__init__ = wrapped


def wrap_operators(meta):
    call = meta.__call__

    def wrapped(cls, *args, **kwargs):
        of = "task {}".format(kwargs.get("task_id"))
        kwargs = translated(of, kwargs, RENAMED_OF_TASK, GONE_OF_TASK)
        rule = kwargs.get("trigger_rule")
        if isinstance(rule, str):
            kwargs["trigger_rule"] = RENAMED_RULES.get(rule, rule)
        return call(cls, *args, **kwargs)

    meta.__call__ = wrapped


def install():
    """From now on Airflow 2's spellings are understood."""
    sys.meta_path.append(Finder())
    add_names()
    from airflow.sdk import DAG
    from airflow.sdk.bases.operator import BaseOperatorMeta

    wrap_dag(DAG)
    wrap_operators(BaseOperatorMeta)
