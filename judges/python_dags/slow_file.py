"""A file whose body asks for a variable, and can be made to hang."""

import time
from datetime import datetime

from airflow import DAG
from airflow.models import Variable
from airflow.operators.empty import EmptyOperator

time.sleep(float(Variable.get("slow_file_seconds", "0")))

with DAG("slow_file", start_date=datetime(2026, 1, 1), schedule="@once", tags=[Variable.get("tag", "none")]):
    EmptyOperator(task_id="nothing")
