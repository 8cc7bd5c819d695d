//! Runs the SQL catalogue's examples on `PySpark` and compares values and types.
//!
//! The catalogue comes as JSON from the example binary `catalogue` of crate `dialect`; the script
//! beside this file evaluates it. A difference means that the entry is to be fixed or removed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::say;

const SCRIPT: &str = include_str!("dialect/spark.py");
const VERSION: &str = "4.2.*";

/// Compares and prints; an error if anything differs.
pub(crate) fn run(root: &Path, venv: Option<PathBuf>) -> Result<String, String> {
    let catalogue = catalogue(root)?;
    let python = python(&venv.unwrap_or_else(|| std::env::temp_dir().join("millstream-pyspark")))?;
    let answers = spark(&python, &catalogue)?;
    let listed: Value = serde_json::from_str(&catalogue)
        .map_err(|error| format!("the catalogue is no JSON: {error}"))?;
    compare(&listed, &answers)
}

/// Builds with the whole workspace, so that DataFusion is compiled once for all.
fn catalogue(root: &Path) -> Result<String, String> {
    let output = Command::new(crate::cargo())
        .args(["run", "--release", "--quiet", "--example", "catalogue"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run the example catalogue: {error}"))?;
    if !output.status.success() {
        return Err("the example catalogue failed".into());
    }
    String::from_utf8(output.stdout).map_err(|error| format!("the catalogue is no text: {error}"))
}

/// The interpreter of a virtual environment that has `PySpark`; makes it if needed.
fn python(venv: &Path) -> Result<PathBuf, String> {
    let python = venv.join("bin").join("python");
    if !python.exists() {
        say(&format!("making {}", venv.display()));
        command(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    }
    let check = "import pyspark, sys; sys.exit(not pyspark.__version__.startswith('4.2.'))";
    let ready = Command::new(&python)
        .args(["-c", check])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !ready {
        say("installing PySpark 4.2 (about 450 MB)");
        let wanted = format!("pyspark=={VERSION}");
        command(Command::new(&python).args(["-m", "pip", "install", "--quiet", &wanted]))?;
    }
    Ok(python)
}

fn command(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} ended with {status}")),
        Err(error) => Err(format!("cannot run {command:?}: {error}")),
    }
}

/// Spark's answers, one per example, in the catalogue's order.
fn spark(python: &Path, catalogue: &str) -> Result<Vec<Value>, String> {
    let failed = |error: std::io::Error| format!("cannot run PySpark: {error}");
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    // The script reads all of its input before it writes, so this cannot block on output.
    if let Some(mut input) = child.stdin.take() {
        input.write_all(catalogue.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        return Err(format!("PySpark ended with {}; is Java 17 there?", output.status));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{line}: {error}")))
        .collect()
}

fn compare(listed: &Value, answers: &[Value]) -> Result<String, String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let mut answers = answers.iter();
    let (mut passed, mut failed) = (0, 0);
    for entry in list(&listed["entries"]) {
        let mut differences = Vec::new();
        let mut count = 0;
        for example in list(&entry["examples"]) {
            count += 1;
            let Some(answer) = answers.next() else {
                return Err("PySpark gave too few answers".into());
            };
            if let Some(difference) = difference(&example, answer) {
                differences.push(format!("  {}\n    {difference}", text(&example["sql"])));
            }
        }
        let right = count - differences.len();
        passed += right;
        failed += differences.len();
        let mark = if differences.is_empty() { "ok  " } else { "FAIL" };
        say(&format!("{mark} {:<24} {right:>3} of {count:>3}", text(&entry["name"])));
        for difference in differences {
            say(&difference);
        }
    }
    let summary = format!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(summary) } else { Err(summary) }
}

/// How Spark's answer differs from what is listed.
fn difference(example: &Value, answer: &Value) -> Option<String> {
    let (expected, found) = (&example["expected"], &answer["value"]);
    if expected != found {
        let reason = answer["error"].as_str().unwrap_or_default();
        return Some(format!("listed {expected}, Spark gives {found} {reason}"));
    }
    let (ours, theirs) = (example["type"].as_str(), answer["type"].as_str());
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            Some(format!("the type is {ours}, on Spark {theirs}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_and_types_must_both_be_equal() {
        let listed = json!({ "sql": "7 / 2", "expected": "3.5", "type": "double" });
        assert_eq!(difference(&listed, &json!({ "value": "3.5", "type": "double" })), None);
        assert!(difference(&listed, &json!({ "value": "3", "type": "double" })).is_some());
        assert!(difference(&listed, &json!({ "value": "3.5", "type": "decimal(2,1)" })).is_some());
        let refused = json!({ "sql": "1 / 0", "expected": "ERROR", "type": "double" });
        assert_eq!(difference(&refused, &json!({ "value": "ERROR", "type": null })), None);
    }
}
