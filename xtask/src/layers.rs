//! Which crate may depend on which, read from `cargo metadata`.
//!
//! Only the binary knows the embedded broker and store: everything else speaks their wire
//! protocols to an address. Only the SQL side knows DataFusion, so that the rest builds fast.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A crate, and the only workspace crates that may depend on it.
const KEEPERS: &[(&str, &[&str])] = &[
    ("broker", &["millstream"]),
    ("store", &["millstream"]),
    ("commitlog", &["millstream", "broker"]),
    ("cql", &["millstream", "store"]),
    ("dialect", &["millstream", "engine"]),
    ("engine", &["millstream"]),
    ("console", &["millstream"]),
    // Pages show what the database holds: what serves them cannot read a DAG file.
    ("dagfile", &["millstream", "orchestrator"]),
    ("executor", &["millstream", "orchestrator", "python"]),
    ("orchestrator", &["millstream"]),
    ("python", &["millstream"]),
    ("webserver", &["millstream"]),
    ("accounts", &["millstream", "webserver", "console"]),
    ("kafkaadmin", &["millstream", "console", "doctor"]),
    // One crate knows SQL, one hashes passwords.
    ("sqlx", &["metadata"]),
    ("argon2", &["accounts"]),
    ("datafusion", &["dialect", "engine", "millstream"]),
    ("datafusion-spark", &["dialect", "engine", "millstream"]),
];

/// Checks the dependencies of all workspace crates, except those for tests only.
pub(crate) fn run(root: &Path) -> Result<String, String> {
    let output = Command::new(crate::cargo())
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("cargo metadata failed: {reason}"));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata gave no JSON: {error}"))?;
    let edges = edges(&metadata);
    let problems = problems(&edges);
    if problems.is_empty() {
        return Ok(format!("layers: {} dependencies, all allowed", edges.len()));
    }
    Err(problems.join("\n"))
}

/// Pairs of a workspace crate and something it depends on in product code.
fn edges(metadata: &Value) -> Vec<(String, String)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_string();
    let mut edges = Vec::new();
    for package in list(&metadata["packages"]) {
        for dependency in list(&package["dependencies"]) {
            if dependency["kind"].as_str() != Some("dev") {
                edges.push((name(&package), name(&dependency)));
            }
        }
    }
    edges
}

fn problems(edges: &[(String, String)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (from, to) in edges {
        for (kept, keepers) in KEEPERS {
            if to == kept && !keepers.contains(&from.as_str()) {
                let allowed = keepers.join(", ");
                problems.push(format!("{from} depends on {to}; only {allowed} may"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_to_the_embedded_broker_is_found() {
        let edge = |from: &str, to: &str| (from.to_string(), to.to_string());
        assert!(problems(&[edge("millstream", "broker"), edge("broker", "commitlog")]).is_empty());
        assert_eq!(problems(&[edge("engine", "broker"), edge("console", "datafusion")]).len(), 2);
    }
}
