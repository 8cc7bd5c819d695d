//! What a busy project has: runs in every state, errors, variables, users.

use chrono::{DateTime, TimeDelta, Utc};
use dag::{Dag, Operator};
use metadata::{Connection, Event, Metadata, NextRun, Pool, RunType, Setting, TaskKey};
use scheduler::{RunState, TaskState};
use serde_json::{Value, json};

use crate::dags::{PYTHON, USERS, dag, task, warehouse};
use crate::moves::{Listed, Run, bring, finish, make, record};

pub(crate) async fn fill(metadata: &Metadata, now: DateTime<Utc>) {
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

/// Smaller DAGs: id, schedule, description, whether the latest run succeeded.
const OTHERS: [(&str, &str, &str, bool); 7] = [
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
    for (place, (id, schedule, description, good)) in OTHERS.into_iter().enumerate() {
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
