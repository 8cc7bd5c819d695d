//! The DAGs of the showcase, and the texts of their files.

use chrono::TimeDelta;
use dag::{Dag, Operator, Retry, Schedule, Task, TaskGroup, TriggerRule};
use serde_json::{Map, Value, json};
use timetable::Timetable;

pub(crate) const USERS: &str = "# Users from the random-user API, into the topic users_created.\nuser_automation:\n  \
default_args:\n    owner: data-platform\n    retries: 2\n    retry_delay: 5m\n  \
schedule: '@continuous'\n  catchup: false\n  tags: [users, kafka]\n  params:\n    \
seconds: 60\n    results: 5000\n    verbose: false\n  tasks:\n    - task_id: stream_data_from_api\n      \
operator: stream\n      stream: users_poll\n      action: run\n      seconds: \"{{ params.seconds }}\"\n";

pub(crate) const PYTHON: &str = "\"\"\"Users from the random-user API, as everybody copies it.\"\"\"\n\nimport json\n\
from datetime import datetime\n\nfrom airflow import DAG\nfrom airflow.operators.python import PythonOperator\n\n\
default_args = {\"owner\": \"data-platform\", \"start_date\": datetime(2023, 9, 3, 10, 0)}\n\n\n\
def get_data():\n    import requests\n\n    res = requests.get(\"https://randomuser.me/api/\")\n    \
return res.json()[\"results\"][0]\n\n\ndef stream_data():\n    # One record each, until a minute has passed.\n    \
from kafka import KafkaProducer\n\n    producer = KafkaProducer(bootstrap_servers=[\"localhost:9092\"], max_block_ms=5000)\n    \
while True:\n        record = get_data()\n        producer.send(\"users_created\", json.dumps(record).encode(\"utf-8\"))\n\n\n\
with DAG(\n    \"user_automation_python\",\n    default_args=default_args,\n    schedule_interval=\"@daily\",\n    catchup=False,\n\
) as dag:\n    streaming_task = PythonOperator(task_id=\"stream_data_from_api\", python_callable=stream_data)\n";

pub(crate) fn task(id: &str, operator: Operator, arguments: Value, upstream: &[&str]) -> Task {
    let group = id.rsplit_once('.').map(|(group, _)| group.to_owned());
    Task {
        id: id.to_owned(),
        operator,
        arguments: arguments.as_object().cloned().unwrap_or_default(),
        group,
        upstream: upstream.iter().map(|id| (*id).to_owned()).collect(),
        trigger_rule: TriggerRule::AllSuccess,
        owner: "data-platform".to_owned(),
        doc: None,
        retry: Retry { retries: 2, delay: TimeDelta::minutes(5), ..Retry::default() },
        execution_timeout: None,
        depends_on_past: false,
        wait_for_downstream: false,
        pool: "default_pool".to_owned(),
        pool_slots: 1,
        priority_weight: 1,
    }
}

pub(crate) fn dag(id: &str, schedule: &str, tasks: Vec<Task>, groups: &[&str]) -> Dag {
    Dag {
        id: id.to_owned(),
        description: None,
        doc: None,
        schedule: Schedule { text: schedule.to_owned(), timetable: Timetable::Continuous },
        start_date: None,
        end_date: None,
        catchup: false,
        paused_upon_creation: None,
        max_active_runs: 16,
        max_active_tasks: 16,
        timeout: None,
        fail_fast: false,
        tags: Vec::new(),
        params: Map::new(),
        groups: groups
            .iter()
            .map(|id| TaskGroup {
                id: (*id).to_owned(),
                parent: id.rsplit_once('.').map(|(parent, _)| parent.to_owned()),
                tooltip: None,
                upstream: Vec::new(),
            })
            .collect(),
        tasks,
    }
}

/// From the shop's API to the checks.
fn gathering() -> Vec<Task> {
    use Operator as O;
    vec![
        task("start", O::Empty, json!({}), &[]),
        task("wait_for_orders", O::Sensor, json!({"topic": "orders"}), &["start"]),
        task(
            "extract.orders",
            O::Http,
            json!({"endpoint": "/orders?day={{ ds }}"}),
            &["wait_for_orders"],
        ),
        task("extract.customers", O::Http, json!({"endpoint": "/customers"}), &["wait_for_orders"]),
        task(
            "extract.products_with_a_long_name",
            O::Http,
            json!({"endpoint": "/products"}),
            &["wait_for_orders"],
        ),
        task("extract.rates", O::Http, json!({"endpoint": "/rates"}), &["wait_for_orders"]),
        task(
            "check.row_counts",
            O::Python,
            json!({"python_callable": "checks.counts"}),
            &["extract.orders", "extract.customers"],
        ),
        task(
            "check.schema",
            O::Python,
            json!({"python_callable": "checks.schema"}),
            &["extract.orders", "extract.products_with_a_long_name"],
        ),
    ]
}

/// From the tables to those who wait for them.
fn publishing() -> Vec<Task> {
    use Operator as O;
    let cql =
        |table: &str| json!({"cql": format!("INSERT INTO shop.{table} JSON '{{{{ row }}}}'")});
    vec![
        task("load.staging.orders", O::Cql, cql("orders"), &["check.row_counts", "check.schema"]),
        task("load.staging.customers", O::Cql, cql("customers"), &["check.row_counts"]),
        task("load.staging.products", O::Cql, cql("products"), &["check.schema"]),
        task(
            "load.revenue_per_minute",
            O::Sql,
            json!({"sql": "SELECT window_start, sum(cents)"}),
            &["load.staging.orders", "extract.rates"],
        ),
        task(
            "load.customer_value",
            O::Sql,
            json!({"sql": "SELECT 1"}),
            &["load.staging.customers", "load.staging.orders"],
        ),
        task(
            "quality.freshness",
            O::Python,
            json!({"python_callable": "q.fresh"}),
            &["load.revenue_per_minute"],
        ),
        task(
            "quality.anomalies",
            O::Python,
            json!({"python_callable": "q.odd"}),
            &["load.revenue_per_minute", "load.customer_value"],
        ),
        task(
            "publish_dashboard",
            O::Http,
            json!({"endpoint": "/refresh", "method": "POST"}),
            &["quality.freshness"],
        ),
        task(
            "announce",
            O::KafkaProduce,
            json!({"topic": "warehouse_ready", "value": "{{ ds }}"}),
            &["quality.freshness", "quality.anomalies"],
        ),
        task(
            "tell_finance",
            O::Bash,
            json!({"bash_command": "mail -s done finance"}),
            &["announce"],
        ),
        task(
            "clean_up",
            O::Bash,
            json!({"bash_command": "rm -rf $TMP/{{ run_id }}"}),
            &["announce", "publish_dashboard"],
        ),
        task("end", O::Empty, json!({}), &["clean_up", "tell_finance"]),
    ]
}

pub(crate) fn warehouse() -> Dag {
    let tasks = gathering().into_iter().chain(publishing()).collect();
    let groups = ["extract", "check", "load", "load.staging", "quality"];
    let mut dag = dag("orders_to_warehouse", "0 3 * * *", tasks, &groups);
    dag.params =
        json!({"day": "2026-11-28", "full": false, "limit": 5000, "shops": ["berlin", "lyon"]})
            .as_object()
            .cloned()
            .unwrap();
    dag
}
