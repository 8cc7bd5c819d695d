//! The fields of each answer, as Airflow 3.3's `/api/v2` names them.

use std::collections::BTreeSet;

use scheduler::TaskState;
use serde_json::Value;

use crate::world::World;

const DAG: &str = "dag_id dag_display_name is_paused is_stale last_parsed_time last_parse_duration \
    last_expired bundle_name bundle_version relative_fileloc fileloc description timetable_summary \
    timetable_description timetable_partitioned timetable_periodic tags max_active_tasks \
    max_active_runs max_consecutive_failed_dag_runs has_task_concurrency_limits has_import_errors \
    next_dagrun_logical_date next_dagrun_data_interval_start next_dagrun_data_interval_end \
    next_dagrun_run_after allowed_run_types owners is_backfillable file_token";
const DETAILS: &str = "catchup dag_run_timeout asset_expression doc_md start_date end_date \
    is_paused_upon_creation params render_template_as_native_obj template_search_path timezone \
    last_parsed default_args rerun_with_latest_version owner_links is_favorite active_runs_count \
    concurrency latest_dag_version";
const RUN: &str = "dag_run_id dag_id logical_date queued_at start_date end_date duration \
    data_interval_start data_interval_end run_after last_scheduling_decision run_type state \
    triggered_by triggering_user_name conf note dag_versions bundle_version dag_display_name \
    partition_key partition_date";
const TRY: &str = "task_id dag_id dag_run_id map_index start_date end_date duration state try_number \
    max_tries task_display_name dag_display_name hostname unixname pool pool_slots queue \
    priority_weight operator operator_name queued_when scheduled_when pid executor executor_config \
    dag_version";
const TASK_INSTANCE: &str = "id logical_date run_after note rendered_map_index rendered_fields trigger \
    triggerer_job";
const TASK: &str = "task_id task_display_name owner start_date end_date trigger_rule depends_on_past \
    wait_for_downstream retries queue pool pool_slots execution_timeout retry_delay \
    retry_exponential_backoff priority_weight weight_rule ui_color ui_fgcolor template_fields \
    downstream_task_ids doc_md operator_name params class_ref is_mapped extra_links";
const VERSION: &str = "id version_number dag_id bundle_name bundle_version created_at \
    dag_display_name bundle_url";
const XCOM: &str = "key timestamp logical_date map_index task_id dag_id run_id dag_display_name \
    task_display_name run_after";
const VARIABLE: &str = "key value description is_encrypted team_name";
const CONNECTION: &str = "connection_id conn_type description host login schema port password extra \
    team_name";
const POOL: &str = "name slots description include_deferred occupied_slots running_slots queued_slots \
    scheduled_slots open_slots deferred_slots team_name";
const EVENT: &str = "event_log_id when dag_id task_id run_id map_index try_number event logical_date \
    owner extra dag_display_name task_display_name";
const IMPORT_ERROR: &str = "import_error_id timestamp filename bundle_name stack_trace";

fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The answer has these fields and no others.
fn check(what: &str, value: &Value, expected: &[&str]) {
    let expected: BTreeSet<&str> =
        expected.iter().flat_map(|part| part.split_whitespace()).collect();
    assert_eq!(fields(value), expected, "{what}");
}

#[tokio::test]
async fn every_answer_has_airflows_fields() {
    let world = World::filled().await;
    world.run("r1", TaskState::Success).await;
    world.connection().await;
    world.metadata.set_variable("v", "1", None).await.unwrap();
    world
        .metadata
        .record_import_error("bad.yml", "", "bad.yml:1:1: no", world.now())
        .await
        .unwrap();
    let get = async |path: &str| {
        let answer = world.by("Admin", &format!("GET /api/v2/{path}"), "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    };
    let run = "dags/users/dagRuns/r1";
    let task = format!("{run}/taskInstances/extract");
    let xcom = format!("{task}/xcomEntries");
    let one = |path: &str| path.to_owned();
    for (path, expected) in [
        (one("dags/users"), vec![DAG]),
        (one("dags/users/details"), vec![DAG, DETAILS]),
        (one("dags/users/tasks/extract"), vec![TASK]),
        (one("dags/users/dagVersions/1"), vec![VERSION]),
        (one(run), vec![RUN]),
        (task.clone(), vec![TRY, TASK_INSTANCE]),
        (format!("{xcom}/return_value"), vec![XCOM, "value"]),
        (one("variables/v"), vec![VARIABLE]),
        (one("connections/warehouse"), vec![CONNECTION]),
        (one("pools/default_pool"), vec![POOL]),
        (one("dagSources/users"), vec!["content dag_id version_number dag_display_name"]),
        (format!("{task}/logs/1"), vec!["content continuation_token"]),
        (one("monitor/health"), vec!["metadatabase scheduler triggerer dag_processor"]),
        (one("version"), vec!["version git_version"]),
        (format!("{task}/dependencies"), vec!["dependencies"]),
        (one("config"), vec!["sections"]),
    ] {
        check(&path, &get(&path).await, &expected);
    }
    for (path, list, expected) in [
        (one("dags"), "dags", vec![DAG]),
        (one("dags/users/tasks"), "tasks", vec![TASK]),
        (one("dags/users/dagVersions"), "dag_versions", vec![VERSION]),
        (one("dags/users/dagRuns"), "dag_runs", vec![RUN]),
        (one("dags/~/dagRuns"), "dag_runs", vec![RUN]),
        (format!("{run}/taskInstances"), "task_instances", vec![TRY, TASK_INSTANCE]),
        (one("dags/~/dagRuns/~/taskInstances"), "task_instances", vec![TRY, TASK_INSTANCE]),
        (format!("{task}/tries"), "task_instances", vec![TRY]),
        (xcom.clone(), "xcom_entries", vec![XCOM]),
        (one("variables"), "variables", vec![VARIABLE]),
        (one("connections"), "connections", vec![CONNECTION]),
        (one("pools"), "pools", vec![POOL]),
        (one("eventLogs"), "event_logs", vec![EVENT]),
        (one("importErrors"), "import_errors", vec![IMPORT_ERROR]),
    ] {
        let answer = get(&path).await;
        check(&path, &answer, &[list, "total_entries"]);
        let items = answer[list].as_array().unwrap();
        assert!(!items.is_empty(), "{path}");
        assert_eq!(answer["total_entries"].as_u64().unwrap() as usize, items.len(), "{path}");
        items.iter().for_each(|item| check(&path, item, &expected));
    }
    let tags = get("dagTags").await;
    assert_eq!(tags["tags"], serde_json::json!(["kafka"]));
    let id = get("importErrors").await["import_errors"][0]["import_error_id"].as_u64().unwrap();
    check("one", &get(&format!("importErrors/{id}")).await, &[IMPORT_ERROR]);
}
