//! Python DAG files beside a list of packages. They need an interpreter, so that they run by
//! `cargo test --release --test it -- --ignored python::`, as `.ci/run` does.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use crate::command::{FREE_PORTS, Said, millstream, project, run};
use crate::up::Up;

const USES: &str = "\
from airflow import DAG
from airflow.operators.python import PythonOperator
import thing

with DAG('uses', schedule=None) as dag:
    PythonOperator(task_id='say', python_callable=lambda: print('thing says', thing.value))
";
/// An interpreter that has the package `thing` installed.
const PYTHON: &str =
    "#!/bin/sh\nPYTHONPATH=\"$(dirname \"$0\")/site-packages\" exec python3 \"$@\"\n";
const METADATA: &str = "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n";
/// Commands that are run in the hope for a change, which takes a second or two.
const LOOKS: usize = 500;

fn until(at: &Path, arguments: &[&str], is: impl Fn(&Said) -> bool) -> Said {
    let mut said = run(at, arguments);
    for _ in 0..LOOKS {
        if is(&said) {
            return said;
        }
        said = run(at, arguments);
    }
    panic!("{arguments:?} goes on saying {}{}", said.out, said.err);
}

/// Adds the package by the API, as a user of this role; the answer's first line.
fn add(at: &Path, role: &str) -> String {
    let password = at.join("password");
    std::fs::write(&password, "a long enough password\n").unwrap();
    let input = std::fs::File::open(&password).unwrap();
    let mut create = millstream(at, &["users", "create", role, "--role", role]);
    assert!(create.stdin(input).output().unwrap().status.success());
    let token = run(at, &["users", "token", role, "t"]).out;
    let addresses = std::fs::read_to_string(at.join("data/addresses.json")).unwrap();
    let addresses: serde_json::Value = serde_json::from_str(&addresses).unwrap();
    let address = addresses["webserver"].as_str().unwrap();
    let body = "{\"name\": \"thing\"}";
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/v2/packages HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "needs python3; .ci/run asks for it"]
fn a_dag_author_cannot_add_a_package_and_a_deployment_manager_can() {
    let settings =
        format!("{FREE_PORTS}\n[orchestrator]\npython = \"venv/python\"\npackages = \"listed\"\n");
    let directory = project(&[
        ("millstream.toml", &settings),
        ("dags/uses.py", USES),
        ("venv/python", PYTHON),
        ("venv/site-packages/thing/__init__.py", "value = 7\n"),
        ("venv/site-packages/thing-1.0.dist-info/METADATA", METADATA),
        ("venv/site-packages/thing-1.0.dist-info/top_level.txt", "thing\n"),
    ]);
    let at = directory.path();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(at.join("venv/python"), mode).unwrap();
    let (_up, _) = Up::start(at, &["--only", "orchestrator,webserver"]);
    let list = ["dags", "list"];
    until(at, &list, |said| said.err.contains("import error"));
    for role in ["Viewer", "OperationsUser", "DagAuthor"] {
        assert_eq!(add(at, role), "HTTP/1.0 403 Forbidden", "{role}");
    }
    assert_eq!(add(at, "DeploymentManager"), "HTTP/1.0 201 Created");
    until(at, &list, |said| said.out.contains("uses") && !said.err.contains("import error"));
    assert_eq!(run(at, &["dags", "unpause", "uses"]).code, Some(0));
    let said = run(at, &["dags", "trigger", "uses", "--wait"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let log = run(at, &["dags", "logs", "uses", "latest", "say"]).out;
    assert!(log.contains("thing says 7"), "{log}");
}
