"""Every way to say how tasks hang together, and every option of a task that Millstream knows."""

from datetime import datetime, timedelta, timezone

from airflow import DAG
from airflow.decorators import task, task_group
from airflow.models.baseoperator import chain, chain_linear, cross_downstream
from airflow.models.param import Param
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import PythonOperator, ShortCircuitOperator
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable
from airflow.utils.edgemodifier import Label
from airflow.utils.task_group import TaskGroup
from airflow.utils.trigger_rule import TriggerRule


class Greets(BashOperator):
    """An operator of the author's own."""

    template_fields = (*BashOperator.template_fields, "whom")

    def __init__(self, whom, shout=False, **kwargs):
        super().__init__(bash_command="echo hello", **kwargs)
        self.whom = whom
        self.shout = shout


def empty(*names):
    return [EmptyOperator(task_id=name) for name in names]


with DAG(
    dag_id="shapes",
    description="all shapes",
    schedule="30 2 * * 1-5",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    end_date=datetime(2027, 1, 1),
    dagrun_timeout=timedelta(hours=1),
    max_active_runs=2,
    max_active_tasks=7,
    catchup=True,
    is_paused_upon_creation=False,
    doc_md="# Shapes",
    tags=["b", "a"],
    params={"n": Param(5, type="integer"), "text": "t"},
    default_args={"owner": "judge", "retries": 2, "whom": "world", "pool": "small", "execution_timeout": timedelta(minutes=1)},
) as dag:
    a, b, c, d, e, f = empty("a", "b", "c", "d", "e", "f")
    a >> [b, c] >> d
    e << [d, a]
    chain(e, Label("on"), f)
    [b, c] >> e
    g, h, i, j = empty("g", "h", "i", "j")
    chain(f, [g, h], [i, j])
    cross_downstream([g, h], [i])
    k, l, m, n = empty("k", "l", "m", "n")
    chain_linear([i, j], [k, l], m)
    k >> Label("yes") >> n
    with TaskGroup("outer", tooltip="the outer one", default_args={"owner": "group", "retries": 4}) as outer:
        first = EmptyOperator(task_id="first")
        with TaskGroup("inner") as inner:
            x, y = empty("x", "y")
            x >> y
        last = EmptyOperator(task_id="last", owner="task")
        first >> inner >> last
    m >> outer
    with TaskGroup("bare", prefix_group_id=False) as bare:
        alone = EmptyOperator(task_id="alone")
        with TaskGroup("deep"):
            EmptyOperator(task_id="z")
    outer >> bare

    @task(
        retries=5, retry_delay=timedelta(seconds=30), retry_exponential_backoff=True, max_retry_delay=timedelta(minutes=9),
        trigger_rule="none_failed_min_one_success", priority_weight=3, pool_slots=2, depends_on_past=True, wait_for_downstream=True,
        execution_timeout=None,
    )
    def options(x=1):
        """What it does."""
        return x

    @task
    def uses(*values, **named):
        return values

    @task_group(group_id="made")
    def made(value):
        return uses(options.override(task_id="renamed")(value))

    result = options()
    again = options(result)
    uses([result, {"deep": (again,)}], named=result["part"]) >> made(again)
    greets = Greets(task_id="greets")
    PythonOperator(
        task_id="by_name", python_callable=print, op_args=["{{ ds }}", result], op_kwargs={"end": again}, trigger_rule=TriggerRule.ALL_DONE
    )
    ShortCircuitOperator(task_id="circuit", python_callable=lambda: True) >> greets

with DAG("shapes_interval", schedule=CronDataIntervalTimetable("0 3 * * *", timezone="Europe/Berlin"), start_date=datetime(2026, 1, 1)):
    EmptyOperator(task_id="one")

with DAG(
    "shapes_trigger",
    schedule=CronTriggerTimetable("@weekly", timezone="UTC", interval=timedelta(days=7)),
    start_date=datetime(2026, 1, 1),
):
    EmptyOperator(task_id="one")

with DAG("shapes_fail_fast", schedule="@hourly", start_date=datetime(2026, 1, 1), fail_fast=True):
    EmptyOperator(task_id="one")

with DAG("shapes_continuous", schedule="@continuous", start_date=datetime(2026, 1, 1), max_active_runs=1):
    EmptyOperator(task_id="one")

for number in range(3):
    with DAG("shapes_made_{}".format(number), schedule=None) as inside:
        EmptyOperator(task_id="one") >> EmptyOperator(task_id="two")
    globals()["dag_{}".format(number)] = inside


def not_found():
    """A DAG that no global holds and no `with` has seen is no DAG of this file."""
    nobody = DAG("shapes_hidden", schedule=None)
    EmptyOperator(task_id="one", dag=nobody)


not_found()
by_argument = DAG("shapes_by_argument", schedule="@hourly", start_date=datetime(2026, 1, 1))
EmptyOperator(task_id="one", dag=by_argument).set_downstream(EmptyOperator(task_id="two", dag=by_argument))
