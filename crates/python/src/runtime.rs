//! Which Python runtime there is, and why that one.

use crate::files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The first version of Airflow whose tasks run behind a socket.
const AIRFLOW_MIN: (u32, u32) = (3, 1);
/// The first Python that the built-in package runs on.
const PYTHON_MIN: (u32, u32) = (3, 8);
/// What an interpreter may answer about itself, bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1_024;

/// What reads and runs Python DAG files, from the best to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// Apache Airflow itself, through its task SDK.
    Airflow,
    /// The package `airflow` that lies in this program.
    BuiltIn,
    /// No interpreter: no Python DAG file can be read.
    None,
}

/// A Python runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Which kind it is.
    pub rung: Rung,
    /// For people and for the metadata: `airflow 3.3.2`, `built-in`, `none`.
    pub name: String,
    /// Airflow's version, else Python's; empty without an interpreter.
    pub version: String,
    /// Why this one: what was found, where, and what would change it.
    pub reason: String,
}

/// What an interpreter tells about itself.
#[derive(Debug, Clone, Deserialize)]
struct Found {
    python: String,
    executable: String,
    airflow: Option<String>,
    task_sdk: Option<String>,
    place: Option<String>,
}

impl Runtime {
    fn none(reason: String) -> Self {
        Self { rung: Rung::None, name: "none".to_owned(), version: String::new(), reason }
    }

    /// The built-in package on an interpreter, and why.
    fn built_in(found: &Found, why: &str) -> Self {
        Self {
            rung: Rung::BuiltIn,
            name: "built-in".to_owned(),
            version: found.python.clone(),
            reason: format!(
                "{why} in {} (Python {}); the built-in package is used",
                found.executable, found.python
            ),
        }
    }

    /// The built-in package instead of an Airflow that does not load.
    pub(crate) fn without_airflow(self, error: &str) -> Self {
        let reason =
            format!("{} but does not load ({error}); the built-in package is used", self.reason);
        Self { rung: Rung::BuiltIn, name: "built-in".to_owned(), reason, ..self }
    }
}

/// Asks an interpreter what it has.
pub(crate) async fn detect(
    interpreter: &Path,
    environment: &BTreeMap<String, String>,
    timeout: Duration,
    built_in_only: bool,
) -> Runtime {
    let mut command = Command::new(interpreter);
    command
        .args(["-c", files::DETECT])
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let shown = interpreter.display();
    let output = match tokio::time::timeout(timeout, command.output()).await {
        Err(_) => {
            return Runtime::none(format!(
                "{shown} did not answer within {} s; check that it is a Python interpreter",
                timeout.as_secs_f64()
            ));
        }
        Ok(Err(error)) => {
            return Runtime::none(format!(
                "no interpreter: cannot start {shown}: {error}; install Python 3.8 or later, or name \
                 another in the settings"
            ));
        }
        Ok(Ok(output)) => output,
    };
    let text = &output.stdout[..output.stdout.len().min(ANSWER_BYTES_MAX)];
    match serde_json::from_slice::<Found>(text) {
        Ok(found) => choose(&found, built_in_only),
        Err(_) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.lines().last().unwrap_or("it printed something else").trim().to_owned();
            Runtime::none(format!("{shown} is no Python 3 interpreter: {last}"))
        }
    }
}

/// The best rung that an interpreter reaches.
fn choose(found: &Found, built_in_only: bool) -> Runtime {
    if version(&found.python) < PYTHON_MIN {
        return Runtime::none(format!(
            "{} is Python {}, and 3.8 or later is needed",
            found.executable, found.python
        ));
    }
    let Some(airflow) = &found.airflow else {
        return Runtime::built_in(found, "no apache-airflow");
    };
    if built_in_only {
        let why = format!("the settings pass over apache-airflow {airflow}");
        return Runtime::built_in(found, &why);
    }
    if version(airflow) < AIRFLOW_MIN || found.task_sdk.is_none() {
        let why = format!("apache-airflow {airflow} was found, and 3.1 or later is needed,");
        return Runtime::built_in(found, &why);
    }
    Runtime {
        rung: Rung::Airflow,
        name: format!("airflow {airflow}"),
        version: airflow.clone(),
        reason: format!(
            "apache-airflow {airflow} was found in {}",
            found.place.as_deref().unwrap_or(&found.executable)
        ),
    }
}

/// The first two numbers of a version; zeros where there are none.
fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{Found, Rung, choose, detect};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::time::Duration;

    fn found(python: &str, airflow: Option<&str>) -> Found {
        Found {
            python: python.to_owned(),
            executable: "/venv/bin/python".to_owned(),
            airflow: airflow.map(str::to_owned),
            task_sdk: airflow.map(|_| "1.1.0".to_owned()),
            place: airflow.map(|_| "/venv/lib/site-packages".to_owned()),
        }
    }

    #[test]
    fn the_best_rung_that_the_interpreter_reaches_is_taken_and_the_reason_says_why() {
        for (python, airflow, only, name, reason) in [
            ("3.12.1", Some("3.3.2"), false, "airflow 3.3.2", "found in /venv/lib"),
            ("3.12.1", Some("3.3.2"), true, "built-in", "the settings pass over"),
            ("3.12.1", Some("3.0.6"), false, "built-in", "3.1 or later is needed"),
            ("3.12.1", Some("2.10.5"), false, "built-in", "3.1 or later is needed"),
            ("3.12.1", Some("10.0.0rc1"), false, "airflow 10.0.0rc1", "found in"),
            (
                "3.8.18",
                None,
                false,
                "built-in",
                "no apache-airflow in /venv/bin/python (Python 3.8.18)",
            ),
            ("3.7.16", None, false, "none", "3.8 or later"),
        ] {
            let runtime = choose(&found(python, airflow), only);
            assert_eq!(runtime.name, name, "{python} {airflow:?}");
            assert!(runtime.reason.contains(reason), "{}", runtime.reason);
        }
    }

    #[tokio::test]
    async fn a_program_that_is_no_interpreter_gives_no_runtime() {
        let patience = Duration::from_secs(20);
        for (program, reason) in
            [("/nowhere/python3", "cannot start /nowhere/python3"), ("/bin/echo", "no Python 3")]
        {
            let runtime = detect(Path::new(program), &BTreeMap::new(), patience, false).await;
            assert_eq!(runtime.rung, Rung::None);
            assert!(runtime.reason.contains(reason), "{}", runtime.reason);
        }
    }
}
