//! The first frame: what a child is to do.

use executor::TaskTry;
use serde_json::{Value, json};
use std::path::Path;

/// The bundle that Airflow makes of the folder of DAG files.
const BUNDLE: &str = "dags-folder";

/// `DagFileParseRequest`.
pub(crate) fn parse_request(file: &Path, dags: &Path) -> Value {
    json!({
        "type": "DagFileParseRequest",
        "file": file,
        "bundle_path": dags,
        "bundle_name": BUNDLE,
        "callback_requests": [],
    })
}

/// What the loaded version of Airflow takes.
#[derive(Debug, Default)]
pub(crate) struct Dialect {
    /// The fields of a run; others are refused. Empty: not known, so all are sent.
    dag_run: Vec<String>,
}

impl Dialect {
    /// As the fork server told it.
    pub(crate) fn of(about: &Value) -> Self {
        let fields = about["dag_run_fields"].as_array().into_iter().flatten();
        Self { dag_run: fields.filter_map(|name| name.as_str().map(str::to_owned)).collect() }
    }
}

/// The run that a task belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) task: &'a TaskTry,
    /// When the try started, as text.
    pub(crate) now: &'a str,
    pub(crate) dialect: &'a Dialect,
}

/// `StartupDetails`.
pub(crate) fn startup_details(run: &Run<'_>) -> Value {
    let (task, now) = (run.task, run.now);
    let key = &task.key;
    json!({
        "type": "StartupDetails",
        "ti": {
            "id": uuid_of(&[&key.dag_id, &key.run_id, &key.task_id, &key.try_number.to_string()]),
            "task_id": key.task_id,
            "dag_id": key.dag_id,
            "run_id": key.run_id,
            "try_number": key.try_number,
            "dag_version_id": uuid_of(&[&key.dag_id]),
            "map_index": -1,
            "hostname": "localhost",
        },
        "dag_rel_path": task.dag_file,
        "bundle_info": {"name": BUNDLE, "version": null},
        "start_date": now,
        "ti_context": {
            "dag_run": run.dag_run(),
            "task_reschedule_count": 0,
            "max_tries": task.task.retry.retries,
            "should_retry": should_retry(task),
            "variables": [],
            "connections": [],
            "xcom_keys_to_clear": [],
        },
        "sentry_integration": "",
    })
}

/// Whether a failure of this try is followed by another try.
pub(crate) fn should_retry(task: &TaskTry) -> bool {
    task.key.try_number <= task.task.retry.retries
}

impl Run<'_> {
    /// Whether this is the task itself.
    pub(super) fn is_own(&self, dag_id: &str, run_id: &str, task_id: &str) -> bool {
        let key = &self.task.key;
        (dag_id, run_id, task_id) == (&*key.dag_id, &*key.run_id, &*key.task_id)
    }

    /// The run as a message, from the try's context.
    pub(super) fn dag_run(&self) -> Value {
        let known = &self.dialect.dag_run;
        let mut message = dag_run(self.task, self.now);
        if let Some(fields) = message.as_object_mut().filter(|_| !known.is_empty()) {
            fields.retain(|name, _| known.contains(name));
        }
        message
    }
}

fn dag_run(task: &TaskTry, now: &str) -> Value {
    let context = &task.context;
    let run = &context["dag_run"];
    let either = |name: &str| match &run[name] {
        Value::Null => context[name].clone(),
        value => value.clone(),
    };
    let or_now = |value: Value| if value.is_null() { json!(now) } else { value };
    let run_type = run["run_type"].as_str().unwrap_or("manual");
    let conf = if run["conf"].is_object() { run["conf"].clone() } else { json!({}) };
    json!({
        "dag_id": task.key.dag_id,
        "run_id": task.key.run_id,
        "logical_date": either("logical_date"),
        "data_interval_start": either("data_interval_start"),
        "data_interval_end": either("data_interval_end"),
        "run_after": or_now(either("run_after")),
        "start_date": or_now(run["start_date"].clone()),
        "end_date": null,
        "run_type": run_type,
        "state": "running",
        "conf": conf,
        "triggering_user_name": run["triggered_by"],
        "consumed_asset_events": [],
        "partition_key": null,
        "note": run["note"],
    })
}

/// A UUID that is always the same for the same names: 128 bits of FNV-1a in the form of version 8.
fn uuid_of(names: &[&str]) -> String {
    let bytes = names.iter().flat_map(|name| name.bytes().chain([0]));
    let hash = bytes.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    let versioned = (hash & !(0xf000 << 64) & !(0xc000 << 48)) | (0x8000 << 64) | (0x8000 << 48);
    let text = format!("{versioned:032x}");
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::{Dialect, Run, startup_details, uuid_of};
    use crate::testing::a_try;
    use serde_json::json;

    #[test]
    fn a_try_starts_with_its_run_and_whether_it_may_be_tried_again() {
        let mut task = a_try("flow", "work");
        task.task.retry.retries = 1;
        task.context = json!({
            "logical_date": "2026-01-01T00:00:00+00:00",
            "dag_run": {"run_type": "scheduled", "conf": {"n": 3}, "triggered_by": "somebody"},
        });
        let all = Dialect::default();
        let now = "2026-01-02T00:00:00Z";
        let first = startup_details(&Run { task: &task, now, dialect: &all });
        let context = &first["ti_context"];
        assert_eq!(context["should_retry"], json!(true));
        assert_eq!(context["dag_run"]["logical_date"], json!("2026-01-01T00:00:00+00:00"));
        assert_eq!(context["dag_run"]["run_after"], json!("2026-01-02T00:00:00Z"));
        assert_eq!(context["dag_run"]["conf"], json!({"n": 3}));
        assert_eq!(first["dag_rel_path"], json!("flow.py"));
        task.key.try_number = 2;
        let second = startup_details(&Run { task: &task, now, dialect: &all });
        assert_eq!(second["ti_context"]["should_retry"], json!(false));
    }

    #[test]
    fn an_older_airflow_is_sent_the_fields_that_it_knows() {
        let about = json!({"dag_run_fields": ["dag_id", "run_id", "conf"]});
        let (task, dialect) = (a_try("flow", "work"), Dialect::of(&about));
        let run = Run { task: &task, now: "2026-01-02T00:00:00Z", dialect: &dialect }.dag_run();
        let names: Vec<&String> = run.as_object().unwrap().keys().collect();
        assert_eq!(names, ["dag_id", "run_id", "conf"]);
    }

    #[test]
    fn ids_are_uuids_that_differ_as_the_names_do() {
        let one = uuid_of(&["a", "b"]);
        assert_eq!((one.len(), &one[14..15]), (36, "8"));
        assert!("89ab".contains(&one[19..20]), "{one}");
        assert_eq!(one, uuid_of(&["a", "b"]));
        assert_ne!(one, uuid_of(&["ab", ""]));
    }
}
