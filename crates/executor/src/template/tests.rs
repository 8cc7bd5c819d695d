//! Templates as authors write them.

use crate::desk::{Answer, XcomName};
use crate::{Connection, Desk, LogLine, Settings, TaskTry, TryKey};
use dag::{Operator, Retry, Task, TriggerRule};
use futures::future::{BoxFuture, FutureExt, ready};
use runtime::ManualClock;
use serde_json::{Value, json};
use std::sync::Arc;

/// A desk that knows one of each.
struct Known;

impl Desk for Known {
    fn log(&self, _lines: Vec<LogLine>) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
    fn rendered(&self, _arguments: Value) -> Answer<'_, ()> {
        ready(Ok(())).boxed()
    }
    fn push_xcom<'a>(&'a self, _key: &'a str, _value: Value) -> Answer<'a, ()> {
        ready(Ok(())).boxed()
    }
    fn pull_xcom<'a>(&'a self, from: &'a XcomName) -> Answer<'a, Option<Value>> {
        let value = match (from.task_id.as_str(), from.key.as_str()) {
            ("extract", "return_value") => Some(json!({"rows": 3, "names": ["a", "b's"]})),
            ("extract", "other") => Some(json!("else")),
            ("me", "return_value") => Some(json!(1.0)),
            _ => None,
        };
        ready(Ok(value)).boxed()
    }
    fn variable<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        let value = match name {
            "region" => Some("eu"),
            "settings" => Some(r#"{"depth": {"max": 4}}"#),
            _ => None,
        };
        ready(Ok(value.map(str::to_owned))).boxed()
    }
    fn set_variable<'a>(&'a self, _name: &'a str, _value: &'a str) -> Answer<'a, ()> {
        ready(Ok(())).boxed()
    }
    fn delete_variable<'a>(&'a self, _name: &'a str) -> Answer<'a, bool> {
        ready(Ok(false)).boxed()
    }
    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<Connection>> {
        let found = Connection {
            id: "api".into(),
            kind: "http".into(),
            host: Some("api.example".into()),
            extra: Some(r#"{"path": "/v1"}"#.into()),
            ..Connection::default()
        };
        ready(Ok((id == "api").then_some(found))).boxed()
    }
}

fn task(arguments: Value, context: Value) -> TaskTry {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    TaskTry {
        key: TryKey {
            dag_id: "d".into(),
            run_id: "manual__1".into(),
            task_id: "me".into(),
            try_number: 2,
        },
        task: Task {
            id: "me".into(),
            operator: Operator::Bash,
            arguments,
            group: None,
            upstream: Vec::new(),
            trigger_rule: TriggerRule::AllSuccess,
            owner: "somebody".into(),
            doc: None,
            retry: Retry::default(),
            execution_timeout: None,
            depends_on_past: false,
            wait_for_downstream: false,
            pool: "default_pool".into(),
            pool_slots: 1,
            priority_weight: 1,
        },
        dag_file: "d.yml".into(),
        context,
        timeout: None,
    }
}

fn context() -> Value {
    json!({
        "logical_date": "2026-03-29T00:30:00Z",
        "data_interval_start": "2026-03-28T00:30:00Z",
        "data_interval_end": "2026-03-29T00:30:00.000250Z",
        "params": {"limit": 10, "when": "2026-01-01T00:00:00Z", "flag": true, "none": null},
        "dag_run": {"conf": {"who": "me"}, "run_after": "2026-03-29T00:30:00Z"},
        "dag": {"dag_id": "d", "tags": ["x"]},
        "ti": {"start_date": "2026-03-29T01:00:00Z"},
    })
}

fn settings() -> Settings {
    let clock = Arc::new(ManualClock::at(1_774_000_000_000_000));
    Settings::new("/nowhere".into(), "/nowhere/shim".into(), clock)
}

async fn rendered(source: &str) -> Result<String, String> {
    let task = task(json!({"bash_command": source}), context());
    let arguments = super::render(&settings(), &task, &Known).await;
    arguments
        .map(|arguments| arguments.unwrap()["bash_command"].as_str().unwrap().to_owned())
        .map_err(|fault| fault.to_string())
}

async fn check(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(rendered(source).await.as_deref(), Ok(*expected), "{source}");
    }
}

async fn refuse(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        let reason = rendered(source).await.expect_err(source);
        assert!(reason.contains(expected), "{source}: {reason}");
    }
}

#[tokio::test]
async fn the_dates_of_a_run_have_airflows_names_and_shapes() {
    check(&[
        ("{{ ds }} {{ ds_nodash }} {{ ts }}", "2026-03-29 20260329 2026-03-29T00:30:00+00:00"),
        ("{{ ts_nodash }} {{ ts_nodash_with_tz }}", "20260329T003000 20260329T003000+0000"),
        ("{{ logical_date }}", "2026-03-29 00:30:00+00:00"),
        ("{{ data_interval_end }}", "2026-03-29 00:30:00.000250+00:00"),
        ("{{ data_interval_end | ts }}", "2026-03-29T00:30:00.000250+00:00"),
        ("{{ data_interval_start | ds }}", "2026-03-28"),
        ("{{ dag_run.run_after | ts_nodash }}", "20260329T003000"),
        ("{{ ti.start_date.isoformat() }}", "2026-03-29T01:00:00+00:00"),
        ("{{ data_interval_start < data_interval_end }}", "True"),
        ("{{ prev_start_date_success | default('first run') }}", "first run"),
    ])
    .await;
}

#[tokio::test]
async fn times_know_what_pythons_and_pendulums_do() {
    check(&[
        (
            "{{ logical_date.strftime('%d/%m/%y %H:%M:%S.%f %z %Z %j') }}",
            "29/03/26 00:30:00.000000 +0000 UTC 088",
        ),
        ("{{ logical_date.add(days=1, hours=2).isoformat() }}", "2026-03-30T02:30:00+00:00"),
        ("{{ logical_date.subtract(months=1) | ds }}", "2026-02-28"),
        (
            "{{ logical_date.year }}-{{ logical_date.month }} {{ logical_date.day_of_week }}",
            "2026-3 6",
        ),
        // The clock goes forward at 01:00 UTC: an hour later it is 03:30 there.
        ("{{ logical_date.in_timezone('Europe/Berlin') }}", "2026-03-29 01:30:00+01:00"),
        ("{{ logical_date.in_tz('Europe/Berlin').add(hours=1) }}", "2026-03-29 03:30:00+02:00"),
        ("{{ logical_date.start_of('month') }}", "2026-03-01 00:00:00+00:00"),
        ("{{ logical_date.end_of('day') | ts }}", "2026-03-29T23:59:59.999999+00:00"),
        ("{{ logical_date.replace(day=1).date() }}", "2026-03-01"),
        ("{{ (logical_date - macros.timedelta(days=1)).strftime('%Y%m%d') }}", "20260328"),
        ("{{ (data_interval_end + macros.timedelta(hours=3)) | ts_nodash }}", "20260329T033000"),
        ("{{ logical_date.int_timestamp }}", "1774744200"),
    ])
    .await;
}

#[tokio::test]
async fn macros_do_as_airflows() {
    check(&[
        ("{{ macros.ds_add(ds, -29) }}", "2026-02-28"),
        ("{{ macros.ds_format(ds, '%Y-%m-%d', '%A %d %b') }}", "Sunday 29 Mar"),
        ("{{ macros.ds_format('1/5/2015', '%m/%d/%Y', '%Y-%m-%d') }}", "2015-01-05"),
        ("{{ macros.ds_format('2015-03', '%Y-%m', '%Y-%m-%d %H') }}", "2015-03-01 00"),
        ("{{ macros.datetime(2026, 1, 2, hour=3) }}", "2026-01-02 03:00:00"),
        (
            "{{ macros.datetime.strptime('02.01.2026', '%d.%m.%Y').isoformat() }}",
            "2026-01-02T00:00:00",
        ),
        ("{{ macros.datetime.now() | ds }}", "2026-03-20"),
        ("{{ macros.timedelta(days=1, hours=2) }}", "1 day, 2:00:00"),
        ("{{ macros.timedelta(hours=-1) }}", "-1 day, 23:00:00"),
        ("{{ macros.timedelta(minutes=2).total_seconds() }}", "120.0"),
        ("{{ 0 <= macros.random() < 1 }} {{ macros.uuid.uuid4() | length }}", "True 36"),
        ("{{ macros.json.dumps(params.limit) }} {{ macros.json.loads('[1]')[0] }}", "10 1"),
        ("{{ macros.time.time() }}", "1774000000.0"),
    ])
    .await;
}

#[tokio::test]
async fn variables_connections_and_results_come_from_the_desk() {
    check(&[
        ("{{ var.value.region }} {{ var.json.settings.depth.max }}", "eu 4"),
        ("{{ var.value.get('nothing', 'else') }} {{ var.value.get('region', 'else') }}", "else eu"),
        ("{{ var.value.nothing | default('d') }}", "d"),
        (
            "{{ conn.api.host }}{{ conn.api.extra_dejson.path }} {{ conn.api.port }}",
            "api.example/v1 None",
        ),
        ("{{ ti.xcom_pull(task_ids='extract').rows }}", "3"),
        ("{{ ti.xcom_pull('extract')['names'] }}", "['a', \"b's\"]"),
        ("{{ task_instance.xcom_pull(task_ids='extract', key='other') }}", "else"),
        ("{{ ti.xcom_pull(task_ids=['extract', 'nobody'], key='other') }}", "['else', None]"),
        ("{{ ti.xcom_pull() }} {{ ti.xcom_pull(task_ids='nobody') }}", "1.0 None"),
        (
            "{{ ti.try_number }} {{ ti.task_id }} {{ run_id }} {{ task.task_id }}",
            "2 me manual__1 me",
        ),
    ])
    .await;
}

#[tokio::test]
async fn values_are_written_as_python_writes_them() {
    check(&[
        (
            "{{ params }}",
            "{'limit': 10, 'when': '2026-01-01T00:00:00Z', 'flag': True, 'none': None}",
        ),
        ("{{ params.flag }} {{ params.none }} {{ 1.0 }}", "True None 1.0"),
        ("{% for k, v in dag_run.conf.items() %}{{ k.upper() }}={{ v }}{% endfor %}", "WHO=me"),
        ("{% if dag_run.conf.get('x') %}a{% else %}b{% endif %}", "b"),
        ("no template: ${HOME} {x} %d", "no template: ${HOME} {x} %d"),
        ("{{ '<&>' }}", "<&>"),
    ])
    .await;
}

#[tokio::test]
async fn an_unknown_name_is_named_with_the_nearest_known_one() {
    refuse(&[
        ("{{ logical_dat }}", "logical_dat is not defined; did you mean logical_date?"),
        ("{{ dag.dag_idd }}", "dag has no dag_idd; did you mean dag_id?"),
        ("{{ params.limt }}", "params has no limt; did you mean limit?"),
        ("{{ params.limt.x }}", "params has no limt"),
        ("{{ var.value.nothing }}", "there is no variable nothing; set it"),
        ("{{ var.json.settings.dept }}", "dept"),
        ("{{ var.json.region.x }}", "variable region holds no JSON"),
        ("{{ conn.nowhere.host }}", "there is no connection nowhere"),
        ("{{ ds | dss }}", "dss"),
        ("line\n{{ ds.uper() }}", "in bash_command, line 2"),
        ("{{ ds", "cannot be rendered"),
        ("{{ logical_date + 1 }}", "macros.timedelta"),
    ])
    .await;
    let task = task(json!({"bash_command": "{{ ds }}"}), json!({"logical_date": null}));
    let fault = super::render(&settings(), &task, &Known).await.unwrap_err();
    assert!(fault.to_string().contains("this run has no logical date"), "{fault}");
}

#[tokio::test]
async fn a_template_ends_however_long_its_loops_are() {
    let endless = "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}";
    refuse(&[(endless, "takes too long")]).await;
    let wide = "{% for i in range(9999) %}{{ var.value.get('v' ~ i, 'd') }}{% endfor %}";
    refuse(&[("{{ ds * 999999999 }}", "cannot be rendered"), (wide, "more than")]).await;
}

#[tokio::test]
async fn only_templated_arguments_are_rendered_and_at_any_depth() {
    let arguments = json!({
        "bash_command": "x",
        "env": {"A": "{{ ds }}", "B": "{{ params.limit }}"},
        "append_env": true,
    });
    let task = task(arguments, context());
    let rendered = super::render(&settings(), &task, &Known).await.unwrap().unwrap();
    let expected = json!({
        "bash_command": "x",
        "env": {"A": "2026-03-29", "B": "10"},
        "append_env": true,
    });
    assert_eq!(Value::Object(rendered), expected);
}
