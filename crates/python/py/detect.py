"""Tells which Python this is and whether Apache Airflow is installed, as one JSON line. Imports nothing of it."""

import json
import os
import sys


def installed(name):
    try:
        from importlib import metadata

        return metadata.version(name)
    except Exception:
        return None


def place():
    try:
        from importlib import metadata

        found = metadata.distribution("apache-airflow-core").locate_file("airflow")
        return os.path.dirname(str(found))
    except Exception:
        return None


print(
    json.dumps(
        {
            "python": ".".join(str(part) for part in sys.version_info[:3]),
            "executable": sys.executable,
            "airflow": installed("apache-airflow") or installed("apache-airflow-core"),
            "task_sdk": installed("apache-airflow-task-sdk"),
            "place": place(),
        }
    )
)
