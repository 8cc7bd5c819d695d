"""What neither rung has yet: dynamic task mapping."""

from datetime import datetime

from airflow.decorators import dag, task


@dag(schedule=None, start_date=datetime(2023, 1, 1))
def mapped():
    @task
    def double(x):
        return x * 2

    double.expand(x=[1, 2, 3])


mapped()
