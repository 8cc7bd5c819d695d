//! Serves the pages over a metadata database that is filled with what a busy project has: for work on
//! their look.
//!
//! `cargo run -p webserver --example showcase -- PORT [DIRECTORY]` prints links that log in, one for
//! each page that is named after `next=`. With `empty` as a third argument nothing is filled in.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::allow_attributes, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accounts::Accounts;
use chrono::{DateTime, TimeDelta, Utc};
use dag::{Dag, Operator, Retry, Schedule, Task, TaskGroup, TriggerRule};
use door::Role;
use metadata::{
    Change, Connection, DagRecord, Event, LogLine, Metadata, NewRun, NextRun, Pool, RunType,
    SecretKey, Setting, Stream, TaskKey, TaskKind,
};
use runtime::{Clock as _, SystemClock};
use scheduler::{RunState, TaskState};
use serde_json::{Map, Value, json};
use timetable::Timetable;
use webserver::{Settings, Webserver};

const PASSWORD: &str = "millstream-showcase";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(serve());
}

async fn serve() {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(8080, |port| port.parse().unwrap());
    let directory = arguments.next().map(std::path::PathBuf::from);
    let directory = directory.unwrap_or_else(|| std::env::temp_dir().join("millstream-showcase"));
    let empty = arguments.next().as_deref() == Some("empty");
    std::fs::remove_dir_all(&directory).ok();
    std::fs::create_dir_all(&directory).unwrap();
    let key = SecretKey::load_or_create(&directory.join("secret.key")).unwrap();
    let address = format!("sqlite:{}", directory.join("metadata.db").display());
    let metadata = Metadata::open(&address, &key).await.unwrap();
    let clock = Arc::new(SystemClock::new());
    let accounts = Accounts::open(metadata.clone(), clock.clone());
    accounts.create_user("setup", "ada", PASSWORD, Role::Admin).await.unwrap();
    let now = DateTime::from_timestamp_micros(clock.wall_micros()).unwrap();
    if !empty {
        accounts.create_user("setup", "olga", PASSWORD, Role::OperationsUser).await.unwrap();
        accounts.create_user("setup", "victor", PASSWORD, Role::Viewer).await.unwrap();
        accounts.create_token("ada", "nightly-backup").await.unwrap();
        fill(&metadata, now).await;
    }
    let settings = Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        names: Vec::new(),
        console_port: Some(9021),
    };
    let server =
        Webserver::start(settings, metadata.clone(), accounts.clone(), clock).await.unwrap();
    println!("password of ada, olga and victor: {PASSWORD}");
    for _ in 0..40 {
        let token = accounts.login_link().await.unwrap();
        println!("http://{}/login/link?token={token}&next=/", server.address());
    }
    println!("ready");
    let live = (!empty).then(|| tokio::spawn(go_on(metadata, now)));
    tokio::signal::ctrl_c().await.unwrap();
    live.inspect(tokio::task::JoinHandle::abort);
    server.stop().await;
}

fn task(id: &str, operator: Operator, arguments: Value, upstream: &[&str]) -> Task {
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

fn dag(id: &str, schedule: &str, tasks: Vec<Task>, groups: &[&str]) -> Dag {
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

struct Listed<'a> {
    dag: &'a Dag,
    file: &'a str,
    runtime: &'a str,
    description: &'a str,
    tags: &'a [&'a str],
    source: &'a str,
}

async fn record(metadata: &Metadata, listed: &Listed<'_>, now: DateTime<Utc>) -> i64 {
    let native = listed.runtime == "native";
    let record = DagRecord {
        dag_id: listed.dag.id.clone(),
        file: listed.file.to_owned(),
        runtime: listed.runtime.to_owned(),
        runtime_reason: if native {
            "a YAML file, run by Millstream itself".to_owned()
        } else {
            "the interpreter python3.11 has apache-airflow 3.3.2".to_owned()
        },
        description: Some(listed.description.to_owned()).filter(|text| !text.is_empty()),
        owners: vec!["data-platform".to_owned()],
        tags: listed.tags.iter().map(|tag| (*tag).to_owned()).collect(),
        schedule: listed.dag.schedule.text.clone(),
        source: listed.source.to_owned(),
        serialised: listed.dag.to_json().to_string(),
        max_active_runs: listed.dag.max_active_runs,
        max_active_tasks: listed.dag.max_active_tasks,
        paused_upon_creation: false,
    };
    metadata.record_dag(&record, now).await.unwrap()
}

const USERS: &str = "# Users from the random-user API, into the topic users_created.\nuser_automation:\n  \
default_args:\n    owner: data-platform\n    retries: 2\n    retry_delay: 5m\n  \
schedule: '@continuous'\n  catchup: false\n  tags: [users, kafka]\n  params:\n    \
seconds: 60\n    results: 5000\n    verbose: false\n  tasks:\n    - task_id: stream_data_from_api\n      \
operator: stream\n      stream: users_poll\n      action: run\n      seconds: \"{{ params.seconds }}\"\n";

const PYTHON: &str = "\"\"\"Users from the random-user API, as everybody copies it.\"\"\"\n\nimport json\n\
from datetime import datetime\n\nfrom airflow import DAG\nfrom airflow.operators.python import PythonOperator\n\n\
default_args = {\"owner\": \"data-platform\", \"start_date\": datetime(2023, 9, 3, 10, 0)}\n\n\n\
def get_data():\n    import requests\n\n    res = requests.get(\"https://randomuser.me/api/\")\n    \
return res.json()[\"results\"][0]\n\n\ndef stream_data():\n    # One record each, until a minute has passed.\n    \
from kafka import KafkaProducer\n\n    producer = KafkaProducer(bootstrap_servers=[\"localhost:9092\"], max_block_ms=5000)\n    \
while True:\n        record = get_data()\n        producer.send(\"users_created\", json.dumps(record).encode(\"utf-8\"))\n\n\n\
with DAG(\n    \"user_automation_python\",\n    default_args=default_args,\n    schedule_interval=\"@daily\",\n    catchup=False,\n\
) as dag:\n    streaming_task = PythonOperator(task_id=\"stream_data_from_api\", python_callable=stream_data)\n";

fn warehouse() -> Dag {
    use Operator as O;
    let cql =
        |table: &str| json!({"cql": format!("INSERT INTO shop.{table} JSON '{{{{ row }}}}'")});
    let tasks = vec![
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
    ];
    let groups = ["extract", "check", "load", "load.staging", "quality"];
    let mut dag = dag("orders_to_warehouse", "0 3 * * *", tasks, &groups);
    dag.params =
        json!({"day": "2026-11-28", "full": false, "limit": 5000, "shops": ["berlin", "lyon"]})
            .as_object()
            .cloned()
            .unwrap();
    dag
}

struct Run<'a> {
    dag: &'a Dag,
    run_id: String,
    state: RunState,
    start: DateTime<Utc>,
    end: Option<DateTime<Utc>>,
    run_type: RunType,
    by: &'a str,
    version: i64,
}

async fn make(metadata: &Metadata, run: &Run<'_>) {
    let made = NewRun {
        dag_id: run.dag.id.clone(),
        run_id: run.run_id.clone(),
        run_type: run.run_type,
        logical_date: Some(run.start),
        interval_start: Some(run.start - TimeDelta::days(1)),
        interval_end: Some(run.start),
        run_after: run.start,
        queued_at: run.start - TimeDelta::milliseconds(400),
        conf: Value::Object(run.dag.params.clone()),
        version: run.version,
        triggered_by: run.by.to_owned(),
        note: None,
    };
    metadata.create_run(&made).await.unwrap();
    if run.state != RunState::Queued {
        let (from, to) = (RunState::Queued, RunState::Running);
        metadata.move_run(&run.dag.id, &run.run_id, from, to, run.start).await.unwrap();
    }
}

async fn finish(metadata: &Metadata, run: &Run<'_>) {
    if let Some(end) = run.end {
        metadata
            .move_run(&run.dag.id, &run.run_id, RunState::Running, run.state, end)
            .await
            .unwrap();
    }
}

fn kind(task: &Task) -> TaskKind {
    TaskKind {
        operator: task.operator.name().to_owned(),
        pool: task.pool.clone(),
        pool_slots: 1,
        priority: 1,
        retries: task.retry.retries,
    }
}

/// Brings a task to a state through the moves a scheduler makes.
async fn bring(
    metadata: &Metadata,
    run: &Run<'_>,
    id: &str,
    to: TaskState,
    (start, end): (DateTime<Utc>, DateTime<Utc>),
    reason: Option<&str>,
) {
    let (dag, run_id) = (run.dag, run.run_id.as_str());
    let task = dag.task(id).unwrap();
    let key = TaskKey { dag_id: dag.id.clone(), run_id: run_id.to_owned(), task_id: id.to_owned() };
    let change = |from, to, reason: Option<&str>| Change {
        task_id: id.to_owned(),
        from,
        to,
        kind: kind(task),
        reason: reason.map(str::to_owned),
        retry_at: None,
    };
    let steps: &[TaskState] = match to {
        TaskState::None => &[],
        TaskState::Skipped
        | TaskState::UpstreamFailed
        | TaskState::Scheduled
        | TaskState::Removed => &[to],
        TaskState::Queued => &[TaskState::Scheduled, TaskState::Queued],
        _ => &[TaskState::Scheduled, TaskState::Queued, TaskState::Running],
    };
    let mut from = TaskState::None;
    if steps.is_empty() {
        metadata.apply(&dag.id, run_id, &[change(from, from, None)], None, start).await.unwrap();
    }
    for next in steps {
        if *next == TaskState::Running {
            metadata.start_try(&key, from, 1, "local/1", start).await.unwrap();
        } else {
            let why = if *next == to { reason } else { None };
            let at = start - TimeDelta::milliseconds(120);
            metadata.apply(&dag.id, run_id, &[change(from, *next, why)], None, at).await.unwrap();
        }
        from = *next;
    }
    if from != TaskState::Running {
        return;
    }
    let rendered: Value = Value::Object(task.arguments.clone());
    metadata.set_rendered(&key, &rendered).await.unwrap();
    log(metadata, &key, start, 14).await;
    if to == TaskState::Running {
        return;
    }
    if to == TaskState::Success {
        metadata
            .push_xcom(&key, "return_value", &json!({"rows": 4812, "day": "2026-11-28"}))
            .await
            .unwrap();
    }
    let again = (to == TaskState::UpForRetry).then(|| end + TimeDelta::minutes(5));
    metadata.end_try(&key, 1, "local/1", to, reason, again, end).await.unwrap();
}

async fn log(metadata: &Metadata, key: &TaskKey, from: DateTime<Utc>, count: i64) {
    let texts = [
        (Stream::Task, "info", "Try 1 starts: process group 48121, timeout none"),
        (Stream::Out, "info", "GET http://api.shop.internal/orders?day=2026-11-28&page=1"),
        (Stream::Out, "info", "page 1: 1,204 rows in 0.31 s"),
        (Stream::Out, "info", "page 2: 1,198 rows in 0.28 s"),
        (Stream::Out, "debug", "rate limit: 118 of 120 requests left"),
        (Stream::Err, "warning", "row 2307: field \"discount\" is missing, taken as 0"),
        (Stream::Out, "info", "page 3: 1,201 rows in 0.35 s"),
        (Stream::Out, "info", "page 4: 1,209 rows in 0.29 s"),
        (
            Stream::Out,
            "info",
            "writing 4,812 rows to topic orders, 3 partitions, acks=all, and then waiting for all of them, which is a line that is long enough to be wrapped on any screen",
        ),
        (
            Stream::Out,
            "info",
            "partition 0: 1,611 rows, partition 1: 1,598 rows, partition 2: 1,603 rows",
        ),
        (Stream::Err, "error", "<script>alert('a log line is text')</script>"),
        (Stream::Out, "info", "password=***"),
        (Stream::Out, "info", "done"),
        (Stream::Task, "info", "Try 1 ended: exit code 0"),
    ];
    let lines: Vec<LogLine> = (0..count)
        .map(|at| {
            let (stream, level, text) = texts[usize::try_from(at).unwrap() % texts.len()];
            let at = from + TimeDelta::milliseconds(at * 170);
            LogLine { at, stream, level: level.to_owned(), text: text.to_owned() }
        })
        .collect();
    metadata.append_log(key, 1, &lines).await.unwrap();
}

async fn fill(metadata: &Metadata, now: DateTime<Utc>) {
    fill_users(metadata, now).await;
    fill_warehouse(metadata, now).await;
    fill_others(metadata, now).await;
    fill_rest(metadata, now).await;
}

async fn fill_users(metadata: &Metadata, now: DateTime<Utc>) {
    let stream = json!({"stream": "users_poll", "action": "run", "seconds": 60});
    let mut users = dag(
        "user_automation",
        "@continuous",
        vec![task("stream_data_from_api", Operator::Stream, stream, &[])],
        &[],
    );
    users.params =
        json!({"seconds": 60, "results": 5000, "verbose": false}).as_object().cloned().unwrap();
    let mut listed = Listed {
        dag: &users,
        file: "user_automation.yml",
        runtime: "native",
        description: "Users from the random-user API into the topic users_created",
        tags: &["users", "kafka"],
        source: "# An older version.\nuser_automation:\n  schedule: '@hourly'\n",
    };
    record(metadata, &listed, now - TimeDelta::days(3)).await;
    listed.source = USERS;
    let version = record(metadata, &listed, now).await;
    for back in (0..30_i64).rev() {
        let start = now - TimeDelta::seconds(61 * back + 22);
        let failed = matches!(back, 9 | 17);
        let run = Run {
            dag: &users,
            run_id: format!("scheduled__{}", start.to_rfc3339()),
            state: if back == 0 {
                RunState::Running
            } else if failed {
                RunState::Failed
            } else {
                RunState::Success
            },
            start,
            end: (back != 0)
                .then(|| start + TimeDelta::seconds(if failed { 20 + back } else { 60 })),
            run_type: RunType::Scheduled,
            by: "scheduler",
            version,
        };
        make(metadata, &run).await;
        let state = if back == 0 {
            TaskState::Running
        } else if failed {
            TaskState::Failed
        } else {
            TaskState::Success
        };
        let reason =
            failed.then_some("The API answered 503 Service Unavailable three times in a row");
        let times = (start, run.end.unwrap_or(start));
        bring(metadata, &run, "stream_data_from_api", state, times, reason).await;
        finish(metadata, &run).await;
    }
}

async fn fill_warehouse(metadata: &Metadata, now: DateTime<Utc>) {
    let warehouse = warehouse();
    let listed = Listed {
        dag: &warehouse,
        file: "shop/orders_to_warehouse.py",
        runtime: "airflow 3.3.2",
        description: "Yesterday's orders, customers and products into the tables that finance reads",
        tags: &["shop", "warehouse", "finance"],
        source: PYTHON,
    };
    let version = record(metadata, &listed, now - TimeDelta::hours(30)).await;
    let next = NextRun {
        run_after: now + TimeDelta::hours(9),
        interval_start: now - TimeDelta::hours(15),
        interval_end: now + TimeDelta::hours(9),
    };
    metadata.set_next_run(&warehouse.id, Some(next)).await.unwrap();
    for back in (1..18_i64).rev() {
        let start = now - TimeDelta::hours(24 * back + 3);
        let failed = matches!(back, 5 | 6 | 12);
        let mut run = Run {
            dag: &warehouse,
            run_id: format!("scheduled__{}", start.to_rfc3339()),
            state: if failed { RunState::Failed } else { RunState::Success },
            start,
            end: None,
            run_type: RunType::Scheduled,
            by: "scheduler",
            version,
        };
        make(metadata, &run).await;
        let mut at = start;
        for (place, task) in warehouse.tasks.iter().enumerate() {
            let long = TimeDelta::seconds(7 + (place as i64 * 13 + back * 7) % 40);
            let state = match place {
                8.. if failed && place == 8 => TaskState::Failed,
                9.. if failed => TaskState::UpstreamFailed,
                17 if back % 3 == 0 => TaskState::Skipped,
                _ => TaskState::Success,
            };
            bring(metadata, &run, &task.id, state, (at, at + long), None).await;
            if place % 3 == 2 {
                at += long;
            }
        }
        run.end = Some(at + TimeDelta::seconds(50));
        finish(metadata, &run).await;
    }
    every_state(metadata, &warehouse, version, now).await;
}

/// A run that is under way, with a task in each state.
async fn every_state(metadata: &Metadata, dag: &Dag, version: i64, now: DateTime<Utc>) {
    use TaskState as S;
    let start = now - TimeDelta::seconds(312);
    let run = Run {
        dag,
        run_id: format!("manual__{}", start.to_rfc3339()),
        state: RunState::Running,
        start,
        end: None,
        run_type: RunType::Manual,
        by: "ada",
        version,
    };
    make(metadata, &run).await;
    let states = [
        S::Success,
        S::Success,
        S::Success,
        S::Success,
        S::Failed,
        S::Success,
        S::Success,
        S::UpstreamFailed,
        S::Running,
        S::Success,
        S::UpForRetry,
        S::UpForReschedule,
        S::Deferred,
        S::Queued,
        S::Scheduled,
        S::Skipped,
        S::None,
        S::None,
        S::Removed,
        S::None,
    ];
    let mut at = start;
    for (place, (task, state)) in dag.tasks.iter().zip(states).enumerate() {
        let end = at + TimeDelta::seconds(11 + (place as i64 * 17) % 60);
        let reason = match state {
            S::Failed => Some(
                "GET http://api.shop.internal/products answered 404 Not Found; the path of the endpoint is /catalogue/products since Monday",
            ),
            S::UpForRetry => Some("Coordinator timed out waiting for 1 of 3 replicas"),
            S::UpstreamFailed => Some("extract.products_with_a_long_name failed"),
            S::Skipped => Some("The dashboard is refreshed on weekdays only"),
            _ => None,
        };
        bring(metadata, &run, &task.id, state, (at, end), reason).await;
        if place % 3 == 2 {
            at = end;
        }
    }
    let (id, run_id) = (&dag.id, &run.run_id);
    metadata.set_run_note(id, run_id, Some("Again after the price change")).await.unwrap();
    let key = TaskKey {
        dag_id: id.clone(),
        run_id: run_id.clone(),
        task_id: "load.staging.orders".to_owned(),
    };
    metadata.set_task_note(&key, Some("Watch the partition skew")).await.unwrap();
}

async fn fill_others(metadata: &Metadata, now: DateTime<Utc>) {
    let python = json!({"operator": "airflow.operators.python.PythonOperator"});
    let one = vec![task("stream_data_from_api", Operator::Airflow, python, &[])];
    let copied = dag("user_automation_python", "@daily", one, &[]);
    let listed = Listed {
        dag: &copied,
        file: "user_automation_python.py",
        runtime: "airflow 3.3.2",
        description: "The same with kafka-python, as everybody copies it",
        tags: &["users", "python"],
        source: PYTHON,
    };
    record(metadata, &listed, now).await;
    metadata.set_paused(&copied.id, true).await.unwrap();
    let names = [
        ("backup_tables", "30 2 * * *", "Snapshots of all keyspaces", true),
        ("customer_segments", "@weekly", "Segments for the mail team", false),
        ("gdpr_erasure_requests", "*/15 * * * *", "Erases who asked to be forgotten", true),
        ("partition_rebalancing", "@once", "", false),
        ("rates_from_ecb", "0 16 * * 1-5", "Exchange rates", true),
        ("sessions_per_minute", "@continuous", "Windows of page views", true),
        (
            "a_dag_whose_name_is_so_long_that_it_has_to_be_broken_somewhere_on_a_phone",
            "None",
            "A description that goes on and on, since somebody had much to say about it and no other place",
            true,
        ),
    ];
    for (place, (id, schedule, description, good)) in names.into_iter().enumerate() {
        let tasks = vec![
            task("first", Operator::Bash, json!({"bash_command": "true"}), &[]),
            task("second", Operator::Bash, json!({"bash_command": "true"}), &["first"]),
        ];
        let other = dag(id, schedule, tasks, &[]);
        let file = format!("{id}.yml");
        let listed = Listed {
            dag: &other,
            file: &file,
            runtime: "native",
            description,
            tags: &["ops"],
            source: USERS,
        };
        let version = record(metadata, &listed, now).await;
        let next = NextRun {
            run_after: now + TimeDelta::minutes(17 * (place as i64 + 1)),
            interval_start: now,
            interval_end: now,
        };
        metadata.set_next_run(id, (place % 3 != 0).then_some(next)).await.unwrap();
        for back in (1..10 - place as i64).rev() {
            let start = now - TimeDelta::minutes(47 * back);
            let state = if good || back > 1 { RunState::Success } else { RunState::Failed };
            let end = Some(start + TimeDelta::seconds(5 + back * 9));
            let run = Run {
                dag: &other,
                run_id: format!("scheduled__{}", start.to_rfc3339()),
                state,
                start,
                end,
                run_type: RunType::Scheduled,
                by: "scheduler",
                version,
            };
            make(metadata, &run).await;
            let task =
                if state == RunState::Success { TaskState::Success } else { TaskState::Failed };
            bring(metadata, &run, "first", task, (start, start + TimeDelta::seconds(4)), None)
                .await;
            finish(metadata, &run).await;
        }
    }
}

async fn fill_rest(metadata: &Metadata, now: DateTime<Utc>) {
    let broken = "orders:\n  schedule: '@daily'\n  tasks:\n    - task_id: load\n      operater: bash\n      bash_command: echo\n";
    let error = "shop/refunds.yml:5:7: unknown key operater: did you mean operator?";
    metadata.record_import_error("shop/refunds.yml", broken, error, now).await.unwrap();
    let python =
        "from airflow import DAG\nimport pandas as pd\n\nwith DAG('x') as dag:\n    pass\n";
    let error = "Traceback (most recent call last):\n  File \"forecast.py\", line 2, in <module>\n    import pandas as pd\nModuleNotFoundError: No module named 'pandas'\n\npandas is not on the Deployment Manager's list of packages.";
    metadata.record_import_error("forecast.py", python, error, now).await.unwrap();
    for (name, value, description) in [
        ("shop_api", "https://api.shop.internal", "Base address of the shop"),
        ("finance_mail", "finance@example.com", ""),
        ("api_key", "k-38fj2-very-secret", "For the rates"),
    ] {
        metadata
            .set_variable(name, value, Some(description).filter(|text| !text.is_empty()))
            .await
            .unwrap();
    }
    for (id, kind, host, port) in [
        ("kafka_default", "kafka", "127.0.0.1", 9092),
        ("warehouse", "postgres", "db.internal", 5432),
        ("tables", "cassandra", "127.0.0.1", 9042),
    ] {
        let connection = Connection {
            id: id.to_owned(),
            kind: kind.to_owned(),
            description: None,
            host: Some(host.to_owned()),
            port: Some(port),
            schema: (kind == "postgres").then(|| "finance".to_owned()),
            login: (kind == "postgres").then(|| "etl".to_owned()),
            password: (kind == "postgres").then(|| "s3cret".to_owned()),
            extra: None,
        };
        metadata.set_connection(&connection).await.unwrap();
    }
    let pool = Pool {
        name: "shop_api".to_owned(),
        slots: 4,
        description: "What the shop's API can bear".to_owned(),
    };
    metadata.set_pool(&pool).await.unwrap();
    for (minutes, who, what, dag) in [
        (1, "ada", "run.trigger", "orders_to_warehouse"),
        (4, "olga", "task.clear", "orders_to_warehouse"),
        (9, "ada", "dag.unpause", "user_automation"),
        (31, "ada", "variable.set", ""),
    ] {
        let mut event = Event::new(now - TimeDelta::minutes(minutes), who, what);
        event.dag_id = Some(dag.to_owned()).filter(|dag| !dag.is_empty());
        event.extra = if dag.is_empty() { json!({"variable": "api_key"}) } else { Value::Null };
        metadata.audit(&event).await.unwrap();
    }
    let settings = [
        ("orchestrator.executor", "LocalExecutor", "millstream.toml"),
        ("orchestrator.parallelism", "8", "default"),
        ("orchestrator.dags_folder", "dags", "default"),
        ("webserver.listen", "127.0.0.1:8080", "default"),
        ("metadata.address", "sqlite:data/metadata.db", "default"),
    ];
    let settings = settings.map(|(name, value, origin)| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        origin: origin.to_owned(),
    });
    metadata.record_configuration(&settings).await.unwrap();
}

/// Lets a log grow, so that it can be followed.
async fn go_on(metadata: Metadata, now: DateTime<Utc>) {
    let start = now - TimeDelta::seconds(22);
    let key = TaskKey {
        dag_id: "user_automation".to_owned(),
        run_id: format!("scheduled__{}", start.to_rfc3339()),
        task_id: "stream_data_from_api".to_owned(),
    };
    for second in 0..3_600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        log(&metadata, &key, now + TimeDelta::seconds(second), 2).await;
    }
}
