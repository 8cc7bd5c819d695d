"""A file that is no Python."""

from airflow import DAG

def broken(:
    pass
