"""Forty small tasks, one after another: what a task costs."""

from datetime import datetime

from airflow.decorators import dag, task


def fibo(n):
    return n if n < 2 else fibo(n - 1) + fibo(n - 2)


@dag(dag_id="chain40", schedule=None, start_date=datetime(2023, 1, 1), catchup=False)
def chain40():
    before = None
    for number in range(40):

        @task(task_id="task_{:02d}".format(number))
        def step():
            return fibo(10)

        now = step()
        if before is not None:
            before >> now
        before = now


chain40()
