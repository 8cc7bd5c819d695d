"""Airflow 2's spellings, as files of those years have them."""

from datetime import timedelta

from airflow import DAG
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import BranchPythonOperator, PythonOperator
from airflow.utils.dates import days_ago
from airflow.utils.task_group import TaskGroup

default_args = {
    "owner": "judge",
    "depends_on_past": False,
    "email_on_failure": False,
    "email_on_retry": False,
    "retries": 1,
    "retry_delay": timedelta(minutes=5),
}


def extract(ds, **context):
    context["ti"].xcom_push(key="rows", value=[1, 2, 3])
    return {"ds": ds, "run": context["run_id"]}


def total(factor, **kwargs):
    ti = kwargs["task_instance"]
    rows = ti.xcom_pull(task_ids="extract", key="rows")
    first = ti.xcom_pull(task_ids="extract")
    return {"total": sum(rows) * factor, "ds": first["ds"]}


def choose(**kwargs):
    return "group.right"


with DAG(
    dag_id="classic",
    default_args=default_args,
    description="old words",
    schedule_interval=timedelta(hours=2),
    start_date=days_ago(2),
    catchup=False,
    concurrency=4,
    max_active_runs=1,
    default_view="graph",
    orientation="LR",
    tags=["old"],
    params={"greeting": "hello"},
) as dag:
    start = DummyOperator(task_id="start")
    first = PythonOperator(task_id="extract", python_callable=extract, provide_context=True)
    second = PythonOperator(task_id="total", python_callable=total, op_kwargs={"factor": 2}, provide_context=True)
    shell = BashOperator(
        task_id="shell",
        bash_command='echo "{{ params.greeting }} {{ ds }} {{ macros.ds_add(ds, 1) }} {{ ti.xcom_pull(task_ids=\'total\')[\'total\'] }}"',
    )
    branch = BranchPythonOperator(task_id="branch", python_callable=choose, provide_context=True)
    with TaskGroup("group", tooltip="two ways") as group:
        left = DummyOperator(task_id="left")
        right = DummyOperator(task_id="right")
    end = DummyOperator(task_id="end", trigger_rule="none_failed_min_one_success")

    start >> first >> second >> shell >> branch >> [left, right]
    group >> end
