"""TaskFlow: values that flow, dicts that split, groups, templates, variables and connections."""

import pendulum
from airflow.decorators import dag, task, task_group
from airflow.exceptions import AirflowFailException, AirflowSkipException
from airflow.hooks.base import BaseHook
from airflow.models import Variable


@dag(
    dag_id="taskflow",
    schedule="0 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    default_args={"owner": "judge"},
    tags=["new"],
)
def taskflow(n: int = 3):
    """A DAG of functions."""

    @task
    def numbers(n, ds=None):
        print("printed for", ds)
        return list(range(n))

    @task(multiple_outputs=True)
    def split(values):
        return {"first": values[0], "rest": values[1:]}

    @task
    def join(first, rest, *, ti=None):
        ti.xcom_push("seen", ti.task_id)
        return {"sum": first + sum(rest), "greeting": Variable.get("greeting")}

    @task
    def settings():
        connection = BaseHook.get_connection("db")
        Variable.set("written", "by a task")
        return "{}:{} {} {}".format(
            connection.host, connection.port, connection.extra_dejson["mode"], Variable.get("missing", "default")
        )

    @task.branch
    def choose(result):
        return "inner.even" if result["sum"] % 2 == 0 else "inner.odd"

    @task_group
    def inner():
        @task
        def even():
            return "even"

        @task
        def odd():
            return "odd"

        return [even(), odd()]

    @task.short_circuit
    def go_on():
        return False

    @task
    def never():
        return "never"

    @task.bash
    def shell(values):
        return "echo {{ ds }} " + "-".join(str(value) for value in values)

    @task
    def skips():
        raise AirflowSkipException("nothing to do today")

    @task(retries=3)
    def gives_up():
        raise AirflowFailException("no use")

    @task(retries=3)
    def breaks():
        raise ValueError("boom")

    values = numbers(n)
    parts = split(values)
    result = join(parts["first"], parts["rest"])
    choose(result) >> inner()
    settings()
    go_on() >> never()
    shell(values)
    skips()
    gives_up()
    breaks()


taskflow()
