"""The Airflow rung: Apache Airflow's own code reads DAG files and runs their tasks, by the task SDK's protocol.

Nothing here answers that protocol: Millstream does, at the other end of the request socket.
"""

import os
import socket
import sys

# Where Airflow would keep its metadata. Nothing may be there: neither files nor tasks need it.
NO_DATABASE = "sqlite:////nonexistent/airflow.db"

# Set by load(): the modules that a child enters.
supervisor = None
task_runner = None
processor = None


def load(settings):
    """Loads Airflow, and says what was found."""
    os.environ.update(
        _AIRFLOW_PROCESS_CONTEXT="client",
        AIRFLOW_HOME=settings["home"],
        AIRFLOW__CORE__DAGS_FOLDER=settings["dags"],
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=NO_DATABASE,
        AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="0",
    )
    global supervisor, task_runner, processor
    import airflow
    from airflow.dag_processing import processor
    from airflow.sdk.execution_time import comms, supervisor, task_runner

    for module, name in ((supervisor, "_fork_main"), (supervisor, "_subprocess_main"), (processor, "_parse_file_entrypoint")):
        if not hasattr(module, name):
            raise ImportError("{} has no {}: this version of Airflow is not known yet".format(module.__name__, name))
    import airflow2_names
    import kafka_watch  # noqa: F401

    airflow2_names.install()
    warm(settings)
    return {
        "python": sys.version.split()[0],
        "package": airflow.__version__,
        "protocol": api_version(comms),
        "dag_run_fields": fields_of("DagRun"),
    }


def fields_of(name):
    """The fields of a message, which differ from version to version; those it does not know it refuses."""
    try:
        from airflow.sdk.api.datamodels import _generated

        return sorted(getattr(_generated, name).model_fields)
    except (ImportError, AttributeError):
        return []


def api_version(comms):
    """The version of the protocol's published schema."""
    try:
        import json

        path = os.path.join(os.path.dirname(comms.__file__), "schema", "schema.json")
        with open(path, encoding="utf-8") as file:
            return json.load(file).get("api_version")
    except Exception:
        return None


def warm(settings):
    """Loads what every child would load again, as far as it is there. Runs none of the author's code."""
    import importlib

    for name in (
        "airflow.dag_processing.dagbag",
        "airflow.dag_processing.importers",
        "airflow.providers.standard.operators.bash",
        "airflow.providers.standard.operators.empty",
        "airflow.providers.standard.operators.python",
        "airflow.providers.standard.decorators.python",
        "airflow.serialization.serialized_objects",
        "airflow.timetables.trigger",
        "airflow.timetables.interval",
        "airflow.sdk.execution_time.xcom",
        "airflow.sdk.execution_time.context",
        "airflow.sdk.execution_time.macros",
        "airflow.sdk.definitions.decorators",
        "jinja2.sandbox",
    ):
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    for step in (plugins, listeners, bundles, own_dag):
        try:
            step(settings)
        except Exception:
            pass  # Then each child does it.


def plugins(_settings):
    from airflow import plugins_manager

    plugins_manager.ensure_plugins_loaded()


def listeners(_settings):
    from airflow.sdk.listener import get_listener_manager

    get_listener_manager()


def bundles(_settings):
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    DagBundlesManager().get_bundle(name="dags-folder", version=None).initialize()


OWN_DAG = """
from airflow.sdk import DAG, task
with DAG("warm", schedule="@daily"):
    @task
    def nothing():
        return None
    nothing()
"""


def own_dag(settings):
    """Reads a DAG of our own once: that loads the way a file takes."""
    from airflow.dag_processing.dagbag import BundleDagBag

    path = os.path.join(settings["home"], "warm_dag.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(OWN_DAG)
    bag = BundleDagBag(
        dag_folder=path, bundle_path=settings["home"], bundle_name="dags-folder", safe_mode=False, load_op_links=False
    )
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)


def child(parse, files, _settings):
    """A job, in a child of its own. Does not come back."""
    requests, out, err = (socket.socket(fileno=files[name]) for name in ("requests", "out", "err"))
    target = processor._parse_file_entrypoint if parse else run
    supervisor._fork_main(requests, out, err, files["logs"], target)
    return 0


def run():
    """One try of a task, with its records counted."""
    import kafka_watch

    kafka_watch.install()
    finalize = getattr(task_runner, "finalize", None)

    def watched(ti, state, *args, **kwargs):
        kafka_watch.tally.ended_well = getattr(state, "value", state) in ("success", "skipped")
        return finalize(ti, state, *args, **kwargs)

    if finalize is not None:
        task_runner.finalize = watched
    supervisor._subprocess_main()
