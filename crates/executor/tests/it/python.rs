//! `python` tasks in a real interpreter. `cargo test` needs no other software, so they run by
//! `cargo test --release --test it -- --ignored python::`, as `.ci/run` does.

use crate::desk::House;
use dag::Operator;
use executor::{Connection, Outcome, Policy};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn code(house: &House, code: &str) -> Value {
    house.result(Operator::Python, json!({ "python_callable": code })).await
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn a_function_gets_its_arguments_and_what_it_names_of_the_context() {
    let house = House::new();
    std::fs::create_dir(house.path("dags/lib")).unwrap();
    std::fs::write(
        house.path("dags/lib/tasks.py"),
        "import sys\n\
         def other(a, b, *, ds, params, logical_date, ti):\n\
         \x20   print('printed')\n\
         \x20   print('complained', file=sys.stderr)\n\
         \x20   return [a, b, ds, params['n'], logical_date.hour, ti.task_id, ti.try_number]\n",
    )
    .unwrap();
    let arguments = json!({
        "python_callable_name": "other",
        "python_callable_file": "lib/tasks.py",
        "op_args": ["{{ ds_nodash }}"],
        "op_kwargs": {"b": {"deep": ["{{ params.n }}"]}},
    });
    let result = house.result(Operator::Python, arguments).await;
    assert_eq!(result, json!(["20260102", {"deep": ["3"]}, "2026-01-02", 3, 3, "t", 1]));
    let log = house.desk.log_text();
    assert!(log.contains("out: printed\n") && log.contains("err: complained\n"), "{log}");
    let path = json!({"python_callable": "lib.tasks.other", "op_args": [1, 2]});
    let result = house.result(Operator::Python, path).await;
    assert_eq!(result[0], 1);
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn code_is_an_expression_or_statements_that_end_in_a_function() {
    let house = House::new();
    assert_eq!(code(&house, "lambda ds: ds").await, "2026-01-02");
    let statements = "import math\ndef helper():\n  return 2\ndef f(**context):\n  \
                      return [helper(), context['run_id'], math.floor(2.5)]\n";
    let result = code(&house, statements).await;
    assert_eq!(result, json!([2, "manual__2026-01-02T03:04:05+00:00", 2]));
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn a_function_asks_for_variables_connections_and_results() {
    let house = House::new();
    house.desk.variables.lock().unwrap().insert("api_key".into(), "k-e-y-1".into());
    house.desk.xcoms.lock().unwrap().insert("extract/return_value".into(), json!({"rows": 3}));
    house.desk.connect(Connection {
        id: "db".into(),
        host: Some("h".into()),
        extra: Some("{\"x\": 1}".into()),
        ..Connection::default()
    });
    let asks = "def f(ti, var, conn):\n  print('key', var.value.api_key)\n  \
                ti.xcom_push('more', {'a': 1})\n  return [ti.xcom_pull('extract')['rows'], \
                ti.xcom_pull(task_ids=['extract', 'no']), var.value.get('no', 'd'), \
                conn.db.host, conn.db.extra_dejson['x']]\n";
    let result = code(&house, asks).await;
    assert_eq!(result, json!([3, [{"rows": 3}, null], "d", "h", 1]));
    assert_eq!(house.desk.pushed.lock().unwrap()["more"], json!({"a": 1}));
    assert!(house.desk.log_text().contains("out: key ***\n"), "{}", house.desk.log_text());
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn a_function_that_fails_says_why() {
    let house = House::new();
    let fail = |code: &str| {
        let arguments = json!({ "python_callable": code });
        house.failure(Operator::Python, arguments)
    };
    let (reason, retryable) = fail("def f():\n  raise ValueError('no luck')").await;
    assert_eq!((reason.as_str(), retryable), ("ValueError: no luck", true));
    assert!(house.desk.log_text().contains("err: Traceback"), "{}", house.desk.log_text());
    let (reason, retryable) = fail("lambda: {1, 2}").await;
    assert!(reason.contains("Object of type set is not JSON serializable"), "{reason}");
    assert!(!retryable);
    let (reason, _) = fail("lambda: float('nan')").await;
    assert!(reason.contains("cannot be kept as JSON"), "{reason}");
    let (reason, _) = fail("1 + 1").await;
    assert!(reason.contains("defines no function"), "{reason}");
    let (reason, _) = fail("def f(:").await;
    assert!(reason.contains("SyntaxError"), "{reason}");
    let (reason, _) = fail("def f():\n  import os\n  os._exit(7)").await;
    assert!(reason.contains("ended with code 7"), "{reason}");
    let (reason, _) = fail("def f():\n  import os, signal\n  os.kill(os.getpid(), 9)").await;
    assert!(reason.contains("signal 9"), "{reason}");
    let (reason, _) = fail("def f(var):\n  return var.value.nothing").await;
    assert!(reason.contains("there is no variable nothing"), "{reason}");
    let missing = json!({"python_callable_name": "f", "python_callable_file": "no.py"});
    let (reason, retryable) = house.failure(Operator::Python, missing).await;
    assert!(reason.contains("there is no file no.py") && !retryable, "{reason}");
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn a_function_can_skip_its_task_and_may_return_nothing() {
    let house = House::new();
    let skip = "class AirflowSkipException(Exception): pass\ndef f():\n  \
                raise AirflowSkipException('nothing new')";
    let outcome = house.run(Operator::Python, json!({ "python_callable": skip })).await;
    assert_eq!(outcome, Outcome::Skipped { reason: "nothing new".into() });
    assert_eq!(code(&house, "lambda: None").await, Value::Null);
    assert!(house.desk.pushed.lock().unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn an_interpreter_that_is_not_there_is_named() {
    let house = House::with(|settings| settings.python = "no-such-python".into());
    let (reason, _) = house.failure(Operator::Python, json!({"python_callable": "print"})).await;
    assert!(reason.contains("cannot start no-such-python"), "{reason}");
}

/// A project with an installed package `thing`, of which another one, `other`, is a part.
fn house_with_packages(listed: &[(&str, Option<&str>)]) -> House {
    let policy = Policy::new(true, false);
    let listed = listed
        .iter()
        .map(|(name, version)| ((*name).to_owned(), version.map(str::to_owned)))
        .collect();
    let _differs = policy.set(listed, BTreeSet::new());
    let house = House::with(|settings| {
        let site = settings.project.join("venv/site-packages");
        settings.environment.insert("PYTHONPATH".to_owned(), site.display().to_string());
        settings.policy = policy;
    });
    for (name, needs) in [("thing", "Requires-Dist: other>=1\n"), ("other", ""), ("third", "")] {
        install(&house.path("venv/site-packages"), name, needs);
    }
    house
}

/// What pip leaves of a package of one module.
fn install(site: &std::path::Path, name: &str, needs: &str) {
    let about = site.join(format!("{name}-1.2.dist-info"));
    std::fs::create_dir_all(site.join(name)).unwrap();
    std::fs::create_dir_all(&about).unwrap();
    std::fs::write(site.join(name).join("__init__.py"), "value = 7\n").unwrap();
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n{needs}");
    std::fs::write(about.join("METADATA"), metadata).unwrap();
    std::fs::write(about.join("top_level.txt"), format!("{name}\n")).unwrap();
}

fn importing(module: &str) -> Value {
    json!({"python_callable": format!("def f():\n  import {module}\n  return {module}.value")})
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn only_listed_packages_and_what_they_require_are_imported() {
    let house = house_with_packages(&[("thing", None)]);
    assert_eq!(house.result(Operator::Python, importing("thing")).await, 7);
    assert_eq!(house.result(Operator::Python, importing("other")).await, 7);
    let standard = "def f():\n  import sqlite3, decimal, csv\n  return 1";
    assert_eq!(code(&house, standard).await, 1);
    let (reason, _) = house.failure(Operator::Python, importing("third")).await;
    for word in ["third 1.2 (module third) is not on the list", "Deployment Manager can add it"] {
        assert!(reason.contains(word), "{reason}");
    }
    for way in [
        "__import__('third')",
        "__import__('importlib').import_module('third')",
        "__import__('runpy').run_module('third')",
        "exec(compile('1', 'venv/site-packages/third/__init__.py', 'exec'))",
    ] {
        let (reason, _) = house
            .failure(Operator::Python, json!({"python_callable": format!("lambda: {way}")}))
            .await;
        assert!(reason.contains("third"), "{way}: {reason}");
    }
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn a_listed_version_is_that_version() {
    let house = house_with_packages(&[("thing", Some("1.2")), ("third", Some("2.0"))]);
    assert_eq!(house.result(Operator::Python, importing("thing")).await, 7);
    let (reason, _) = house.failure(Operator::Python, importing("third")).await;
    assert!(reason.contains("third 1.2 (module third) is installed, and the list has version 2.0"));
}

#[tokio::test]
#[ignore = "needs python3; .ci/run asks for it"]
async fn a_package_is_not_added_by_a_copy_in_the_folder_of_dag_files() {
    let house = house_with_packages(&[]);
    std::fs::create_dir_all(house.path("dags")).unwrap();
    std::fs::write(house.path("dags/own.py"), "value = 5\n").unwrap();
    assert_eq!(house.result(Operator::Python, importing("own")).await, 5);
    install(&house.path("dags/vendor"), "fourth", "");
    let vendored = "def f():\n  import sys\n  sys.path.insert(0, 'dags/vendor')\n  import fourth";
    let (reason, _) = house.failure(Operator::Python, json!({"python_callable": vendored})).await;
    assert!(reason.contains("not added by a copy"), "{reason}");
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("fifth.py"), "value = 1\n").unwrap();
    let far = format!(
        "def f():\n  import sys\n  sys.path.append({:?})\n  import fifth",
        elsewhere.path().display().to_string()
    );
    let (reason, _) = house.failure(Operator::Python, json!({"python_callable": far})).await;
    assert!(reason.contains("nor in the folder of DAG files"), "{reason}");
}
