//! Runs and tasks brought to their states by the moves that a scheduler makes.

use chrono::{DateTime, TimeDelta, Utc};
use dag::{Dag, Task};
use metadata::{Change, DagRecord, LogLine, Metadata, NewRun, RunType, Stream, TaskKey, TaskKind};
use scheduler::{RunState, TaskState};
use serde_json::{Value, json};

pub(crate) struct Listed<'a> {
    pub(crate) dag: &'a Dag,
    pub(crate) file: &'a str,
    pub(crate) runtime: &'a str,
    pub(crate) description: &'a str,
    pub(crate) tags: &'a [&'a str],
    pub(crate) source: &'a str,
}

pub(crate) async fn record(metadata: &Metadata, listed: &Listed<'_>, now: DateTime<Utc>) -> i64 {
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

pub(crate) struct Run<'a> {
    pub(crate) dag: &'a Dag,
    pub(crate) run_id: String,
    pub(crate) state: RunState,
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: Option<DateTime<Utc>>,
    pub(crate) run_type: RunType,
    pub(crate) by: &'a str,
    pub(crate) version: i64,
}

pub(crate) async fn make(metadata: &Metadata, run: &Run<'_>) {
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

pub(crate) async fn finish(metadata: &Metadata, run: &Run<'_>) {
    if let Some(end) = run.end {
        metadata
            .move_run(&run.dag.id, &run.run_id, RunState::Running, run.state, end)
            .await
            .unwrap();
    }
}

pub(crate) fn kind(task: &Task) -> TaskKind {
    TaskKind {
        operator: task.operator.name().to_owned(),
        pool: task.pool.clone(),
        pool_slots: 1,
        priority: 1,
        retries: task.retry.retries,
    }
}

/// Brings a task to a state through the moves a scheduler makes.
pub(crate) async fn bring(
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

pub(crate) async fn log(metadata: &Metadata, key: &TaskKey, from: DateTime<Utc>, count: i64) {
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
