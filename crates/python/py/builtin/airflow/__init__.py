"""Apache Airflow's authoring interface, as far as Millstream's built-in package covers it.

Written for Millstream from Airflow's documented interface; it is not Apache Airflow, and is used only where that
is not installed. What it does not cover is refused by its name.
"""

__version__ = "3.0.0"

from . import _names

_names.install()

DAG = _names.OBJECTS["DAG"]
Dataset = _names.OBJECTS["Dataset"]
XComArg = _names.OBJECTS["XComArg"]
AirflowException = _names.OBJECTS["AirflowException"]
__getattr__ = _names.refusing("airflow")
