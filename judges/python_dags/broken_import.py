"""A file whose library is not installed."""

from airflow import DAG

import library_that_nobody_has

dag = DAG("broken_import", schedule=None)
